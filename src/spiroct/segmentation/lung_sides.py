"""Right and left: which part of the lungs is which, and where two touching lungs part."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from spiroct.segmentation.morphology import bounding_box, dilate, erode, largest_components
from spiroct.types import BoolArray, Float32Array, UInt8Array, Vector3

RIGHT, LEFT = 1, 2
SECOND_LUNG = 0.12  # a second part of less than this share of the first is no second lung
PARTING_MM = (2.0, 3.5, 5.0, 7.0, 9.0, 12.0)
MEMBRANE_MM = 5.0


def right_and_left(lungs: BoolArray, hu: Float32Array, spacing: Vector3) -> UInt8Array:
    """Label lung voxels 1 (patient's right) and 2 (left).

    Lungs that touch, as they do in front of the heart and behind the oesophagus, are parted by erosion. The two
    cores are grown back layer by layer, each voxel to the nearer side, so that they meet at the neck; there the
    bright membrane between them, where there is one, draws the last millimetres.

    Parameters
    ----------
    lungs : array (z, y, x)
        Both lungs, canonical orientation: x grows to the patient's left.
    hu : array (z, y, x)
        Hounsfield units.
    spacing : tuple of float
        Millimetres.

    Returns
    -------
    array (z, y, x), uint8
        0, 1 or 2.
    """
    parts = largest_components(lungs, 2)
    middle = _middle(lungs)
    if not _two_lungs(parts, middle):
        parted = _parted(lungs, hu, spacing, middle)
        return _by_side(parts[0] if parts else lungs) if parted is None else parted
    return _ordered(parts[0], parts[1])


def _middle(lungs: BoolArray) -> float:
    """Column of the midline: halfway between the outer borders of the lungs."""
    columns = np.flatnonzero(lungs.any(axis=(0, 1)))
    return float(columns[0] + columns[-1]) / 2 if len(columns) else 0.0


def _two_lungs(parts: list[BoolArray], middle: float) -> bool:
    if len(parts) < 2:
        return False
    sizes = [int(np.count_nonzero(p)) for p in parts]
    if sizes[1] < SECOND_LUNG * sizes[0]:
        return False
    first, second = (_mean_column(p) for p in parts)
    # Both lungs in one part reach across the midline and leave a scrap as the second.
    return (first - middle) * (second - middle) < 0


def _parted(lungs: BoolArray, hu: Float32Array, spacing: Vector3, middle: float) -> UInt8Array | None:
    """Part lungs that touch; None where no erosion gives two lungs, which is how one lung looks."""
    for step, radius in enumerate(PARTING_MM):
        parts = largest_components(erode(lungs, radius, spacing), 2)
        if _two_lungs(parts, middle):
            layers = [erode(lungs, r, spacing) for r in reversed(PARTING_MM[:step])]
            return _on_the_membrane(_grown(_ordered(parts[0], parts[1]), [*layers, lungs], spacing), hu, spacing)
    return None


def _grown(sides: UInt8Array, layers: list[BoolArray], spacing: Vector3) -> UInt8Array:
    """Grow two sides through ever larger masks, each new voxel to the nearer side."""
    for layer in layers:
        nearest = ndimage.distance_transform_edt(
            sides == 0, sampling=spacing, return_distances=False, return_indices=True
        )
        sides = np.where(layer, sides[tuple(nearest)], 0).astype(np.uint8)
    return sides


def _on_the_membrane(sides: UInt8Array, hu: Float32Array, spacing: Vector3) -> UInt8Array:
    """Move the border between the sides, by some millimetres at most, to where the voxels are brightest."""
    near = dilate(sides == RIGHT, MEMBRANE_MM, spacing) & dilate(sides == LEFT, MEMBRANE_MM, spacing) & (sides > 0)
    if not near.any():
        return sides
    box = bounding_box(near, (2, 2, 2))
    local = sides[box]
    cost = np.clip((hu[box] + 1000.0) / 4.0, 0, 254).astype(np.uint8)
    cost[local == 0] = 255
    markers = np.where(near[box], 0, local).astype(np.int16)
    markers[local == 0] = -1  # negative markers are background to watershed_ift
    moved = ndimage.watershed_ift(cost, markers)
    result = sides.copy()
    result[box] = np.where((local > 0) & (moved > 0), moved, local)
    return result


def _ordered(one: BoolArray, other: BoolArray) -> UInt8Array:
    one_first = _mean_column(one) < _mean_column(other)
    right, left = (one, other) if one_first else (other, one)
    return (RIGHT * right + LEFT * left).astype(np.uint8)


def _by_side(lung: BoolArray) -> UInt8Array:
    """Label a single lung by its side of the image's middle; its own borders say nothing of the midline."""
    side = RIGHT if _mean_column(lung) < lung.shape[2] / 2 else LEFT
    return (side * lung).astype(np.uint8)


def _mean_column(mask: BoolArray) -> float:
    return float(np.average(np.arange(mask.shape[2]), weights=np.count_nonzero(mask, axis=(0, 1))))
