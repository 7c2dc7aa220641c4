"""Right and left: which part of the lungs is which, and where two touching lungs part."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from spiroct.segmentation.morphology import erode, largest_components
from spiroct.types import BoolArray, Float32Array, UInt8Array, Vector3

RIGHT, LEFT = 1, 2
SECOND_LUNG = 0.12  # a second part of less than this share of the first is no second lung
PARTING_MM = (2.0, 3.5, 5.0, 7.0, 9.0, 12.0)


def right_and_left(lungs: BoolArray, hu: Float32Array, spacing: Vector3) -> UInt8Array:
    """Label lung voxels 1 (patient's right) and 2 (left).

    Lungs that touch, as they do in front of the heart and behind the oesophagus, are parted by erosion: the two
    cores are grown back against each other, and meet on the bright membrane between them.

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
        cores = _cores(lungs, spacing, middle)
        if cores is None:  # one lung only: its side of the midline tells which
            return _by_side(parts[0] if parts else lungs, middle)
        return _grow_back(lungs, cores, hu)
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
    first, second = (float(np.nonzero(p)[2].mean()) for p in parts)
    # Both lungs in one part reach across the midline and leave a scrap as the second.
    return (first - middle) * (second - middle) < 0


def _cores(lungs: BoolArray, spacing: Vector3, middle: float) -> tuple[BoolArray, BoolArray] | None:
    for radius in PARTING_MM:
        parts = largest_components(erode(lungs, radius, spacing), 2)
        if _two_lungs(parts, middle):
            return parts[0], parts[1]
    return None


def _ordered(one: BoolArray, other: BoolArray) -> UInt8Array:
    one_first = np.nonzero(one)[2].mean() < np.nonzero(other)[2].mean()
    right, left = (one, other) if one_first else (other, one)
    return (RIGHT * right + LEFT * left).astype(np.uint8)


def _by_side(lung: BoolArray, middle: float) -> UInt8Array:
    width = lung.shape[2]
    side = RIGHT if float(np.nonzero(lung)[2].mean()) < width / 2 else LEFT
    del middle  # the lung's own borders say nothing of the midline when there is one lung
    return (side * lung).astype(np.uint8)


def _grow_back(lungs: BoolArray, cores: tuple[BoolArray, BoolArray], hu: Float32Array) -> UInt8Array:
    seeds = _ordered(*cores)
    cost = np.clip((ndimage.gaussian_filter(hu, 0.7) + 1000.0) / 4.0, 0, 254).astype(np.uint8)
    cost[~lungs] = 255
    markers = seeds.astype(np.int16)
    markers[~lungs] = -1  # negative markers are background to watershed_ift
    grown = ndimage.watershed_ift(cost, markers)
    return np.where(lungs & (grown > 0), grown, 0).astype(np.uint8)
