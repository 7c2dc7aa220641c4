"""The thoracic wall as tables over height and direction: inner surface, ribs, muscle, fat and skin.

Around the axis of the thorax each direction theta (0 = back, 90 degrees = left) has a radius for every layer, so
that a voxel knows its tissue from one look-up. The inner surface was fitted to real lungs: cosine coefficients
of the convex outline of both lungs by level, mirrored and averaged over LIDC-IDRI-1011, Lung-PET-CT-Dx A0001 and
the Chest Imaging Platform's full-resolution lung label map, each scaled to a half width of 118 mm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spiroct.phantom.anatomy import Anatomy
from spiroct.types import Float32Array, Float64Array

DIRECTIONS = 360
LAYERS = 10  # columns of a wall table, as listed here
INNER, RIB_OUT, MUSCLE_OUT, SKIN_IN, SKIN_OUT, COSINE, RIB_OFFSET, RIB_KIND, SCAPULA, GLAND_SHARE = range(LAYERS)

_DEPTH = np.array(
    [-90.0, -45.0, -15.0, 8.0, 20.0, 35.0, 50.0, 70.0, 90.0, 110.0, 130.0, 150.0, 175.0, 230.0, 300.0, 400.0]
)
_COSINES = np.array(
    [
        [36.0, 0.0, -4.0, 0.0, 0.0, 0.0],
        [38.0, 0.0, -8.0, 0.0, 0.0, 0.0],
        [42.0, 0.5, -14.0, -1.0, 1.0, 0.5],
        [52.0, 0.9, -18.2, -2.0, 2.0, 1.0],
        [62.0, 0.5, -20.5, -1.7, 1.0, 1.0],
        [76.0, 1.3, -20.0, -2.5, -0.2, 1.0],
        [86.5, 1.1, -17.4, -2.7, -1.4, 0.2],
        [96.2, 1.1, -15.2, -2.5, -2.8, -0.2],
        [103.2, 0.8, -13.9, -2.1, -3.7, -0.3],
        [108.0, 1.4, -13.3, -2.4, -4.2, -0.2],
        [110.8, 2.0, -13.5, -2.4, -4.4, -0.4],
        [113.9, 2.3, -12.5, -2.0, -5.2, -0.6],
        [116.6, 3.0, -13.6, -2.1, -5.4, -0.5],
        [118.5, 4.0, -15.5, -2.0, -5.0, -0.5],
        [117.0, 4.0, -16.0, -2.0, -4.5, -0.4],
        [113.0, 3.0, -16.0, -2.0, -4.0, -0.4],
    ]
)  # fmt: skip
_CENTRE_Y = np.array([0.0, 4.0, 9.0, 12.0, 10.5, 7.0, 4.7, 2.4, 1.2, -0.4, -2.2, -4.6, -6.5, -9.0, -11.0, -12.0])

# Thickness of muscle (mm) against depth (rows) and direction from the back to the front (columns, degrees).
_MUSCLE_DIRECTION = np.array([0.0, 25.0, 50.0, 75.0, 100.0, 125.0, 150.0, 180.0])
_MUSCLE_DEPTH = np.array([-90.0, -30.0, 0.0, 30.0, 60.0, 100.0, 140.0, 180.0, 220.0, 260.0, 400.0])
_MUSCLE = np.array(
    [
        [30.0, 34.0, 32.0, 28.0, 24.0, 20.0, 16.0, 12.0],
        [32.0, 44.0, 66.0, 78.0, 66.0, 34.0, 22.0, 14.0],
        [30.0, 40.0, 62.0, 84.0, 82.0, 50.0, 26.0, 12.0],
        [30.0, 37.0, 48.0, 60.0, 62.0, 44.0, 22.0, 9.0],
        [30.0, 36.0, 37.0, 44.0, 46.0, 34.0, 18.0, 6.0],
        [31.0, 35.0, 25.0, 31.0, 32.0, 19.0, 11.0, 4.0],
        [31.0, 36.0, 19.0, 21.0, 20.0, 11.0, 7.0, 4.0],
        [31.0, 38.0, 16.0, 12.0, 12.0, 8.0, 7.0, 6.0],
        [32.0, 40.0, 18.0, 10.0, 10.0, 8.0, 9.0, 9.0],
        [30.0, 44.0, 20.0, 10.0, 9.0, 8.0, 9.0, 9.0],
        [32.0, 46.0, 22.0, 10.0, 9.0, 8.0, 9.0, 9.0],
    ]
)  # fmt: skip

RIBS = 12
_RIB_HEAD = -6.0 + 24.5 * np.arange(RIBS)  # depth of the rib at the spine
_RIB_FALL = np.array([58.0, 64.0, 70.0, 76.0, 80.0, 82.0, 81.0, 78.0, 74.0, 70.0, 42.0, 30.0])
_RIB_END = np.array([164.0, 157.0, 152.0, 148.0, 144.0, 140.0, 135.0, 128.0, 119.0, 110.0, 86.0, 58.0])
_STERNAL = np.array([46.0, 66.0, 91.0, 114.0, 135.0, 153.0, 168.0, 190.0, 214.0, 238.0, 0.0, 0.0])
_CARTILAGE_END = np.array([174.0, 174.0, 174.0, 174.0, 174.0, 174.0, 174.0, 160.0, 150.0, 138.0, 0.0, 0.0])
_RIB_START = 14.0


@dataclass(frozen=True)
class Wall:
    """The wall of a thorax at given heights.

    Parameters
    ----------
    table : array (n_z, 360, LAYERS), float32
        Radii in mm and marks by direction; COSINE turns radial into perpendicular distances, RIB_OFFSET is the
        height above the nearest rib's axis, RIB_KIND 0 none, 1 bone, 2 cartilage, SCAPULA the half thickness of
        the shoulder blade.
    centre_y : array (n_z,)
        Axis of the thorax.
    sternum : array (n_z, 2)
        Half width of the sternum, and its solidity.
    """

    table: Float32Array
    centre_y: Float64Array
    sternum: Float64Array


def directions() -> Float64Array:
    """Directions of the tables' columns, in radians, 0 = back, pi / 2 = left."""
    return np.linspace(0.0, 2 * np.pi, DIRECTIONS, endpoint=False)


