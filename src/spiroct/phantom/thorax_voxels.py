"""Filling of a voxel grid with the thoracic wall, the space of the lungs and the organs below the diaphragm."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spiroct.phantom.anatomy_compiled import compiled
from spiroct.phantom.anatomy_paint import ellipsoid_distance
from spiroct.phantom.anatomy_tissue import ABDOMINAL_FAT, DIAPHRAGM, FAT, GAS, STOMACH
from spiroct.phantom.thorax import SKIN_OUT
from spiroct.phantom.thorax_look_up import Spot, cage_gap, clipped, on_lattice, on_plane, spot_at
from spiroct.phantom.thorax_wall import FAT_HU, wall_at
from spiroct.types import Float32Array, Float64Array, UInt8Array

_MUSCLE_MM = 3.0  # thickness of the diaphragm
_GAS_LEVEL_MM = 12.0  # how far above the stomach's middle its gas begins, supine


class Bounds(NamedTuple):
    """What bounds the lungs, on a lattice: as in ``lungs.LungShape``."""

    between: Float32Array
    floor: Float32Array
    floor_slope: Float32Array
    ceiling: Float32Array
    origin: Float64Array
    step: float


@compiled
def fill_thorax(
    hounsfield: Float32Array,
    tissue: UInt8Array,
    lung: Float32Array,
    origin: Float64Array,
    spacing: Float64Array,
    table: Float32Array,
    centre_y: Float64Array,
    sternum: Float64Array,
    bounds: Bounds,
    organs: Float64Array,
    tile: Float32Array,
    settings: Float64Array,
) -> None:
    """Write density, tissue and lung share of every voxel.

    Parameters
    ----------
    hounsfield, tissue, lung : array (n_z, n_y, n_x)
        Written: HU of what is not lung, its tissue, and the share of the voxel inside the lungs.
    origin, spacing : array (3,)
        Centre of the first voxel and voxel size, mm.
    table, centre_y, sternum : arrays
        The wall at each slice, as in ``thorax.Wall``.
    bounds : Bounds
    organs : array (n, 14)
        Ellipsoids below the diaphragm: centre, three axes, tissue, HU.
    tile : array (64, 64, 64)
        Texture.
    settings : array
        As ``thorax_wall`` lists them.
    """
    voxel = (spacing[0] * spacing[1] * spacing[2]) ** (1.0 / 3.0)
    flat = np.sqrt(spacing[1] * spacing[2])
    axes = organs[:, 3:12].copy().reshape(-1, 3, 3)
    squares = (axes * axes).sum(axis=2)
    for k in range(hounsfield.shape[0]):
        z = origin[0] + k * spacing[0]
        farthest = table[k, :, SKIN_OUT].max() + voxel
        for j in range(hounsfield.shape[1]):
            y = origin[1] + j * spacing[1]
            for i in range(hounsfield.shape[2]):
                x = origin[2] + i * spacing[2]
                if (y - centre_y[k]) ** 2 + x * x > farthest * farthest:
                    continue
                spot = spot_at(z, y, x, k, table, centre_y)
                gap = cage_gap(spot)
                over = 0.0
                if gap > -0.5 * voxel:
                    over, lung[k, j, i] = _lung_share(spot, gap, bounds, voxel)
                if gap <= 0:
                    hounsfield[k, j, i], tissue[k, j, i] = wall_at(spot, table, sternum, tile, settings, flat)
                elif over < -_MUSCLE_MM:
                    hounsfield[k, j, i], tissue[k, j, i] = _abdomen(spot, gap, organs, axes, squares, voxel, settings)
                elif over < 0.5 * voxel:
                    hounsfield[k, j, i], tissue[k, j, i] = 48.0, DIAPHRAGM
                else:
                    hounsfield[k, j, i], tissue[k, j, i] = settings[FAT_HU] + 6.0, FAT


@compiled
def _lung_share(spot: Spot, gap: float, bounds: Bounds, voxel: float) -> tuple[float, float]:
    """Distance above the diaphragm (mm) and the share of the voxel inside the lungs."""
    lz = (spot.z - bounds.origin[0]) / bounds.step
    ly = (spot.y - bounds.origin[1]) / bounds.step
    lx = (spot.x - bounds.origin[2]) / bounds.step
    over = (spot.z - on_plane(bounds.floor, ly, lx)) / on_plane(bounds.floor_slope, ly, lx)
    room = min(gap, over, (on_plane(bounds.ceiling, ly, lx) - spot.z) * 0.75)
    if room > -0.5 * voxel:
        room = min(room, on_lattice(bounds.between, lz, ly, lx))
    return over, clipped(0.5 + room / voxel)


@compiled
def _abdomen(
    spot: Spot,
    gap: float,
    organs: Float64Array,
    axes: Float64Array,
    squares: Float64Array,
    voxel: float,
    settings: Float64Array,
) -> tuple[float, int]:
    """HU and tissue of a voxel below the diaphragm."""
    if gap < 4.0:
        return 46.0, DIAPHRAGM
    value, tissue = settings[FAT_HU], ABDOMINAL_FAT
    for n in range(organs.shape[0]):
        d = ellipsoid_distance(spot.z - organs[n, 0], spot.y - organs[n, 1], spot.x - organs[n, 2], axes[n], squares[n])
        share = clipped(0.5 - d / voxel)
        if share <= 0:
            continue
        code, organ = int(organs[n, 12]), organs[n, 13]
        if code == STOMACH and spot.y < organs[n, 1] - _GAS_LEVEL_MM and d < -4.0:
            code, organ = GAS, -960.0
        value += share * (organ - value)
        if share > 0.5:
            tissue = code
    return value, tissue
