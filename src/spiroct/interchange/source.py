"""The DICOM series that a result comes from: whose study the result joins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spiroct.errors import InputError
from spiroct.imaging.archives import unpacked
from spiroct.imaging.volume import Geometry

# Type 2 attributes that objects of the study take over: present, if empty (PS3.3 C.7.1.1, C.7.2.1).
_EMPTY_IF_MISSING = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
    "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip

# Of patient and study, taken over too; de-identification often empties them, and then they are invalid.
_REFERENCES = ("ReferencedStudySequence", "ReferencedPatientSequence")


@dataclass(frozen=True, eq=False)
class SourceSeries:
    """Headers of the slices of one series, without pixels.

    Parameters
    ----------
    slices : tuple of pydicom Dataset
        Ordered along the slice normal; they name the patient, as every object of the patient's study does.
    """

    slices: tuple[Any, ...]

    @property
    def first(self) -> Any:
        """Header of the first slice: patient, study and frame of reference."""
        return self.slices[0]

    @property
    def frame_of_reference(self) -> str:
        """UID of the coordinates that all geometry is in."""
        return str(self.first.FrameOfReferenceUID)


def read_source(scan: Path, series_uid: str | None) -> SourceSeries:
    """Read the headers of the series that was predicted.

    Parameters
    ----------
    scan : Path
        DICOM folder or zip, or one file of the folder.
    series_uid : str or None
        SeriesInstanceUID; None where the scan is no DICOM series.

    Raises
    ------
    InputError
        If there is no such series: its results would have no study to go to.
    """
    if series_uid is None:
        raise InputError(
            f"{scan} is no DICOM series",
            "DICOM results join the study of the scan that they come from",
            "name the DICOM folder or zip of this scan, or leave the DICOM output out",
        )
    if scan.suffix.lower() == ".zip":
        with unpacked(scan) as folder:
            return _read(folder, scan, series_uid)
    return _read(scan if scan.is_dir() else scan.parent, scan, series_uid)


def _read(folder: Path, scan: Path, series_uid: str) -> SourceSeries:
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    found: dict[str, Any] = {}
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        try:
            dataset = dcmread(file, stop_before_pixels=True)
        except (InvalidDicomError, EOFError):
            continue  # a viewer or a text beside the slices
        if str(dataset.get("SeriesInstanceUID")) == series_uid and "ImagePositionPatient" in dataset:
            found.setdefault(str(dataset.SOPInstanceUID), dataset)
    if not found:
        raise InputError(f"series {series_uid} is not in {scan}", "its results need its headers", "check the path")
    return SourceSeries(tuple(_completed(d) for d in _stacked(list(found.values()))))


def _stacked(slices: list[Any]) -> list[Any]:
    cosines = np.asarray(slices[0].ImageOrientationPatient, dtype=np.float64)
    normal = np.cross(cosines[:3], cosines[3:])
    return sorted(slices, key=lambda d: float(normal @ np.asarray(d.ImagePositionPatient, dtype=np.float64)))


def _completed(dataset: Any) -> Any:
    """Add what a de-identified header may lack and every object must have; drop what refers to nothing."""
    for keyword in _REFERENCES:
        items = dataset.get(keyword, ())
        if any(not i.get("ReferencedSOPClassUID") or not i.get("ReferencedSOPInstanceUID") for i in items):
            del dataset[keyword]
    for keyword in _EMPTY_IF_MISSING:
        if keyword not in dataset:
            setattr(dataset, keyword, "")
    if not dataset.get("FrameOfReferenceUID"):  # one for the series, the same in every object made from it
        import uuid

        dataset.FrameOfReferenceUID = f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, f'{dataset.SeriesInstanceUID}/frame').int}"
    return dataset


def affine_of(geometry: Geometry) -> np.ndarray:
    """(4, 4) matrix from array index (z, y, x) to LPS millimetres, as highdicom's ``Volume`` takes it."""
    affine = np.eye(4)
    affine[:3, :3] = geometry.direction_matrix * np.asarray(geometry.spacing)
    affine[:3, 3] = geometry.origin
    return affine
