"""The systemic sclerosis data of the LUMC (Zenodo 12120376): NIfTI files by patient and one table of labels.

The layout is the one that the authors' loaders imply; the record itself is open on request only and has not been seen.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from spiroct.cohort.importers.imported import FoundScan, Imported, LeftOut
from spiroct.cohort.importers.source_table import EXCEL, number_in, read_source_table
from spiroct.errors import InputError

REQUIRED = ("subjectID", "DLCOc_SB", "FEV1", "FVC", "TLC_He", "DateDF_abs")
MISSING = ("NV", "NA", "NAN")  # NV: "niet verricht", not done
MEASURES = {"FEV1": "FEV1", "FVC": "FVC", "TLC": "TLC_He"}
PERCENT = {"dlco_percent_given": "DLCOcPP", "fev1_percent_given": "FEV1PP", "fvc_percent_given": "FVCPP",
           "tlc_percent_given": "TLCPP"}  # fmt: skip
PERSON = ("sex", "age", "height_cm", "ild", "pah", "smoking", "haemoglobin", "subset")
MASKS = {"lung_mask": "_LungMask", "vessel_mask": "_GcVessel"}
SEXES = {"male": "M", "female": "F", "m": "M", "f": "F"}
_SCAN = re.compile(r"^(SSc_patient_(\d{7}))\.nii\.gz$")
_DIGITS = re.compile(r"(\d+)$")


def import_lumc(
    folder: Path, *, labels: Path | None = None, scans: Path | None = None, max_gap_days: float | None = None
) -> Imported:
    """Read the LUMC folder: each patient's CT and masks, with the lung function measured nearest to it.

    Parameters
    ----------
    folder : Path
        Searched with its subfolders for ``SSc_patient_<7 digits>.nii.gz``, beside them ``..._LungMask.nii.gz`` and
        ``..._GcVessel.nii.gz``.
    labels : Path, optional
        The table; by default the only CSV or Excel file below ``folder``.
    scans : Path, optional
        Folder of the scans, where ``folder`` holds several resolutions of them.
    max_gap_days : float, optional
        Leave out patients whose CT and test lie further apart (the authors' own limit is 10).

    Returns
    -------
    Imported
        DLCO is the one corrected for haemoglobin (``DLCOc_SB``, mmol/min/kPa), and the uncorrected one where that is
        missing; ``dlco_hb_corrected`` says which. TLC is by helium dilution. 0, ``NV`` and empty mean missing. Sex, age
        and height are taken where the table has columns named as in ``cohort.csv``.

    Raises
    ------
    InputError
        If there are no scans, no table or several, a column is missing, or a scan is there twice.
    """
    images = _images(scans or folder, whole=scans is None)
    table = labels or _only_table(folder)
    tests: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in read_source_table(table, REQUIRED):
        tests[_number_of(row["subjectID"])].append(row)
    found: list[FoundScan] = []
    left_out: list[LeftOut] = []
    for number, image in sorted(images.items()):
        one = _row(image, tests.get(number, []), table, max_gap_days)
        if isinstance(one, LeftOut):
            left_out.append(one)
        else:
            found.append(one)
    left_out += [
        LeftOut(f"SSc_patient_{number}", str(table), "no scan", f"{table.name} has a row, but there is no scan")
        for number in sorted(tests.keys() - images.keys())
    ]
    uncorrected = sum(scan.cells["dlco_hb_corrected"] == "0" for scan in found)
    notes = [f"{uncorrected} DLCO are not corrected for haemoglobin"] if uncorrected else []
    if missing := [name for name in ("sex", "age", "height_cm") if not any(s.cells.get(name) for s in found)]:
        notes.append(f"{', '.join(missing)}: not in {table.name}, and left empty")
    return Imported(tuple(found), tuple(left_out), tuple(notes))


def _images(folder: Path, *, whole: bool) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("SSc_patient_*.nii.gz")):
        if not (match := _SCAN.match(path.name)):
            continue
        if match[2] in found:
            raise InputError(
                f"{match[1]} is there twice ({found[match[2]]} and {path})",
                "a patient has one scan in a cohort",
                "name one folder of scans with --scans" if whole else "move one of them away",
            )
        found[match[2]] = path
    if not found:
        raise InputError(
            f"{folder} holds no SSc_patient_<7 digits>.nii.gz", "the LUMC scans are named so", "name their folder"
        )
    return found


def _only_table(folder: Path) -> Path:
    tables = sorted(
        p for p in folder.rglob("*") if p.suffix.lower() in (".csv", *EXCEL) and not p.name.startswith("~$")
    )
    if len(tables) != 1:
        names = ", ".join(str(p.relative_to(folder)) for p in tables[:5])
        raise InputError(
            f"{folder} holds {len(tables)} tables{f' ({names})' if tables else ''}",
            "one table has the lung function of all patients",
            "name it with --labels",
        )
    return tables[0]


def _number_of(subject: str) -> str:
    """Find a patient's seven digits in ``SSc_patient_0123456``, ``0123456`` or, as Excel has it, ``123456``."""
    match = _DIGITS.search(subject)
    return match[1].zfill(7) if match else subject


def _row(image: Path, rows: list[dict[str, str]], table: Path, max_gap_days: float | None) -> FoundScan | LeftOut:
    name = image.name.removesuffix(".nii.gz")
    if not rows:
        return LeftOut(name, str(image), "not named in the table", f"{table.name} has no row of {name}")
    try:
        row, gap = min(((r, _value(r, "DateDF_abs", zero=True)) for r in rows), key=lambda one: _distance(one[1]))
        cells = _cells(row, gap)
    except ValueError as wrong:
        return LeftOut(name, str(image), "impossible value", f"a cell of {name} is no number ({wrong})")
    if max_gap_days is not None and (gap is None or abs(gap) > max_gap_days):
        apart = "unknown" if gap is None else f"{abs(gap):g} days"
        reason = f"between CT and lung function lie {apart}, and {max_gap_days:g} days at most are asked for"
        return LeftOut(name, str(image), "too far apart", reason)
    if not any(cells[measure] for measure in ("DLCO", *MEASURES)):
        return LeftOut(name, str(image), "no measurement", f"{table.name} has none of the four measures")
    masks = {column: image.with_name(f"{name}{suffix}.nii.gz") for column, suffix in MASKS.items()}
    return FoundScan(name, name, image, cells, {column: path for column, path in masks.items() if path.is_file()})


def _cells(row: dict[str, str], gap: float | None) -> dict[str, str]:
    corrected, plain = _value(row, "DLCOc_SB"), _value(row, "DLCO_SB")
    dlco = corrected if corrected is not None else plain
    person = {name: row[name] for name in PERSON if row.get(name)}
    if "sex" in person:
        person["sex"] = SEXES.get(person["sex"].lower(), person["sex"])
    return {
        **{name: person.get(name, "") for name in PERSON if name in row},
        "DLCO": _text(dlco),
        **{measure: _text(_value(row, column)) for measure, column in MEASURES.items()},
        "dlco_hb_corrected": "" if dlco is None else str(int(corrected is not None)),
        "tlc_method": "helium dilution" if _value(row, "TLC_He") is not None else "",
        "ct_pft_interval_days": _text(gap),
        **{name: _text(_value(row, column)) for name, column in PERCENT.items() if column in row},
    }


def _value(row: dict[str, str], column: str, *, zero: bool = False) -> float | None:
    """Read a cell; 0 is a missing measurement there, but no distance."""
    number = number_in(row.get(column, ""), missing=MISSING)
    return number if zero or number else None


def _distance(gap: float | None) -> float:
    return float("inf") if gap is None else abs(gap)


def _text(number: float | None) -> str:
    return "" if number is None else repr(number)
