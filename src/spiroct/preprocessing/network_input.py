"""The one way from CT to network input, on bare arrays: resample, clip, mask, crop, scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spiroct.errors import UsageError
from spiroct.imaging.resampling import resample_array, resampled_shape
from spiroct.preprocessing.recipe import Crop, InputRecipe, Region
from spiroct.types import AnyArray, BoolArray, Float32Array, Int16Array, Shape3, UInt8Array, Vector3


@dataclass(frozen=True, eq=False)
class GridScan:
    """A scan on the recipe's grid, before cropping: what a training cache holds.

    Parameters
    ----------
    hu : array (z, y, x), int16
        Clipped to the window.
    lungs : array (z, y, x), uint8, or None
        1 right, 2 left.
    vessels : array (z, y, x), uint8, or None
        1 in vessels.
    """

    hu: Int16Array
    lungs: UInt8Array | None
    vessels: UInt8Array | None = None


@dataclass(frozen=True, eq=False)
class PreparedInput:
    """A network's input and where it lies in the scan.

    Parameters
    ----------
    array : array (1, z, y, x), float32
        Scaled to [-1, 1].
    start : tuple of int
        Index on the recipe's grid of the patch's first voxel; negative where the patch begins in padding.
    spacing_mm : float
        The recipe's grid.
    lungs_outside : float
        Share of the lungs that the patch does not hold; 0 where it holds them all or no mask was given.
    """

    array: Float32Array
    start: Shape3
    spacing_mm: float
    lungs_outside: float


def to_grid(
    hu: AnyArray,
    spacing: Vector3,
    lungs: UInt8Array | None,
    recipe: InputRecipe,
    vessels: UInt8Array | None = None,
) -> GridScan:
    """Resample a scan to the recipe's grid and clip it.

    Parameters
    ----------
    hu : array (z, y, x)
        Hounsfield units, canonical orientation.
    spacing : tuple of float
        Millimetres along (z, y, x).
    lungs : array (z, y, x), uint8, or None
        1 right, 2 left, on the same grid.
    recipe : InputRecipe
        The grid and the window.
    vessels : array (z, y, x), uint8, optional
        1 in vessels, on the same grid.
    """
    new = (recipe.spacing_mm,) * 3
    clipped = np.clip(resample_array(hu, spacing, new), *recipe.window_hu)
    masks = [None if mask is None else _labels_to_grid(mask, spacing, new) for mask in (lungs, vessels)]
    return GridScan(np.rint(clipped).astype(np.int16), *masks)


def to_input(scan: GridScan, recipe: InputRecipe, rng: np.random.Generator | None = None) -> PreparedInput:
    """Mask, crop and scale a scan that lies on the recipe's grid.

    Parameters
    ----------
    scan : GridScan
        From :func:`to_grid`.
    recipe : InputRecipe
        Region and crop.
    rng : numpy Generator, optional
        Draws the training crop; None uses the crop for prediction.

    Raises
    ------
    UsageError
        If the region needs a mask that there is not.
    """
    low, high = recipe.window_hu
    values: AnyArray = scan.hu
    if recipe.region in (Region.VESSELS_BINARY, Region.LUNG_SHAPE):
        values = np.where(_region(scan, recipe.region), high, low)
    elif recipe.region is not Region.WHOLE:
        values = np.where(_region(scan, recipe.region), scan.hu, low)
    start = _start(scan, recipe, rng)
    patch = np.full(recipe.patch, low, dtype=np.float32)
    source, target = _overlap(start, recipe.patch, scan.hu.shape)
    patch[target] = values[source]
    scaled = (patch - low) * (2.0 / (high - low)) - 1.0
    return PreparedInput(scaled[None].astype(np.float32), start, recipe.spacing_mm, _outside(scan, source))


def prepare(
    hu: AnyArray,
    spacing: Vector3,
    lungs: UInt8Array | None,
    recipe: InputRecipe,
    vessels: UInt8Array | None = None,
) -> PreparedInput:
    """Turn a CT into a network's input for prediction (see :func:`to_grid` and :func:`to_input`)."""
    return to_input(to_grid(hu, spacing, lungs, recipe, vessels), recipe)


def _labels_to_grid(lungs: UInt8Array, spacing: Vector3, new: Vector3) -> UInt8Array:
    """Nearest neighbour on the grid of :func:`resample_array`: about the centre of the array."""
    shape = resampled_shape(lungs.shape, spacing, new)
    picked = []
    for axis in range(3):
        ratio = new[axis] / spacing[axis]
        centres = (lungs.shape[axis] - 1) / 2 + ratio * (np.arange(shape[axis]) - (shape[axis] - 1) / 2)
        picked.append(np.clip(np.floor(centres + 0.5).astype(np.int64), 0, lungs.shape[axis] - 1))
    return np.ascontiguousarray(lungs[np.ix_(*picked)])


def _region(scan: GridScan, region: Region) -> BoolArray:
    if scan.lungs is None:
        raise UsageError(f"region {region.value!r}", "it needs a lung mask", "segment the lungs first, or use whole")
    if region.needs_vessels:
        if scan.vessels is None:
            raise UsageError(f"region {region.value!r}", "it needs a vessel mask", "segment the vessels first")
        return np.asarray((scan.vessels > 0) & (scan.lungs > 0))  # as the authors' code: no vessel outside the lungs
    if region in (Region.LUNGS, Region.LUNG_SHAPE):
        return np.asarray(scan.lungs > 0)
    if region is Region.OUTSIDE_LUNGS:
        return np.asarray(scan.lungs == 0)
    return np.asarray(scan.lungs == (1 if region is Region.RIGHT_LUNG else 2))


def _start(scan: GridScan, recipe: InputRecipe, rng: np.random.Generator | None) -> Shape3:
    crop = recipe.crop if rng is None else recipe.training_crop
    box = None if scan.lungs is None else _box(scan.lungs)
    start = []
    for axis, (size, patch) in enumerate(zip(scan.hu.shape, recipe.patch, strict=True)):
        if crop is Crop.IMAGE_CENTRE or box is None:
            start.append((size - patch) // 2)
            continue
        first, last = box[axis]
        if crop is Crop.LUNG_CENTRE or rng is None:
            start.append((first + last - patch) // 2)
            continue
        # Any place that holds the lungs and stays in the scan where it can; taller lungs are cut evenly.
        lowest, highest = max(last - patch, min(0, size - patch)), min(first, max(0, size - patch))
        start.append(int(rng.integers(lowest, highest + 1)) if lowest <= highest else (first + last - patch) // 2)
    return (start[0], start[1], start[2])


def _box(lungs: UInt8Array) -> list[tuple[int, int]] | None:
    if not lungs.any():
        return None
    box = []
    for axis in range(3):
        filled = np.flatnonzero((lungs > 0).any(axis=tuple(a for a in range(3) if a != axis)))
        box.append((int(filled[0]), int(filled[-1]) + 1))
    return box


def _overlap(start: Shape3, patch: Shape3, shape: Shape3) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    source, target = [], []
    for first, length, size in zip(start, patch, shape, strict=True):
        low, high = max(first, 0), max(min(first + length, size), first, 0)
        source.append(slice(low, high))
        target.append(slice(low - first, high - first))
    return tuple(source), tuple(target)


def _outside(scan: GridScan, source: tuple[slice, ...]) -> float:
    if scan.lungs is None or not scan.lungs.any():
        return 0.0
    return 1.0 - float(np.count_nonzero(scan.lungs[source])) / float(np.count_nonzero(scan.lungs))
