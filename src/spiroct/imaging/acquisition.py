"""What a scan's header tells: series, scanner, protocol, the patient's sex, age, height; never a name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Acquisition:
    """Facts from the header; None where the header is silent (NIfTI, MHA and NRRD tell almost nothing).

    Parameters
    ----------
    format : str
        ``"DICOM"``, ``"NIfTI"``, ``"MHA"``, ``"NRRD"`` or ``"simulated"``.
    series_uid, study_uid, frame_of_reference_uid : str or None
        DICOM identifiers.
    series_description : str or None
        Free text of the series; escape before showing.
    slices : int or None
        Number of slices that were read.
    manufacturer, scanner, kernel : str or None
        Scanner and reconstruction kernel.
    slice_thickness_mm : float or None
        Nominal thickness; spacing is in the geometry.
    kvp : float or None
        Tube voltage in kV.
    tube_current_ma : float or None
        Tube current in mA.
    contrast : str or None
        Contrast agent as the header names it; None when none is named.
    patient_position : str or None
        DICOM patient position, such as ``"HFS"``.
    sex : str or None
        ``"F"`` or ``"M"``.
    age : float or None
        Age at the scan in years.
    height_cm : float or None
        Height in centimetres.
    padding_hu : float or None
        Value found outside the field of view before it was set to air, if any.
    choice : str or None
        Why this series was chosen among those in the folder, as one sentence.
    notes : tuple of str
        What reading had to mend (tilt sheared back, duplicates dropped, ...), one sentence each.
    """

    format: str = "simulated"
    series_uid: str | None = None
    study_uid: str | None = None
    frame_of_reference_uid: str | None = None
    series_description: str | None = None
    slices: int | None = None
    manufacturer: str | None = None
    scanner: str | None = None
    kernel: str | None = None
    slice_thickness_mm: float | None = None
    kvp: float | None = None
    tube_current_ma: float | None = None
    contrast: str | None = None
    patient_position: str | None = None
    sex: str | None = None
    age: float | None = None
    height_cm: float | None = None
    padding_hu: float | None = None
    choice: str | None = None
    notes: tuple[str, ...] = ()