def inner_radius(anatomy: Anatomy, z: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Radius of the thorax's inner surface, array (n_z, 360), and its axis y (n_z,), at heights z, in mm."""
    _, sy, sx = anatomy.scale
    depth = anatomy.depth(z)
    theta = directions()
    template = np.arctan2(np.sin(theta) / sx, np.cos(theta) / sy)
    coefficients = np.stack([np.interp(depth, _DEPTH, column) for column in _COSINES.T], axis=1)
    order = np.arange(_COSINES.shape[1])
    radius = coefficients @ np.cos(order[:, None] * template[None, :])
    radius *= np.hypot(sx * np.sin(template), sy * np.cos(template))[None, :]
    a = anatomy.shear
    radius *= 1 + 0.008 * (a[0] * np.sin(theta) + a[1] * np.sin(2 * theta) + 0.6 * a[2] * np.cos(3 * theta))[None, :]
    axis: Float64Array = np.interp(depth, _DEPTH, _CENTRE_Y) * sy
    return radius, axis


def wall(anatomy: Anatomy, z: Float64Array) -> Wall:
    """Tabulate the wall of the thorax at heights z (mm)."""
    inner, centre = inner_radius(anatomy, z)
    depth = anatomy.depth(z)
    folded = np.degrees(np.abs((directions() + np.pi) % (2 * np.pi) - np.pi))
    table = np.zeros((len(z), DIRECTIONS, LAYERS), dtype=np.float32)
    slope = (np.roll(inner, -1, 1) - np.roll(inner, 1, 1)) / (2 * 2 * np.pi / DIRECTIONS) / inner
    cosine = 1 / np.sqrt(1 + slope**2)
    muscle = _muscle(depth, folded) * anatomy.muscle
    fat, gland = _fat(anatomy, depth, folded)
    rib_out = inner + (9.5 * anatomy.mean_scale) / cosine
    muscle_out = rib_out + muscle / cosine
    skin_out = _rounded(muscle_out + (fat + anatomy.skin_mm) / cosine)
    table[:, :, INNER] = inner
    table[:, :, RIB_OUT] = rib_out
    table[:, :, MUSCLE_OUT] = muscle_out
    table[:, :, SKIN_IN] = skin_out - anatomy.skin_mm / cosine
    table[:, :, SKIN_OUT] = skin_out
    table[:, :, COSINE] = cosine
    table[:, :, GLAND_SHARE] = gland
    _ribs(anatomy, depth, folded, table)
    _scapulae(depth, folded, table)
    return Wall(table, centre, _sternum(anatomy, depth))


def _rounded(radius: Float64Array) -> Float64Array:
    """Smooth an outline over directions: skin spans the hollows between muscles."""
    kernel = np.exp(-0.5 * (np.arange(-10, 11) / 4.0) ** 2)
    kernel /= kernel.sum()
    padded = np.concatenate([radius[:, -10:], radius, radius[:, :10]], axis=1)
    return np.stack([np.convolve(row, kernel, mode="valid") for row in padded])


def _muscle(depth: Float64Array, folded: Float64Array) -> Float64Array:
    rows = np.stack([np.interp(depth, _MUSCLE_DEPTH, column) for column in _MUSCLE.T], axis=1)
    return np.stack([np.interp(folded, _MUSCLE_DIRECTION, row) for row in rows])


def _bump(
    depth: Float64Array, folded: Float64Array, at: tuple[float, float], width: tuple[float, float]
) -> Float64Array:
    vertical = np.exp(-0.5 * ((depth - at[0]) / width[0]) ** 2)
    return vertical[:, None] * np.exp(-0.5 * ((folded - at[1]) / width[1]) ** 2)[None, :]


def _fat(anatomy: Anatomy, depth: Float64Array, folded: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Thickness of fat and breast (mm), and the share of gland in it."""
    level = np.interp(depth, [-60.0, 40.0, 150.0, 260.0], [0.9, 0.75, 0.9, 1.25])
    around = np.interp(folded, [0.0, 40.0, 90.0, 130.0, 165.0, 180.0], [0.9, 1.1, 0.85, 0.85, 0.75, 0.55])
    fat = anatomy.fat_mm * level[:, None] * around[None, :]
    breast = anatomy.breast_mm * (
        _bump(depth, folded, (118.0, 138.0), (27.0, 17.0)) + 0.35 * _bump(depth, folded, (128.0, 112.0), (28.0, 15.0))
    )
    gland = anatomy.gland * _bump(depth, folded, (118.0, 138.0), (18.0, 11.0)) * (anatomy.breast_mm > 0)
    return fat + breast, gland


def _ribs(anatomy: Anatomy, depth: Float64Array, folded: Float64Array, table: Float32Array) -> None:
    """Mark, for every height and direction, how far the nearest rib or costal cartilage is."""
    sz = anatomy.scale[0]
    best = np.full((len(depth), DIRECTIONS), 1e3)
    kind = np.zeros_like(best)
    for rib in range(RIBS):
        axis, mark = rib_axis(rib, folded)
        offset = (depth[:, None] - axis[None, :]) * -sz
        offset = offset * _slope(axis, folded)[None, :]
        closer = (np.abs(offset) < np.abs(best)) & (mark > 0)[None, :]
        best = np.where(closer, offset, best)
        kind = np.where(closer, mark[None, :], kind)
    table[:, :, RIB_OFFSET] = np.clip(best, -60.0, 60.0)
    table[:, :, RIB_KIND] = kind


def rib_axis(rib: int, folded: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Template depth of a rib's axis and its kind (0 none, 1 bone, 2 cartilage) by folded direction in degrees."""
    end = _RIB_END[rib]
    share = np.clip((folded - _RIB_START) / (end - _RIB_START), 0.0, 1.0)
    fall = 0.45 * share + 0.55 * share * share * (3 - 2 * share)
    axis = _RIB_HEAD[rib] + _RIB_FALL[rib] * fall
    kind = np.where((folded >= _RIB_START - 4) & (folded <= end), 1.0, 0.0)
    if _CARTILAGE_END[rib] > end:
        rise = np.clip((folded - end) / (_CARTILAGE_END[rib] - end), 0.0, 1.0)
        axis = axis + (_STERNAL[rib] - _RIB_HEAD[rib] - _RIB_FALL[rib]) * rise
        kind = np.where((folded > end) & (folded <= _CARTILAGE_END[rib]), 2.0, kind)
    return axis, kind


def _slope(axis: Float64Array, folded: Float64Array) -> Float64Array:
    """Cosine of a rib's slope: turns vertical into perpendicular distance (about 1.9 mm of arc a degree)."""
    fall = np.abs(np.gradient(axis)) / np.maximum(np.abs(np.gradient(folded)), 0.5) / 1.9
    cosine: Float64Array = 1 / np.sqrt(1 + np.minimum(fall, 1.5) ** 2)
    return cosine


def _scapulae(depth: Float64Array, folded: Float64Array, table: Float32Array) -> None:
    """Half thickness of the shoulder blades: a triangle, thick at its outer border, arms raised."""
    low, high = -14.0, 108.0
    share = (depth - low) / (high - low)
    inner_edge = 44.0 + 6.0 * share
    outer_edge = np.interp(share, [0.0, 0.25, 1.0], [98.0, 92.0, 54.0])
    inside = np.minimum(folded[None, :] - inner_edge[:, None], outer_edge[:, None] - folded[None, :])
    rim = np.exp(-0.5 * ((outer_edge[:, None] - 4 - folded[None, :]) / 3.0) ** 2)
    present = (inside > 0) & ((share > 0) & (share < 1))[:, None]
    table[:, :, SCAPULA] = np.where(present, 1.6 + 3.6 * rim, 0.0)


def _sternum(anatomy: Anatomy, depth: Float64Array) -> Float64Array:
    """Half width of the manubrium and body of the sternum by depth, mm."""
    half = np.interp(
        depth, [34.0, 38.0, 50.0, 66.0, 74.0, 150.0, 162.0, 182.0], [0.0, 27.0, 29.0, 17.0, 15.0, 20.0, 13.0, 4.0]
    )
    half = np.where((depth < 34.0) | (depth > 182.0), 0.0, half) * anatomy.scale[2]
    solid = np.where(np.abs(depth - 69.0) < 2.0, 0.0, 1.0)  # joint between manubrium and body
    return np.stack([half, solid], axis=1)
