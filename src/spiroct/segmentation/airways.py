"""The lumen of the airways, from the trachea to about the segmental bronchi, and how far each voxel is from it."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from spiroct.imaging.orientation import restore, to_canonical
from spiroct.imaging.resampling import resample_labels, resample_volume
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.segmentation.airway_trunk import airway_trunk
from spiroct.segmentation.morphology import bounding_box, dilate, erode
from spiroct.segmentation.threshold_lungs import body_inside
from spiroct.segmentation.vesselness import smoothed, vesselness
from spiroct.types import BoolArray, Float32Array, Float64Array, Vector3

WORKING_MM = 1.5
LUMEN_SCALES_MM = (0.9, 1.4, 2.1)
TUBE_HU = (240.0, 200.0, 170.0, 140.0, 115.0, 95.0, 80.0)  # darkness of a tube's axis against what is around it
BELOW_LUNG_HU = 20.0  # a lumen is darker than the lung around it
LUNG_SIGMA_MM = 9.0
LEAK_GROWTH = 1.7  # a step that multiplies the bronchi by more than this has leaked into the lung
LEAK_ML = 2.5
MOST_ML = 45.0
TRUNK_WALL_MM = 2.0


def segment_airways(volume: CTVolume, lungs: LabelMap, *, grid_mm: float | None = WORKING_MM) -> LabelMap:
    """Segment the lumen of trachea, main, lobar and segmental bronchi.

    From the trunk the lumen grows along dark tubes, less and less dark ones, until it leaks.

    Parameters
    ----------
    volume : CTVolume
        A chest CT in any orientation.
    lungs : LabelMap
        On the grid of the volume; 1 right, 2 left.
    grid_mm : float or None
        Isotropic working grid; None works on the scan's own.

    Returns
    -------
    LabelMap
        1 in the lumen, in the scan's own geometry; empty where no trachea is found.

    Raises
    ------
    ValueError
        If volume and mask lie on different grids.
    """
    if volume.geometry != lungs.geometry:
        raise ValueError("the lung mask must lie on the grid of the volume")
    canonical = to_canonical(volume)
    working = canonical if grid_mm is None else resample_volume(canonical, (grid_mm, grid_mm, grid_mm))
    mask = resample_labels(to_canonical(lungs), working.geometry).labels > 0
    lumen = LabelMap(airway_lumen(working.hu, mask, working.geometry.spacing).astype(np.uint8), working.geometry)
    return restore(resample_labels(lumen, canonical.geometry), volume.geometry)


def airway_lumen(hu: Float32Array, lungs: BoolArray, spacing: Vector3) -> BoolArray:
    """Find the lumen of the airways on a canonical grid; arrays (z, y, x)."""
    lumen = np.zeros(hu.shape, bool)
    if not lungs.any():
        return lumen
    trunk = airway_trunk(hu, body_inside(hu, spacing), spacing)
    if not trunk.any():
        return lumen
    trunk = erode(trunk, TRUNK_WALL_MM, spacing) | (trunk & (hu < -850.0))
    margin = [int(np.ceil(6.0 / s)) for s in spacing]
    box = bounding_box(lungs, (margin[0], margin[1], margin[2]))
    local, near = hu[box], dilate(lungs[box], 4.0, spacing) | dilate(trunk[box], 3.0, spacing)
    bronchi = _grown(local, near, lungs[box], trunk[box], spacing)
    lumen[box] = bronchi
    return lumen | trunk


def distance_to_lumen(lumen: BoolArray, spacing: Vector3) -> Float32Array:
    """Distance (z, y, x) from the nearest voxel of the lumen, mm; infinite everywhere if there is none."""
    if not lumen.any():
        return np.full(lumen.shape, np.inf, np.float32)
    distance: Float64Array = ndimage.distance_transform_edt(~lumen, sampling=spacing)
    return distance.astype(np.float32)


def _grown(hu: Float32Array, near: BoolArray, lungs: BoolArray, trunk: BoolArray, spacing: Vector3) -> BoolArray:
    """Grow from the trunk along ever fainter dark tubes, stopping before the step that leaks."""
    clipped = np.clip(hu, -1024.0, -300.0)
    tube = vesselness(clipped, near, spacing, scales_mm=LUMEN_SCALES_MM, bright=False)
    ground = smoothed(clipped, lungs, LUNG_SIGMA_MM, spacing)
    dark = near & ((hu < ground - BELOW_LUNG_HU) | (hu < -930.0))
    voxel_ml = float(np.prod(spacing)) / 1000
    around = ndimage.generate_binary_structure(3, 2)
    found, before = trunk.copy(), 0.0
    for least in TUBE_HU:
        allowed = (dark & (tube > least)) | trunk
        labels, _ = ndimage.label(allowed, around)
        grown = np.isin(labels, np.unique(labels[trunk]))
        size = float(np.count_nonzero(grown & ~trunk)) * voxel_ml
        if size > MOST_ML or (size - before > LEAK_ML and size > LEAK_GROWTH * before > 0):
            break
        found, before = grown, size
    return found | trunk
