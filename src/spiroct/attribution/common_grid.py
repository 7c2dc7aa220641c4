"""Maps of many patients on one grid: every patient's lungs brought to the same box."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from spiroct.attribution.attribution_map import AttributionMap
from spiroct.imaging.orientation import to_canonical
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.types import AnyArray, Float32Array, Float64Array, Shape3

GRID: Shape3 = (48, 32, 48)
MARGIN = 0.15
"""Of the box's side around it, so that the chest wall shows too."""


def on_lung_box(values: AnyArray, box: tuple[tuple[int, int], ...], grid: Shape3 = GRID) -> Float32Array:
    """Sample an array on a grid that is laid over the lungs' box, one axis at a time; 0 outside the array.

    Parameters
    ----------
    values : array (z, y, x)
        Canonical axes.
    box : tuple of pairs of int
        First and last voxel of the lungs along (z, y, x).
    grid : tuple of int
        Points (z, y, x).
    """
    result: AnyArray = np.asarray(values, np.float32)
    for axis in range(3):
        first, last = box[axis]
        margin = MARGIN * (last - first + 1)
        at = np.linspace(first - margin, last + margin, grid[axis])
        index = np.rint(at).astype(np.int64)
        inside = (index >= 0) & (index < values.shape[axis])
        along = [1, 1, 1]
        along[axis] = -1
        result = result.take(np.clip(index, 0, values.shape[axis] - 1), axis) * inside.reshape(along)
    return np.asarray(result, np.float32)


def cohort_mean(patients: Iterable[tuple[AttributionMap, LabelMap]]) -> tuple[Float32Array, Float32Array, int]:
    """Mean map and mean lungs of several patients on the common grid.

    Boxes, and not shapes, are brought together: a place is the same share of the way from the lowest to the highest
    point of the lungs, from front to back and from right to left.

    Parameters
    ----------
    patients : iterable of (AttributionMap, LabelMap)
        Map and lungs of each, on that scan's own grid.

    Returns
    -------
    mean : array (z, y, x)
        In the maps' unit.
    lungs : array (z, y, x)
        Share of patients with lung at each point.
    count : int

    Raises
    ------
    ValueError
        If there is no patient, or one has no lungs.
    """
    total: Float64Array = np.zeros(GRID)
    lungs: Float64Array = np.zeros(GRID)
    count = 0
    for found, labels in patients:
        mask = to_canonical(labels).labels > 0
        if not mask.any():
            raise ValueError("a patient without lungs has no place on the common grid")
        box = tuple(_ends(mask, axis) for axis in range(3))
        total += on_lung_box(to_canonical(CTVolume(found.values, found.geometry)).hu, box)
        lungs += on_lung_box(mask, box)
        count += 1
    if not count:
        raise ValueError("a mean needs at least one patient")
    return (total / count).astype(np.float32), (lungs / count).astype(np.float32), count


def _ends(mask: AnyArray, axis: int) -> tuple[int, int]:
    filled = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
    return int(filled[0]), int(filled[-1])
