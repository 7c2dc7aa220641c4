"""The OSIC pulmonary fibrosis data of Kaggle: ``train.csv`` with FVC by week, and a DICOM folder a patient."""

from __future__ import annotations

from pathlib import Path

from spiroct.cohort.importers.imported import FoundScan, Imported, LeftOut
from spiroct.cohort.importers.source_table import number_in, read_source_table
from spiroct.errors import InputError

COLUMNS = ("Patient", "Weeks", "FVC", "Percent", "Age", "Sex", "SmokingStatus")
SEXES = {"male": "M", "female": "F"}
DAYS_A_WEEK = 7


def import_osic(folder: Path, *, max_gap_days: float | None = None) -> Imported:
    """Read the OSIC folder: each patient's one CT, with the FVC measured nearest to it.

    Weeks count from the CT and may be negative; the visit with the fewest weeks from 0 is taken, before the CT rather
    than after where two are as near. FVC is in mL there, and age in whole years. Height, DLCO, FEV1 and TLC are not in
    the data.

    Parameters
    ----------
    folder : Path
        Holds ``train.csv`` and ``train/<Patient>/*.dcm``.
    max_gap_days : float, optional
        Leave out patients whose nearest test is further away.

    Returns
    -------
    Imported
        ``fvc_percent_given`` keeps the table's own percentage, ``ct_pft_interval_days`` the signed days from CT to
        test.

    Raises
    ------
    InputError
        If the folder or its table is not laid out so.
    """
    table, scans = folder / "train.csv", folder / "train"
    if not table.is_file() or not scans.is_dir():
        raise InputError(
            f"{folder} has no {'train.csv' if not table.is_file() else 'folder train'}",
            "the OSIC data are train.csv and train/<Patient>/*.dcm",
            "name the unpacked folder of the competition",
        )
    visits: dict[str, list[dict[str, str]]] = {}
    for row in read_source_table(table, COLUMNS):
        visits.setdefault(row["Patient"], []).append(row)
    found: list[FoundScan] = []
    left_out: list[LeftOut] = []
    averaged = 0
    for patient in sorted(visits):
        one = _nearest(patient, visits[patient], scans / patient, max_gap_days)
        if isinstance(one, LeftOut):
            left_out.append(one)
            continue
        scan, count = one
        averaged += count > 1
        found.append(scan)
    left_out += [
        LeftOut(path.name, str(path), "not named in the table", f"{table.name} has no row of {path.name}")
        for path in sorted(scans.iterdir())
        if path.is_dir() and path.name not in visits
    ]
    notes = ["height, DLCO, FEV1 and TLC are not in the OSIC data and stay empty"]
    if averaged:
        notes.append(f"{averaged} patients have two FVC in their nearest week; their mean is taken")
    return Imported(tuple(found), tuple(left_out), tuple(notes))


def _nearest(
    patient: str, rows: list[dict[str, str]], scan: Path, max_gap_days: float | None
) -> tuple[FoundScan, int] | LeftOut:
    """Take a patient's visit nearest to the CT, with the number of its measurements; or say why there is none."""
    try:
        weeks = {int(row["Weeks"]) for row in rows if row["FVC"]}
        if not weeks:
            return LeftOut(patient, str(scan), "no measurement", "no visit has an FVC")
        week = min(weeks, key=lambda w: (abs(w), w))
        same = [row for row in rows if row["FVC"] and int(row["Weeks"]) == week]
        fvc = [number_in(row["FVC"]) or 0.0 for row in same]
        percent = [p for row in same if (p := number_in(row["Percent"])) is not None]
    except ValueError as wrong:
        return LeftOut(patient, str(scan), "impossible value", f"a visit of {patient} is not in numbers ({wrong})")
    gap = DAYS_A_WEEK * week
    if max_gap_days is not None and abs(gap) > max_gap_days:
        reason = f"the nearest FVC is {gap} days from the CT, more than {max_gap_days:g}"
        return LeftOut(patient, str(scan), "too far apart", reason)
    if not scan.is_dir():
        return LeftOut(patient, str(scan), "no scan", f"there is no folder {scan}")
    row = same[0]
    cells = {
        "sex": SEXES.get(row["Sex"].lower(), row["Sex"]),
        "age": row["Age"],
        "FVC": repr(sum(fvc) / len(fvc) / 1000),
        "ct_pft_interval_days": str(gap),
        "smoking": row["SmokingStatus"],
        "fvc_percent_given": repr(sum(percent) / len(percent)) if percent else "",
    }
    return FoundScan(patient, patient, scan, cells), len(same)
