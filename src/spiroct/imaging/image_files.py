"""NIfTI, MHA, MHD and NRRD: one file, one volume, any axis order."""

from __future__ import annotations

import gzip
import io
import math
import zlib
from pathlib import Path

import numpy as np

from spiroct.errors import ScanError
from spiroct.imaging.orientation import as_matrix3
from spiroct.imaging.volume import Geometry
from spiroct.types import Float32Array

_NIFTI_SLACK = 4096  # bytes that may follow the voxels; else gzip's trailer may tell the last of several members alone
MAXIMUM_VOXELS = 2**31  # 1024 x 1024 x 2048; a header that announces more would take all memory
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


def stem_of(path: Path) -> str:
    """Name of a file without its format's ending: ``1.2.840`` of ``1.2.840.nii.gz``."""
    endings = (e for e in (*FORMATS, ".zip") if path.name.lower().endswith(e))
    return path.name[: len(path.name) - len(next(endings, ""))]


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
        if math.prod(size) > MAXIMUM_VOXELS:
            raise ScanError(
                f"{path} announces {'x'.join(map(str, size))} voxels",
                f"a scan has at most {MAXIMUM_VOXELS / 1e9:.1f} billion",
                "name a chest CT",
            )
        if format_of(path) == "NIfTI":
            header, bits = (int(float(reader.GetMetaData(name))) for name in ("vox_offset", "bitpix"))
            _require_whole_nifti(path, header + int(np.prod(size)) * bits // 8)
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


def _require_whole_nifti(path: Path, whole: int) -> None:
    """Refuse a NIfTI file that is shorter than its header says: ITK would fill the rest with zeros, silently."""
    if path.suffix != ".gz":
        length = path.stat().st_size
    else:
        with path.open("rb") as file:
            file.seek(-4, io.SEEK_END)
            length = int.from_bytes(file.read(4), "little")  # of the last gzip member, modulo 2**32
        if not whole <= length <= whole + _NIFTI_SLACK:
            length = _unpacked_length(path, whole)
    if length < whole:
        raise _truncated(path, f"{length} of {whole} bytes")


def _unpacked_length(path: Path, whole: int) -> int:
    length = 0
    try:
        with gzip.open(path) as file:
            while chunk := file.read1(1 << 22):  # read would lose, at the break, what it had unpacked
                length += len(chunk)
    except EOFError:
        raise _truncated(path, f"it breaks off after {length} of {whole} unpacked bytes") from None
    except (OSError, zlib.error):
        return length
    return length


def _truncated(path: Path, found: str) -> ScanError:
    rule = "a file holds all the voxels that its header announces"
    return ScanError(f"{path} is truncated ({found})", rule, "copy or export it again")
