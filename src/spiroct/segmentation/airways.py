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
from spiroct.segmentation.vesselness import smoothed, vesselness
from spiroct.types import BoolArray, Float32Array, Float64Array, Vector3

WORKING_MM = 1.5
# Dark tube (contrast, HU), HU below a wall that closes around the voxel in a plane, HU below the lung around.
SURE, LIKELY = (300.0, 550.0, 150.0), (150.0, 450.0, 120.0)
LUMEN_SCALES_MM = (1.1, 1.6, 2.4)
WALL_REACH_MM = (3.0, 4.5, 6.0)  # radii of the discs that close the walls: lumens up to these
GAP_MM = 6.0  # where a lumen is narrowed or its edge blurred
# A piece that is sure and long may be far from what was found: lobar bronchi are hard to see in the hilum.
FAR_MM, FAR_EXTENT_MM, FAR_SURE_SHARE = 40.0, 20.0, 0.3
LEAST_SURE_SHARE, LEAST_PIECE_ML = 0.1, 0.05
MOST_PIECES_AWAY = 15
TRACHEA_SHARE = 0.4  # of the lungs' height: gas below this is gut
LUNG_SIGMA_MM = 9.0


def segment_airways(volume: CTVolume, lungs: LabelMap, *, grid_mm: float | None = WORKING_MM) -> LabelMap:
    """Segment the lumen of trachea, main, lobar and segmental bronchi.

    Bronchi are pieces of dark tube with a wall that closes around them; those that hang on trachea and main bronchi
    across short gaps are kept, long and sure ones across longer gaps too.

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
    canonical = to_canonical(volume)
    return restore(resample_labels(find_airways(volume, lungs, grid_mm=grid_mm), canonical.geometry), volume.geometry)


def find_airways(volume: CTVolume, lungs: LabelMap, *, grid_mm: float | None = WORKING_MM) -> LabelMap:
    """Segment the lumen as :func:`segment_airways` does, and leave it on the working grid, canonical orientation."""
    if volume.geometry != lungs.geometry:
        raise ValueError("the lung mask must lie on the grid of the volume")
    canonical = to_canonical(volume)
    working = canonical if grid_mm is None else resample_volume(canonical, (grid_mm, grid_mm, grid_mm))
    mask = resample_labels(to_canonical(lungs), working.geometry).labels > 0
    return LabelMap(airway_lumen(working.hu, mask, working.geometry.spacing).astype(np.uint8), working.geometry)


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
    bronchi = grow_bronchi(local, near, lungs[box], trunk[box], spacing)
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


def grow_bronchi(hu: Float32Array, near: BoolArray, lungs: BoolArray, trunk: BoolArray, spacing: Vector3) -> BoolArray:
    """Add to the trunk every piece of walled dark tube that hangs on it across gaps, from near to far and on.

    Parameters
    ----------
    hu : array (z, y, x)
    near : array (z, y, x)
        Where bronchi may be: lungs and what is around them and the trunk.
    lungs, trunk : array (z, y, x)
    spacing : tuple of float
        Millimetres.

    Returns
    -------
    array (z, y, x)
        The trunk and its bronchi.
    """
    clipped = np.clip(hu, -1024.0, -300.0)
    walled = wall_contrast(clipped, spacing)
    below = smoothed(clipped, lungs, LUNG_SIGMA_MM, spacing) - clipped
    tube = vesselness(clipped, near, spacing, scales_mm=LUMEN_SCALES_MM, bright=False)

    def above(limits: tuple[float, float, float]) -> BoolArray:
        found: BoolArray = near & (tube > limits[0]) & (walled > limits[1]) & (below > limits[2])
        return found

    labels, count = ndimage.label(above(LIKELY) | trunk, np.ones((3, 3, 3)))
    voxels = np.maximum(np.bincount(labels.ravel(), minlength=count + 1), 1)
    sure_share = np.bincount(labels[above(SURE)], minlength=count + 1) / voxels
    boxes = ndimage.find_objects(labels)
    sides = np.array([[s.stop - s.start for s in box] for box in boxes], np.float64).reshape(-1, 3)
    extent_mm = np.append(0.0, np.linalg.norm(sides * np.asarray(spacing), axis=1))
    piece = (sure_share > LEAST_SURE_SHARE) & (voxels * (float(np.prod(spacing)) / 1000) >= LEAST_PIECE_ML)
    far = (sure_share >= FAR_SURE_SHARE) & (extent_mm >= FAR_EXTENT_MM)
    kept = np.zeros(count + 1, bool)
    kept[labels[trunk]] = True
    for reach_mm, allowed in ((GAP_MM, piece), (FAR_MM, far), (GAP_MM, piece)):
        for _ in range(MOST_PIECES_AWAY):
            beside = np.unique(labels[dilate(kept[labels], reach_mm, spacing)])
            fresh = beside[allowed[beside] & ~kept[beside] & (beside > 0)]
            if not len(fresh):
                break
            kept[fresh] = True
    grown: BoolArray = kept[labels]
    return grown
