"""The voxel grid on which a simulated body is seen: field of view, slices and the wall's tables at them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spiroct.phantom.anatomy import Anatomy
from spiroct.phantom.patient import PhantomPatient
from spiroct.phantom.thorax import INNER, SKIN_OUT, Wall, inner_radius, wall
from spiroct.types import Float64Array, Shape3

_BACK_HEAVIER_MM = 12.0  # the wall behind the lungs is so much thicker than the wall in front, halved


@dataclass(frozen=True)
class Grid:
    """Voxel grid: centre of the first voxel and voxel size along (z, y, x) in mm, and shape."""

    origin: Float64Array
    spacing: Float64Array
    shape: Shape3


def make_grid(patient: PhantomPatient, anatomy: Anatomy, spacing: Float64Array) -> tuple[Grid, Wall]:
    """Choose a square field of view that holds the lungs, from below the recess to above the apex.

    Only the cage decides where it lies, so that a change of disease, muscle or fat moves no voxel.
    """
    count = int(np.ceil((anatomy.top - anatomy.bottom) / spacing[0]))
    walls = wall(anatomy, anatomy.bottom + spacing[0] * np.arange(count))
    radius, axis = inner_radius(anatomy, np.array([0.5 * (anatomy.top + anatomy.bottom)]))
    front, back = axis[0] - radius[0, 180], axis[0] + radius[0, 0]
    field = max(patient.fov_mm, 2 * float(walls.table[:, 90, INNER].max()) + 30.0)
    centre = np.array([0.5 * (front + back) + _BACK_HEAVIER_MM, 0.0])
    across = np.ceil(field / spacing[1:]).astype(int)
    corner = centre - (across - 1) / 2 * spacing[1:]
    return Grid(np.array([anatomy.bottom, *corner]), spacing, (count, int(across[0]), int(across[1]))), walls


def noise_by_slice(walls: Wall) -> Float64Array:
    """Factor on the noise of each slice: the wider the body, the fewer photons arrive."""
    width = walls.table[:, 90, SKIN_OUT].astype(np.float64)
    factor: Float64Array = np.clip(np.exp((width - np.median(width)) / 110.0), 0.8, 1.8)
    return factor
