"""One DICOM slice's header: what spiroct needs of it, and nothing that names a person."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spiroct.types import Vector3

# Keywords that are read; everything else in the file is skipped.
KEYWORDS = (
    "SOPClassUID", "SOPInstanceUID", "Modality", "ImageType", "StudyInstanceUID", "SeriesInstanceUID",
    "FrameOfReferenceUID", "SeriesDescription", "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel",
    "ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing", "SliceThickness", "ConvolutionKernel",
    "KVP", "XRayTubeCurrent", "Manufacturer", "ManufacturerModelName", "ContrastBolusAgent", "PatientPosition",
    "PatientSex", "PatientAge", "PatientBirthDate", "StudyDate", "PatientSize", "PixelPaddingValue",
    "RescaleSlope", "RescaleIntercept", "BodyPartExamined",
)  # fmt: skip


@dataclass(frozen=True)
class SliceHeader:
    """Header of one DICOM object.

    Parameters
    ----------
    file : Path
        Where it lies.
    modality, series_uid : str
        ``"CT"`` and so on; the series it belongs to.
    orientation : tuple of 6 floats or None
        Row and column cosines; None when the object has no place in the patient.
    position : tuple of 3 floats or None
        LPS point of the first voxel, in mm.
    pixel_spacing : tuple of 2 floats or None
        Distance of rows and of columns, in mm.
    matrix : tuple of 2 ints
        Rows and columns.
    facts : dict
        The other values, by DICOM keyword.
    patient : str
        Digest of the patient's number, to tell patients apart and no more.
    """

    file: Path
    modality: str
    series_uid: str
    orientation: tuple[float, ...] | None
    position: Vector3 | None
    pixel_spacing: tuple[float, float] | None
    matrix: tuple[int, int]
    facts: dict[str, Any]
    patient: str

    @property
    def is_slice(self) -> bool:
        """True for a CT slice with a place in the patient; False for localizers, reports and the like."""
        image_type = [str(word).upper() for word in self.facts.get("ImageType") or ()]
        placed = self.orientation is not None and self.position is not None and self.pixel_spacing is not None
        return self.modality == "CT" and placed and "LOCALIZER" not in image_type and min(self.matrix) > 1


def read_header(file: Path) -> SliceHeader | None:
    """Read one file's header; None when the file is not DICOM."""
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    try:
        dataset = dcmread(file, stop_before_pixels=True, specific_tags=[*KEYWORDS, "PatientID"])
    except (InvalidDicomError, EOFError, OSError):
        return None
    facts = {keyword: dataset.get(keyword) for keyword in KEYWORDS}
    return SliceHeader(
        file=file,
        modality=str(facts["Modality"] or "unknown"),
        series_uid=str(facts["SeriesInstanceUID"] or "unknown"),
        orientation=_floats(facts["ImageOrientationPatient"], 6),
        position=_floats(facts["ImagePositionPatient"], 3),  # type: ignore[arg-type]
        pixel_spacing=_floats(facts["PixelSpacing"], 2),  # type: ignore[arg-type]
        matrix=(int(facts["Rows"] or 0), int(facts["Columns"] or 0)),
        facts=facts,
        patient=hashlib.sha256(str(dataset.get("PatientID") or "").strip().encode()).hexdigest(),
    )


def age_years(age: str | None, birth_date: str | None, study_date: str | None) -> float | None:
    """Age in years from a DICOM age string (``058Y``, ``006M``), else from the two dates; only the age is kept."""
    if age and len(age) == 4 and age[:3].isdigit() and age[3] in "YMWD":
        return int(age[:3]) / {"Y": 1.0, "M": 12.0, "W": 52.1775, "D": 365.2425}[age[3]]
    if birth_date and study_date and len(birth_date) == len(study_date) == 8:
        from datetime import date

        try:
            days = date.fromisoformat(study_date) - date.fromisoformat(birth_date)
        except ValueError:
            return None
        return round(days.days / 365.2425, 2) if days.days > 0 else None
    return None


def number(value: Any) -> float | None:
    """Return a header's number as float; None where it is missing or no number."""
    try:
        return None if value in (None, "") else float(value)
    except (TypeError, ValueError):
        return None


def text(value: Any) -> str | None:
    """Return a header's text; several values joined; None where it is empty."""
    if value is None or isinstance(value, str):
        return (value or "").strip() or None
    words = [str(word).strip() for word in value] if hasattr(value, "__iter__") else [str(value)]
    return " ".join(words).strip() or None


def _floats(value: Any, count: int) -> tuple[float, ...] | None:
    if value is None:
        return None
    try:
        numbers = tuple(float(v) for v in value)
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) == count else None
