"""The lumen of the airways, from the trachea to about the segmental bronchi, and how far each voxel is from it."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from spiroct.imaging.orientation import restore, to_canonical
from spiroct.imaging.resampling import resample_labels, resample_volume
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.segmentation.airway_trunk import airway_trunk
from spiroct.segmentation.morphology import bounding_box, dilate
from spiroct.segmentation.threshold_lungs import body_inside
from spiroct.segmentation.vesselness import smoothed
from spiroct.types import BoolArray, Float32Array, Float64Array, Vector3

WORKING_MM = 1.5
# Each step takes fainter lumens: HU below the lung around, HU below a wall that closes around the voxel in a plane,
# and the gap (mm) that it may bridge: lumens that are certain may be far from what was found before.
STEPS = ((220.0, 600.0, 35.0), (180.0, 550.0, 35.0), (150.0, 500.0, 6.0), (130.0, 450.0, 3.0))
WALL_REACH_MM = (3.0, 4.5, 6.0)  # radii of the discs that close the walls: lumens up to these
COMPANIONS = 0.3  # share of a voxel's neighbourhood that must be lumen as well
TRACHEA_SHARE = 0.4  # of the lungs' height: gas below this is gut
LUNG_SIGMA_MM = 9.0
LEAK_GROWTH = 1.3  # a step that multiplies the bronchi by more than this has leaked into the lung
LEAK_ML = 1.0
MOST_ML = 45.0
MOST_GAPS, BRIDGE_MM = 10, 10.0
LEAST_PIECE_ML = 0.08


def segment_airways(volume: CTVolume, lungs: LabelMap, *, grid_mm: float | None = WORKING_MM) -> LabelMap:
    """Segment the lumen of trachea, main, lobar and segmental bronchi.

    From the trunk the lumen grows along dark voxels with a wall around them, ever fainter ones, until it leaks.

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
    # Bullae are no trachea, nor is gas in the gut.
    heights = np.flatnonzero(lungs.any(axis=(1, 2)))
    inside = body_inside(hu, spacing) & ~dilate(lungs, 1.6, spacing)
    inside[: int(heights[0] + TRACHEA_SHARE * np.ptp(heights))] = False
    trunk = airway_trunk(hu, inside, spacing)
    if not trunk.any():
        return lumen
    trunk &= hu < -850.0
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


def wall_contrast(hu: Float32Array, spacing: Vector3) -> Float32Array:
    """HU (z, y, x) from each voxel up to the ring that closes around it in some plane (Aykac 2003).

    The largest bottom-hat by discs in the three planes (IEEE Trans Med Imaging 22:940).
    """
    slightly = ndimage.gaussian_filter(hu, 0.4)
    highest = np.zeros(hu.shape, np.float32)
    for radius in WALL_REACH_MM:
        for axis in range(3):
            disc = _disc(radius, axis, spacing)
            np.maximum(highest, ndimage.grey_closing(slightly, footprint=disc) - slightly, out=highest)
    return highest


def _disc(radius_mm: float, axis: int, spacing: Vector3) -> BoolArray:
    """Disc across an axis as a footprint."""
    reach = [0 if a == axis else max(1, int(radius_mm / s)) for a, s in enumerate(spacing)]
    offsets = np.meshgrid(*(np.arange(-n, n + 1) * s for n, s in zip(reach, spacing, strict=True)), indexing="ij")
    disc: BoolArray = sum(o**2 for o in offsets) <= radius_mm**2 + 0.5 * min(spacing) ** 2
    return disc


def _grown(hu: Float32Array, near: BoolArray, lungs: BoolArray, trunk: BoolArray, spacing: Vector3) -> BoolArray:
    """Grow from the trunk along ever fainter walled lumens, stopping before the step that leaks."""
    clipped = np.clip(hu, -1024.0, -300.0)
    walled = wall_contrast(clipped, spacing)
    below = smoothed(clipped, lungs, LUNG_SIGMA_MM, spacing) - clipped
    voxel_ml = float(np.prod(spacing)) / 1000
    found, before = trunk.copy(), 0.0
    for darker, wall, gap_mm in STEPS:
        dark = near & (below > darker) & (walled > wall)
        dark &= ndimage.uniform_filter(dark.astype(np.float32), 3) > COMPANIONS
        grown = _connected(dark, found, gap_mm, spacing)
        size = float(np.count_nonzero(grown & ~trunk)) * voxel_ml
        if size > MOST_ML or (gap_mm < BRIDGE_MM and size - before > LEAK_ML and size > LEAK_GROWTH * before):
            break
        found, before = grown, size
    return found


def _connected(allowed: BoolArray, trunk: BoolArray, gap_mm: float, spacing: Vector3) -> BoolArray:
    """Keep what hangs on the trunk, piece by piece across short gaps, where a lumen is narrowed or its edge blurred."""
    labels, count = ndimage.label(allowed | trunk, np.ones((3, 3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1) * (float(np.prod(spacing)) / 1000)
    large = sizes >= LEAST_PIECE_ML
    large[0] = False
    kept = np.zeros(count + 1, bool)
    kept[labels[trunk]] = True
    found: BoolArray = kept[labels]
    for _ in range(MOST_GAPS):
        beside = np.unique(labels[dilate(found, gap_mm, spacing)])
        kept[beside[large[beside]]] = True
        grown: BoolArray = kept[labels]
        if np.array_equal(grown, found):
            break
        found = grown
    return found
