"""Write volumes: NIfTI with the same bytes every time, and simulated scans as valid DICOM series."""

from __future__ import annotations

import gzip
import struct
import tempfile
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.types import AnyArray, Float32Array

HEADER_BYTES = 352  # of a NIfTI-1 file of one piece; voxels follow
_UID_ROOT = "2.25."  # UUID-derived UIDs (DICOM PS3.5 B.2)


def write_nifti(image: CTVolume | LabelMap, path: Path) -> None:
    """Write a volume as ``.nii`` or ``.nii.gz``; the same volume always gives the same bytes.

    Parameters
    ----------
    image : CTVolume or LabelMap
        HU are rounded to int16, labels stay uint8.
    path : Path
        File to write; compressed when it ends in ``.gz``.
    """
    if isinstance(image, CTVolume):
        _write_nifti_planes((np.rint(plane) for plane in image.hu), np.int16, image.geometry, path)
    else:
        _write_nifti_planes(image.labels, np.uint8, image.geometry, path)


def write_nifti_map(
    planes: Iterable[Float32Array], geometry: Geometry, path: Path, *, largest: float, steps: int = 32767
) -> None:
    """Write a map of real numbers as NIfTI with the same bytes every time, in whole steps and a slope.

    Every viewer multiplies by the slope in the header.

    Parameters
    ----------
    planes : array (z, y, x), or its planes (y, x) one after the other
    geometry : Geometry
        Of the whole map.
    path : Path
        File to write; compressed when it ends in ``.gz``.
    largest : float
        No value is larger than this, without its sign.
    steps : int
        From 0 to ``largest``; values are right to half a step. Up to 127 they take a byte each, and a smooth map is
        written four times as fast and a tenth as large.
    """
    slope = largest / steps if largest > 0 else 1.0
    kind = np.int8 if steps <= np.iinfo(np.int8).max else np.int16
    whole = (np.rint(plane * np.float32(1 / slope)) for plane in planes)
    _write_nifti_planes(whole, kind, geometry, path, slope=slope, fast=True)


def _write_nifti_planes(
    planes: Iterable[AnyArray],
    kind: type[np.integer],
    geometry: Geometry,
    path: Path,
    *,
    slope: float = 1.0,
    fast: bool = False,
) -> None:
    """Write planes (y, x) one after the other, which stay in the processor's cache and need no memory of their own."""
    with path.open("wb") as file, _packed(file, fast=fast) if path.suffix == ".gz" else nullcontext(file) as target:
        target.write(_nifti_header(kind, geometry, slope))
        for plane in planes:
            target.write(np.ascontiguousarray(plane, dtype=kind).tobytes())


def _packed(file: BinaryIO, *, fast: bool) -> gzip.GzipFile:
    """Compress what is written; gzip stores a name and a time of day by default, which would differ from run to run."""
    if not fast:
        return gzip.GzipFile("", "wb", compresslevel=4, fileobj=file, mtime=0)
    from isal.igzip import IGzipFile  # seven times as fast as zlib's fastest, files as large

    return IGzipFile("", "wb", compresslevel=1, fileobj=file, mtime=0)  # type: ignore[no-untyped-call]


def _nifti_header(kind: type[np.integer], geometry: Geometry, slope: float) -> bytes:
    """Header of a NIfTI-1 file: SimpleITK's for the first plane, told how many there are and what a step is worth."""
    import SimpleITK as sitk

    made = sitk.GetImageFromArray(np.zeros((1, *geometry.shape[1:]), kind))
    made.SetSpacing([float(s) for s in reversed(geometry.spacing)])
    made.SetOrigin([float(o) for o in geometry.origin])
    made.SetDirection([float(v) for v in geometry.direction_matrix[:, ::-1].ravel()])
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "image.nii"
        sitk.WriteImage(made, str(plain))
        header = bytearray(plain.read_bytes()[:HEADER_BYTES])
    header[46:48] = struct.pack("<h", geometry.shape[0])  # dim[3]
    if slope != 1.0:
        header[112:120] = struct.pack("<ff", slope, 0.0)  # scl_slope and scl_inter
    return bytes(header)


