"""A scan and its lungs on a coarse canonical grid, made once and shared by all checks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from spiroct.imaging.orientation import to_canonical
from spiroct.imaging.resampling import resample_labels, resample_volume
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.segmentation.airway_trunk import airway_trunk
from spiroct.segmentation.threshold_lungs import body_inside
from spiroct.types import BoolArray, Float32Array, UInt8Array, Vector3

COARSE_MM = 3.0
LUMEN_HU = -700.0  # halfway between air and the wall of an airway


@dataclass(frozen=True, eq=False)
class CoarseScan:
    """What the checks look at; all arrays (z, y, x), z to the head, y to the back, x to the patient's left.

    Parameters
    ----------
    hu : array, float32
        Hounsfield units.
    smooth : array, float32
        The same after a Gaussian of 0.7 voxel, so that noise does not decide on single voxels.
    lungs : array, uint8
        1 right, 2 left.
    body : array, bool
        The body with everything inside it.
    trunk, lumen : array, bool
        Trachea and main bronchi with and without their wall; empty where no trachea was found.
    spacing : tuple of float
        Millimetres along (z, y, x).
    middle : float
        Column of the midline between the outer borders of the lungs.
    """

    hu: Float32Array
    smooth: Float32Array
    lungs: UInt8Array
    body: BoolArray
    trunk: BoolArray
    lumen: BoolArray
    spacing: Vector3
    middle: float

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel, mL."""
        return float(np.prod(self.spacing)) / 1000.0

    @property
    def mask(self) -> BoolArray:
        """Both lungs."""
        return np.asarray(self.lungs > 0)

    def litres(self, where: BoolArray) -> float:
        """Volume of a mask, L."""
        return float(np.count_nonzero(where)) * self.voxel_ml / 1000.0

    def level(self, share: float) -> int:
        """Slice at a share of the lungs' height: 0 at their base, 1 at their top."""
        slices = np.flatnonzero(self.lungs.any(axis=(1, 2)))
        return int(slices[0] + share * (slices[-1] - slices[0]))


def coarse_scan(volume: CTVolume, lungs: LabelMap) -> CoarseScan:
    """Bring a scan and its lung mask to a grid of at least 3 mm.

    Parameters
    ----------
    volume : CTVolume
        In any orientation.
    lungs : LabelMap
        1 right, 2 left, on the grid of the volume; not empty.

    Raises
    ------
    ValueError
        If the lungs are empty or do not lie on the grid of the volume.
    """
    if lungs.geometry != volume.geometry:
        raise ValueError("the lung mask must lie on the grid of the volume")
    canonical = to_canonical(volume)
    z, y, x = (max(s, COARSE_MM) for s in canonical.geometry.spacing)
    working = resample_volume(canonical, (z, y, x))
    labels = resample_labels(to_canonical(lungs), working.geometry).labels
    columns = np.flatnonzero(labels.any(axis=(0, 1)))
    if not len(columns):
        raise ValueError("an empty lung mask cannot be judged")
    body = body_inside(working.hu, working.geometry.spacing)
    trunk = airway_trunk(working.hu, body, working.geometry.spacing)
    return CoarseScan(
        hu=working.hu,
        smooth=ndimage.gaussian_filter(working.hu, 0.7),
        lungs=labels,
        body=body,
        trunk=trunk,
        lumen=trunk & (working.hu < LUMEN_HU),
        spacing=working.geometry.spacing,
        middle=float(columns[0] + columns[-1]) / 2,
    )
