"""Trachea and main bronchi: what is air inside the chest and yet no lung."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from spiroct.segmentation.morphology import FACES_IN_SLICE, dilate, opened
from spiroct.types import BoolArray, Float32Array, Vector3

LUMEN_HU = -900.0  # a trachea holds air; partial volume at its wall is brighter
SEED_AREA_MM2 = (50.0, 900.0)  # tracheal lumen: Breatnach 1984, doi 10.2214/ajr.142.5.903, widened for disease
SEED_OFF_CENTRE_MM = 45.0
TRUNK_ML = (4.0, 150.0)
TRUNK_RADIUS_MM = 3.5  # main bronchi are wider than 8 mm, lobar ones hardly
WALL_MM = 2.0


def airway_trunk(hu: Float32Array, inside: BoolArray, spacing: Vector3) -> BoolArray:
    """Find the lumen and wall of trachea and main bronchi.

    The trachea is the chain of round dark spots near the midline at the top of the chest. From it the lumen grows
    into darker-than-threshold air; the threshold rises as long as the volume stays that of a trunk, since a leak
    into the lung makes it explode. Wide parts of what was grown are the trunk; the rest is bronchi inside the lung.

    Parameters
    ----------
    hu : array (z, y, x)
        Canonical orientation.
    inside : array (z, y, x)
        The body without what surrounds it.
    spacing : tuple of float
        Millimetres along (z, y, x).

    Returns
    -------
    array (z, y, x)
        True in the trunk; empty where no trachea is found.
    """
    seed = _trachea_seed(hu, inside, spacing)
    if seed is None:
        return np.zeros_like(inside)
    voxel_ml = float(np.prod(spacing)) / 1000
    trunk = np.zeros_like(inside)
    grow = _growth(hu, inside, seed)
    for threshold in np.arange(-980.0, -799.0, 20.0):
        if not hu[seed] < threshold:
            continue
        grown = grow(threshold)
        volume = float(np.count_nonzero(grown)) * voxel_ml
        before = float(np.count_nonzero(trunk)) * voxel_ml
        if volume > TRUNK_ML[1] or (before > TRUNK_ML[0] and volume > 2.5 * before):
            break
        trunk = grown
    wide = opened(trunk, min(TRUNK_RADIUS_MM, 1.5 * max(spacing[1:])), spacing)
    labels, _ = ndimage.label(wide)
    main = labels == labels[seed] if labels[seed] else wide
    return dilate(main, WALL_MM, spacing) if main.any() else trunk


def _growth(hu: Float32Array, inside: BoolArray, seed: tuple[int, int, int]) -> Callable[[float], BoolArray]:
    """Return what grows from the seed, face by face, through everything inside that is darker than a threshold."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(np.where(inside, hu, np.float32(np.inf)).astype(np.float32, copy=False))
    start = [int(i) for i in seed[::-1]]

    def grow(threshold: float) -> BoolArray:
        below = float(np.nextafter(np.float32(threshold), np.float32(-np.inf)))
        filled = sitk.ConnectedThreshold(image, [start], lower=float(np.finfo(np.float32).min), upper=below)
        grown: BoolArray = sitk.GetArrayFromImage(filled).view(bool)
        return grown

    return grow


def _trachea_seed(hu: Float32Array, inside: BoolArray, spacing: Vector3) -> tuple[int, int, int] | None:
    """Find one voxel in the tracheal lumen, from the longest chain of suitable spots in the upper half."""
    dark = (hu < LUMEN_HU) & inside
    area = spacing[1] * spacing[2]
    columns = np.flatnonzero(inside.any(axis=(0, 1)))
    middle = (columns[0] + columns[-1]) / 2 if len(columns) else 0.0
    spots = np.zeros_like(inside)
    first = hu.shape[0] // 3
    labels, count = ndimage.label(dark[first:], FACES_IN_SLICE)
    sizes = np.bincount(labels.ravel(), minlength=count + 1) * area
    boxes = ndimage.find_objects(labels)
    for label in np.flatnonzero((sizes >= SEED_AREA_MM2[0]) & (sizes <= SEED_AREA_MM2[1])):
        if label == 0:
            continue
        box = boxes[label - 1]
        height, width = ((s.stop - s.start) * step for s, step in zip(box[1:], spacing[1:], strict=True))
        spot = labels[box] == label
        x = box[2].start + np.nonzero(spot)[2].mean()
        if max(height, width) < 2.5 * min(height, width) and abs(x - middle) * spacing[2] < SEED_OFF_CENTRE_MM:
            spots[first:][box] |= spot
    labels, count = ndimage.label(spots)
    if not count:
        return None
    boxes = ndimage.find_objects(labels)
    best = max(range(count), key=lambda i: (boxes[i][0].stop - boxes[i][0].start, -i))
    if (boxes[best][0].stop - boxes[best][0].start) * spacing[0] < 15.0:
        return None
    points = np.argwhere(labels == best + 1)
    z, y, x = points[np.argmin(hu[tuple(points.T)])]
    return int(z), int(y), int(x)
