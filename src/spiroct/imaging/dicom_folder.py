"""A DICOM folder: find its series and choose the chest CT best suited."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from spiroct.errors import ScanError
from spiroct.imaging.acquisition import Acquisition
from spiroct.imaging.dicom_header import SliceHeader, age_years, number, read_header, text

MINIMUM_SLICES = 20
CHEST_MM = 200.0  # a series that covers less hardly shows whole lungs


def find_slices(folder: Path, name: str) -> list[SliceHeader]:
    """Read the headers of every DICOM object below a folder, in the order of their paths.

    Parameters
    ----------
    folder : Path
        Searched with all its subfolders.
    name : str
        How the user calls it, for messages.

    Raises
    ------
    ScanError
        If there is nothing, or nothing of DICOM.
    """
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name.upper() != "DICOMDIR")
    if not files:
        raise ScanError(f"{name} is empty", "a scan is a folder of DICOM files", "name the folder that holds them")
    headers = [header for file in files if (header := read_header(file)) is not None]
    if not headers:
        raise ScanError(
            f"{name} holds {len(files)} files and none of them is DICOM ({files[0].name})",
            "a scan folder holds the DICOM files of a chest CT",
            "name a DICOM folder or zip, or a NIfTI, MHA or NRRD file",
        )
    return headers


def choose_series(headers: list[SliceHeader], name: str, wanted: str | None = None) -> tuple[list[SliceHeader], str]:
    """Choose the chest CT best suited among the series of a folder.

    Preferred, in this order: axial and not derived from another series, covering at least 200 mm, a kernel that is
    not sharp, the finest slices, the most slices; at last the series UID, so that the choice is always the same.

    Parameters
    ----------
    headers : list of SliceHeader
        Of the whole folder.
    name : str
        How the user calls it, for messages.
    wanted : str, optional
        SeriesInstanceUID that the user asked for.

    Returns
    -------
    slices : list of SliceHeader
        The chosen series.
    choice : str
        Which and why, as one sentence.

    Raises
    ------
    ScanError
        If no series is an axial CT of at least 20 slices, those that are show several patients, or the wanted one is
        not there.
    """
    series: dict[str, list[SliceHeader]] = defaultdict(list)
    for header in headers:
        if header.is_slice:
            series[header.series_uid].append(header)
    if wanted is not None:
        return _wanted(series, headers, name, wanted)
    if not series:
        _refuse_without_ct(headers, name)
    axial = {uid: slices for uid, slices in series.items() if _is_axial(slices)}
    if not axial:
        raise ScanError(
            f"{name} holds no axial CT series", "lungs are read from axial slices", "export the axial series"
        )
    long = {uid: slices for uid, slices in axial.items() if len(slices) >= MINIMUM_SLICES}
    if not long:
        most = max(len(slices) for slices in axial.values())
        raise ScanError(
            f"{name} holds {most} axial CT slices at most",
            f"a chest CT has at least {MINIMUM_SLICES}",
            "export the whole series",
        )
    patients = {slices[0].patient for slices in long.values()}
    if len(patients) > 1:
        raise ScanError(
            f"{name} holds CT series of {len(patients)} patients",
            "a scan is of one patient",
            "name the folder of each, or one series by --series",
        )
    best = min(long, key=lambda uid: (*_rank(long[uid]), uid))
    if len(series) == 1:
        return long[best], f"The only CT series: {_words(long[best])}."
    others = "; ".join(_words(slices) for uid, slices in sorted(series.items()) if uid != best)
    return long[best], f"Best suited of {len(series)} CT series: {_words(long[best])}; left out: {others}."


def acquisition_of(slices: list[SliceHeader], choice: str | None) -> Acquisition:
    """Collect what the headers of a series tell of scanner, protocol and patient."""
    facts = slices[0].facts
    sex = text(facts["PatientSex"])
    metres = number(facts["PatientSize"])
    return Acquisition(
        format="DICOM",
        series_uid=text(facts["SeriesInstanceUID"]),
        study_uid=text(facts["StudyInstanceUID"]),
        frame_of_reference_uid=text(facts["FrameOfReferenceUID"]),
        series_description=text(facts["SeriesDescription"]),
        slices=len(slices),
        manufacturer=text(facts["Manufacturer"]),
        scanner=text(facts["ManufacturerModelName"]),
        kernel=text(facts["ConvolutionKernel"]),
        slice_thickness_mm=number(facts["SliceThickness"]),
        kvp=number(facts["KVP"]),
        tube_current_ma=number(facts["XRayTubeCurrent"]),
        contrast=text(facts["ContrastBolusAgent"]),
        patient_position=text(facts["PatientPosition"]),
        sex=sex if sex in {"F", "M"} else None,
        age=age_years(text(facts["PatientAge"]), text(facts["PatientBirthDate"]), text(facts["StudyDate"])),
        height_cm=round(100 * metres, 1) if metres is not None and 0.5 < metres < 2.5 else None,
        choice=choice,
    )


def _wanted(
    series: dict[str, list[SliceHeader]], headers: list[SliceHeader], name: str, wanted: str
) -> tuple[list[SliceHeader], str]:
    if wanted not in series:
        known = ", ".join(sorted(series)) or "none"
        there = " (it is there, but it is no CT slice series)" if any(h.series_uid == wanted for h in headers) else ""
        raise ScanError(f"{name} has no CT series {wanted}{there}", f"its CT series are {known}", "use one of these")
    if len(series[wanted]) < MINIMUM_SLICES:
        raise ScanError(
            f"series {wanted} of {name} has {len(series[wanted])} slices",
            f"a chest CT has at least {MINIMUM_SLICES}",
            "export the whole series or name another",
        )
    return series[wanted], f"Asked for by its UID: {_words(series[wanted])}."


def _refuse_without_ct(headers: list[SliceHeader], name: str) -> None:
    kinds = Counter("CT localizer" if h.modality == "CT" else h.modality for h in headers)
    what = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    raise ScanError(
        f"{name} holds no CT slices (found: {what})",
        "lung function is estimated from a chest CT",
        "name a CT series",
    )


def _normal(header: SliceHeader) -> np.ndarray:
    cosines = np.asarray(header.orientation)
    return np.cross(cosines[:3], cosines[3:])


def _is_axial(slices: list[SliceHeader]) -> bool:
    return any(abs(_normal(header)[2]) > 0.7 for header in slices)


def _extent(slices: list[SliceHeader]) -> tuple[float, float]:
    """Return coverage and median slice distance along the normal, in mm."""
    normal = _normal(slices[0])
    places = np.unique(np.round([float(np.dot(normal, np.asarray(h.position))) for h in slices], 2))
    return float(np.ptp(places)), float(np.median(np.diff(places))) if len(places) > 1 else 0.0


def _rank(slices: list[SliceHeader]) -> tuple[bool, bool, bool, float, int]:
    from spiroct.imaging.kernels import is_sharp

    facts = slices[0].facts
    derived = "DERIVED" in [str(word).upper() for word in facts.get("ImageType") or ()]
    coverage, distance = _extent(slices)
    sharp = is_sharp(text(facts["Manufacturer"]), text(facts["ConvolutionKernel"])) is True
    return derived, coverage < CHEST_MM, sharp, round(distance, 2), -len(slices)


def _words(slices: list[SliceHeader]) -> str:
    kernel = text(slices[0].facts["ConvolutionKernel"]) or "unknown kernel"
    coverage, distance = _extent(slices)
    axial = "axial " if _is_axial(slices) else ""
    return f"{len(slices)} {axial}slices {distance:.3g} mm apart over {coverage:.0f} mm, kernel {kernel}"
