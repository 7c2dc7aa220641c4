"""Morphology in millimetres: dilation, erosion, opening and closing by balls, on grids of any spacing."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from spiroct.types import BoolArray, Vector3

Box = tuple[slice, slice, slice]
TIE = 1e-6


def bounding_box(mask: BoolArray, margin: tuple[int, int, int] = (0, 0, 0)) -> Box:
    """Smallest box around a mask that is not empty, with a margin in voxels, within the array."""
    box = []
    for axis, size in enumerate(mask.shape):
        others = tuple(a for a in range(3) if a != axis)
        filled = np.flatnonzero(mask.any(axis=others))
        box.append(slice(max(0, int(filled[0]) - margin[axis]), min(size, int(filled[-1]) + 1 + margin[axis])))
    return (box[0], box[1], box[2])


def dilate(mask: BoolArray, radius_mm: float, spacing: Vector3) -> BoolArray:
    """Add everything within a radius of the mask."""
    if not mask.any():
        return mask.copy()
    grown = np.zeros_like(mask)
    box = bounding_box(mask, _voxels(radius_mm, spacing))
    grown[box] = _near(mask[box], radius_mm, spacing)
    return grown


def erode(mask: BoolArray, radius_mm: float, spacing: Vector3) -> BoolArray:
    """Keep what lies deeper than a radius; the border of the array is no border of the mask."""
    if not mask.any():
        return mask.copy()
    shrunk = np.zeros_like(mask)
    box = bounding_box(mask, (1, 1, 1))
    shrunk[box] = ~_near(~mask[box], radius_mm, spacing)
    return shrunk


def opened(mask: BoolArray, radius_mm: float, spacing: Vector3) -> BoolArray:
    """Remove what a ball of the radius cannot reach from inside."""
    core = erode(mask, radius_mm, spacing)
    return dilate(core, radius_mm, spacing) & mask


def closed(mask: BoolArray, radius_mm: float, spacing: Vector3) -> BoolArray:
    """Fill what a ball of the radius cannot reach from outside, also at the border of the array."""
    if not mask.any():
        return mask.copy()
    margin = _voxels(radius_mm, spacing)
    box = bounding_box(mask)
    inner = np.pad(mask[box], [(m, m) for m in margin])
    shrunk = ~_near(~_near(inner, radius_mm, spacing), radius_mm, spacing)
    filled = mask.copy()
    filled[box] |= shrunk[tuple(slice(m, m + s.stop - s.start) for m, s in zip(margin, box, strict=True))]
    return filled


def largest_components(mask: BoolArray, count: int) -> list[BoolArray]:
    """Return the largest face-connected components, the largest first."""
    labels, found = ndimage.label(mask)
    if not found:
        return []
    sizes = np.bincount(labels.ravel())[1:]
    order = np.argsort(sizes, kind="stable")[::-1][:count]
    return [labels == label + 1 for label in order]


def filled_slices(mask: BoolArray, largest: float = np.inf) -> BoolArray:
    """Fill the holes of every axial slice that have at most ``largest`` pixels."""
    filled = mask.copy()
    for z, plane in enumerate(mask):
        holes = ndimage.binary_fill_holes(plane) & ~plane
        if np.isfinite(largest):
            labels, count = ndimage.label(holes)
            sizes = np.bincount(labels.ravel(), minlength=count + 1)
            holes = (labels > 0) & (sizes[labels] <= largest)
        filled[z] |= holes
    return filled


def _near(mask: BoolArray, radius_mm: float, spacing: Vector3) -> BoolArray:
    """Everything within a radius of the mask: exact distances (Maurer 2003), a third of scipy's time and threaded."""
    if not mask.any():
        return np.zeros_like(mask)
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(np.ascontiguousarray(mask).view(np.uint8))
    image.SetSpacing([float(s) for s in spacing[::-1]])
    squared = sitk.SignedMaurerDistanceMap(image, insideIsPositive=False, squaredDistance=True, useImageSpacing=True)
    # Squares are kept in float32: what lies just at the radius is in, whatever the last digit.
    near: BoolArray = sitk.GetArrayViewFromImage(squared) <= radius_mm**2 * (1 + TIE)
    return near


def _voxels(radius_mm: float, spacing: Vector3) -> tuple[int, int, int]:
    z, y, x = (int(np.ceil(radius_mm / s)) + 1 for s in spacing)
    return (z, y, x)