def write_dicom_series(volume: CTVolume, folder: Path, *, patient_id: str, seed_uid: str) -> None:
    """Write a simulated CT as a DICOM series, one CT Image Storage file a slice.

    Parameters
    ----------
    volume : CTVolume
        Axes in the canonical frame; HU are rounded and stored from -1024.
    folder : Path
        Folder to make; files are ``slice-0001.dcm`` from head to foot.
    patient_id : str
        Identifier; the name says that the patient is simulated.
    seed_uid : str
        Every UID follows from it, so that the same scan has the same UIDs.

    Raises
    ------
    ValueError
        If the volume's slices are not axial (array axis 0 along its direction's third LPS axis).
    """
    direction = volume.geometry.direction_matrix
    if not np.allclose(np.cross(direction[:, 2], direction[:, 1]), direction[:, 0], atol=1e-4):
        raise ValueError("the slice axis must be the normal of row and column axes; reorder with to_canonical first")
    folder.mkdir(parents=True)
    stored = np.clip(np.rint(volume.hu), -1024, 3071).astype(np.int16) + 1024
    count = volume.geometry.shape[0]
    for number in range(count):
        index = count - 1 - number  # from head to foot, as scanners number them
        dataset = _slice_dataset(volume, index, number, patient_id, seed_uid)
        dataset.set_pixel_data(stored[index].astype(np.uint16), "MONOCHROME2", 12, generate_instance_uid=False)
        dataset.save_as(folder / f"slice-{number + 1:04d}.dcm", enforce_file_format=True)


def _slice_dataset(volume: CTVolume, index: int, number: int, patient_id: str, seed_uid: str) -> Any:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

    facts, geometry = volume.acquisition, volume.geometry
    direction = geometry.direction_matrix
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = CTImageStorage
    uid = _uid(f"{seed_uid}/slice/{number}")
    dataset.SOPInstanceUID = uid
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(uid)
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.Modality, dataset.PatientID, dataset.PatientName = "CT", patient_id, f"SIMULATED^{patient_id}"
    dataset.PatientSex = facts.sex or ""
    dataset.PatientBirthDate = ""
    if facts.age is not None:
        dataset.PatientAge = f"{int(facts.age):03d}Y"
    if facts.height_cm is not None:
        dataset.PatientSize = f"{facts.height_cm / 100:.3f}"
    dataset.StudyDate = dataset.SeriesDate = dataset.ContentDate = "20230101"  # a simulation has no date of its own
    dataset.StudyTime = dataset.SeriesTime = dataset.ContentTime = "120000"
    dataset.AccessionNumber = dataset.ReferringPhysicianName = ""
    dataset.StudyID, dataset.SeriesNumber, dataset.AcquisitionNumber = "1", 1, 1
    dataset.InstanceNumber = number + 1
    dataset.StudyInstanceUID = facts.study_uid or _uid(f"{seed_uid}/study")
    dataset.SeriesInstanceUID = facts.series_uid or _uid(f"{seed_uid}/series")
    dataset.FrameOfReferenceUID = facts.frame_of_reference_uid or _uid(f"{seed_uid}/frame")
    dataset.StudyDescription = "Simulated chest CT"
    dataset.SeriesDescription = facts.series_description or "Simulated chest CT, not a patient"
    dataset.ImageComments = "Made by the spiroct simulator; not a patient"
    dataset.PositionReferenceIndicator = ""
    dataset.Manufacturer = facts.manufacturer or "spiroct"
    dataset.ManufacturerModelName = facts.scanner or "simulator"
    dataset.BodyPartExamined, dataset.PatientPosition = "CHEST", facts.patient_position or "HFS"
    dataset.ConvolutionKernel = facts.kernel or ""
    dataset.KVP = "" if facts.kvp is None else f"{facts.kvp:g}"
    if facts.tube_current_ma is not None:
        dataset.XRayTubeCurrent = round(facts.tube_current_ma)
    thickness = facts.slice_thickness_mm
    dataset.SliceThickness = _decimal(geometry.spacing[0] if thickness is None else thickness)
    dataset.ImageOrientationPatient = [_decimal(v) for v in (*direction[:, 2], *direction[:, 1])]
    dataset.ImagePositionPatient = [_decimal(v) for v in geometry.point((float(index), 0.0, 0.0))]
    dataset.SliceLocation = _decimal(float(geometry.point((float(index), 0.0, 0.0)) @ direction[:, 0]))
    dataset.PixelSpacing = [_decimal(geometry.spacing[1]), _decimal(geometry.spacing[2])]
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "-1024", "1", "HU"
    dataset.WindowCenter, dataset.WindowWidth = "-600", "1500"
    return dataset


def _decimal(value: float) -> str:
    """Write a decimal string of at most 16 characters (DICOM PS3.5, value representation DS)."""
    return f"{value + 0.0:.8g}"


def _uid(seed: str) -> str:
    import uuid

    return _UID_ROOT + str(uuid.uuid5(uuid.NAMESPACE_URL, f"spiroct:{seed}").int)
