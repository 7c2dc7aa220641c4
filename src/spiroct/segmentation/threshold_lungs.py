"""Lungs by threshold: dark inside the body, without trachea and gut, closed over vessels and consolidation."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from spiroct.errors import ScanError
from spiroct.imaging.orientation import restore, to_canonical
from spiroct.imaging.resampling import resample_volume
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.segmentation.airway_trunk import airway_trunk
from spiroct.segmentation.lung_sides import right_and_left
from spiroct.segmentation.morphology import bounding_box, closed, filled, filled_slices, largest_components, opened
from spiroct.segmentation.native_grid import labels_on
from spiroct.types import BoolArray, Float32Array, UInt8Array, Vector3

WORKING_MM = 1.5
BODY_HU = -300.0
LUNG_HU = -320.0  # between aerated lung and soft tissue, with room for ground glass
CLOSING_MM = 10.0
TABLE_GAP_MM = 3.0
SMALL_HOLE_MM2 = 400.0  # a vessel or a nodule; the top of the diaphragm is an island in the slice, and larger
LEAST_LUNG_L = 0.4
LEAST_PART_ML = 40.0
GAS_PERC90_HU = -925.0  # gas is even; the most emphysematous lung has vessels in a tenth of it


def threshold_lungs(volume: CTVolume) -> LabelMap:
    """Segment the lungs of a chest CT by thresholds and morphology; no training, no download.

    Works on a grid of at least 1.5 mm and brings the result back to the scan's own.

    Parameters
    ----------
    volume : CTVolume
        In any orientation.

    Returns
    -------
    LabelMap
        1 right, 2 left, in the scan's own geometry. Vessels and bronchi inside the lungs are in, trachea and main
        bronchi are out.

    Raises
    ------
    ScanError
        If no lungs are found.
    """
    canonical = to_canonical(volume)
    native = canonical.geometry
    z, y, x = (max(s, WORKING_MM) for s in native.spacing)
    working = resample_volume(canonical, (z, y, x))
    labels = _segment(working.hu, working.geometry.spacing)
    if int(np.count_nonzero(labels)) * working.geometry.voxel_volume_ml / 1000 < LEAST_LUNG_L:
        litres = int(np.count_nonzero(labels)) * working.geometry.voxel_volume_ml / 1000
        raise ScanError(
            f"no lungs were found in the scan ({litres:.2f} L of aerated tissue inside the body)",
            f"a chest CT shows at least {LEAST_LUNG_L:g} L of lung",
            "name a CT of the chest",
        )
    shares = np.stack([labels == label for label in (1, 2)]).astype(np.float32)
    return restore(LabelMap(labels_on(shares, working.geometry, native), native), volume.geometry)


def _segment(hu: Float32Array, spacing: Vector3) -> UInt8Array:
    labels = np.zeros(hu.shape, np.uint8)
    inside = body_inside(hu, spacing)
    if not inside.any():
        return labels
    _, y, x = bounding_box(inside)  # the room around the body is half of many scans
    hu, inside, result = hu[:, y, x], inside[:, y, x], labels[:, y, x]
    trunk = airway_trunk(hu, inside, spacing)
    lungs = _aerated(hu, inside & ~trunk, spacing)
    if not lungs.any():
        return labels
    sides = right_and_left(lungs, hu, spacing)
    for label in (1, 2):
        lung = _completed(sides == label, trunk, spacing)
        result[lung & (result == 0)] = label
    return labels


def body_inside(hu: Float32Array, spacing: Vector3) -> BoolArray:
    """Return the body with everything inside it: the largest piece of tissue, every slice filled."""
    tissue = hu > BODY_HU
    if max(spacing) < TABLE_GAP_MM:  # on coarser grids opening would break the chest wall itself
        tissue = opened(tissue, TABLE_GAP_MM, spacing)  # lets go of table, tubes and blankets
    (body,) = largest_components(tissue, 1) or [tissue]
    return filled_slices(body)


def _aerated(hu: Float32Array, inside: BoolArray, spacing: Vector3) -> BoolArray:
    """Keep the parts of dark tissue inside the body that are lung and not gas."""
    voxel_ml = float(np.prod(spacing)) / 1000
    labels, count = ndimage.label((hu < LUNG_HU) & inside)
    if not count:
        return np.zeros_like(inside)
    sizes = np.bincount(labels.ravel(), minlength=count + 1) * voxel_ml
    sizes[0] = 0
    kept = np.zeros(count + 1, bool)
    boxes = ndimage.find_objects(labels)
    for label in np.flatnonzero(sizes >= LEAST_PART_ML):
        box = boxes[label - 1]
        part = labels[box] == label
        inner = ndimage.binary_erosion(part)  # at its border even gas is bright, by partial volume
        kept[label] = float(np.percentile(hu[box][inner if inner.any() else part], 90)) > GAS_PERC90_HU
    if not kept.any():
        return np.zeros_like(inside)
    # A scrap of less than a fiftieth of the largest part is no lung.
    kept &= sizes >= 0.02 * sizes[kept].max()
    chosen: BoolArray = kept[labels]
    return chosen


def _completed(lung: BoolArray, trunk: BoolArray, spacing: Vector3) -> BoolArray:
    """Close one lung over its vessels, bronchi and consolidation."""
    if not lung.any():
        return lung
    (main,) = largest_components(lung, 1)
    near = lung & _within(main, lung)
    whole = closed(near, CLOSING_MM, spacing)
    box = bounding_box(whole)
    whole[box] = filled_slices(filled(whole[box]), SMALL_HOLE_MM2 / (spacing[1] * spacing[2]))
    whole &= ~trunk
    (kept,) = largest_components(whole, 1)
    return kept


def _within(main: BoolArray, lung: BoolArray) -> BoolArray:
    """Restrict a lung's scraps to the box of its main part."""
    inside = np.zeros_like(lung)
    inside[bounding_box(main, (2, 2, 2))] = True
    return inside
