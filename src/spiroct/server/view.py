"""The scan as the browser's viewer gets it: NIfTI on a grid that a telephone's graphics memory holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from spiroct.imaging.resampling import resample_labels, resample_volume, resampled_shape
from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.imaging.writing import write_nifti
from spiroct.types import Vector3

MOST_VOXELS = 16_000_000  # 32 MB as int16; WebGL keeps four bytes a voxel of each image
STEP = 1.02


def write_view(volume: CTVolume, masks: Mapping[str, LabelMap], folder: Path) -> Vector3:
    """Write ``scan.nii.gz`` and a file for each mask, all on one grid, for the viewer.

    A scan of more than 16 million voxels is averaged onto coarser ones, the finest axes first: a whole chest in thin
    slices comes out at about 1.3 mm, which is what a screen shows of it. Frame and sides stay those of the scan.

    Parameters
    ----------
    volume : CTVolume
        The scan.
    masks : mapping of str to LabelMap
        By name: ``lungs`` (1 right, 2 left), ``vessels``.
    folder : Path
        Made if missing.

    Returns
    -------
    tuple of float
        Spacing (z, y, x) of what the viewer shows, in mm.
    """
    spacing = view_spacing(volume.geometry)
    if spacing != volume.geometry.spacing:
        volume = resample_volume(volume, spacing)
    folder.mkdir(exist_ok=True)
    write_nifti(volume, folder / "scan.nii.gz")
    for name, mask in masks.items():
        write_nifti(resample_labels(mask, volume.geometry), folder / f"{name}.nii.gz")
    return volume.geometry.spacing


def view_spacing(geometry: Geometry) -> Vector3:
    """Return the spacing (z, y, x), in mm, that keeps a grid below the most voxels; coarse axes stay as they are."""
    least = min(geometry.spacing)
    while np.prod(resampled_shape(geometry.shape, geometry.spacing, _at_least(geometry.spacing, least))) > MOST_VOXELS:
        least *= STEP
    return _at_least(geometry.spacing, least)


def _at_least(spacing: Vector3, least: float) -> Vector3:
    z, y, x = (max(own, least) for own in spacing)
    return z, y, x
