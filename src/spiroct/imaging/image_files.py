"""NIfTI, MHA, MHD and NRRD: one file, one volume, any axis order."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spiroct.errors import ScanError
from spiroct.imaging.orientation import as_matrix3
from spiroct.imaging.volume import Geometry
from spiroct.types import Float32Array

FORMATS = {
    ".nii": "NIfTI",
    ".nii.gz": "NIfTI",
    ".mha": "MHA",
    ".mhd": "MHA",
    ".nrrd": "NRRD",
    ".nhdr": "NRRD",
}


def format_of(path: Path) -> str | None:
    """Name of the format by the file's ending; None when it is none of these."""
    name = path.name.lower()
    return next((label for ending, label in FORMATS.items() if name.endswith(ending)), None)


def read_image(path: Path) -> tuple[Float32Array, Geometry]:
    """Read a 3D scalar image with its geometry.

    Parameters
    ----------
    path : Path
        One of ``FORMATS``.

    Returns
    -------
    values : array (z, y, x), float32
        Voxel values in the file's own axis order.
    geometry : Geometry
        LPS, millimetres.

    Raises
    ------
    ScanError
        If the file is damaged, not three-dimensional, or has colour channels.
    """
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        dimension, size, channels = reader.GetDimension(), reader.GetSize(), reader.GetNumberOfComponents()
        if channels != 1:
            raise ScanError(
                f"{path} has {channels} colour channels",
                "a CT has one value in each voxel",
                "export the CT itself",
            )
        if dimension > 3 and max(size[3:]) > 1:
            raise ScanError(
                f"{path} is a {dimension}D image of {'x'.join(map(str, size))} voxels",
                "a scan is one 3D volume",
                "split it and name one time point",
            )
        if dimension < 3:
            raise ScanError(f"{path} is a {dimension}D image", "a scan is one 3D volume", "name a CT volume")
        image = reader.Execute()
    except RuntimeError as failure:
        reason = str(failure).strip().splitlines()[-1].strip().rstrip(".")
        raise ScanError(
            f"{path} cannot be read ({reason[-160:]})",
            "the file is truncated, damaged or not what its ending says",
            "copy or export it again",
        ) from None
    image = image[:, :, :, 0] if dimension > 3 else image
    spacing, origin = image.GetSpacing()[::-1], image.GetOrigin()
    direction = np.asarray(image.GetDirection()).reshape(3, 3)[:, ::-1]
    values = sitk.GetArrayFromImage(sitk.Cast(image, sitk.sitkFloat32))
    return values, Geometry(values.shape, spacing, origin, as_matrix3(direction))
