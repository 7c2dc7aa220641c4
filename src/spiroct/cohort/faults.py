"""What can be wrong in a cohort table, found row by row and across rows."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from spiroct.cohort.cohort import DLCO_TRADITIONAL, FLAGS, NUMBERS, PATHS
from spiroct.errors import InputError
from spiroct.pft.demographics import check_person
from spiroct.pft.measures import Measure
from spiroct.pft.units import absolute_value

Rows = Sequence[tuple[int, dict[str, str]]]


@dataclass(frozen=True, order=True)
class Fault:
    """One thing that is wrong in a table.

    Parameters
    ----------
    line : int
        Line of the file, the header being 1.
    what : str
        What is wrong there, naming column and value.
    """

    line: int
    what: str


def faults_of(rows: Rows, *, folder: Path, images: bool) -> Iterator[Fault]:
    """Find every fault of a table.

    Parameters
    ----------
    rows : sequence of (line, row)
        Cells as text, ``scan_id`` filled in.
    folder : Path
        Where relative paths start.
    images : bool
        Whether every scan needs an existing image, and masks that are named have to exist.

    Yields
    ------
    Fault
    """
    for line, row in rows:
        for what in _row_faults(row, folder, images=images):
            yield Fault(line, what)
    yield from _duplicates(rows)
    yield from _contradictions(rows)
    yield from _fold_gaps(rows)


def _row_faults(row: dict[str, str], folder: Path, *, images: bool) -> Iterator[str]:
    if "_surplus" in row:
        yield f"more cells than the header has columns ({row['_surplus']}); a decimal comma?"
    if not row["patient_id"]:
        yield "patient_id is empty"
    numbers: dict[str, float] = {}
    for name in (*NUMBERS, DLCO_TRADITIONAL):
        if text := row.get(name, ""):
            number = _number(text)
            if number is None:
                yield f"{name} {text!r} is not a number"
            else:
                numbers[name] = number
    yield from _person_faults(row, numbers)
    yield from _measurement_faults(numbers)
    yield from _word_faults(row)
    for name in PATHS:
        if images and row.get(name, "") and not (folder / row[name]).exists():
            yield f"{name} {row[name]} does not exist"
    if images and not row["image"]:
        yield "image is empty"


def _word_faults(row: dict[str, str]) -> Iterator[str]:
    for name in FLAGS:
        if row.get(name, "") not in {"", "0", "1"}:
            yield f"{name} {row[name]!r} is neither 0 nor 1"
    if row.get("split", "") not in {"", "train", "test"}:
        yield f"split {row['split']!r} is neither train nor test"
    if (fold := row.get("fold", "")) and not (fold.isdecimal() and int(fold) >= 1):
        yield f"fold {fold!r} is not a whole number from 1"


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _person_faults(row: dict[str, str], numbers: dict[str, float]) -> Iterator[str]:
    """Each part of the person alone, so that one wrong cell does not hide another."""
    parts = {
        "sex": row["sex"] or None,
        "age": numbers.get("age"),
        "height_cm": numbers.get("height_cm"),
        "ethnicity": row.get("ethnicity") or None,
    }
    nobody = dict.fromkeys(parts)
    for name, value in parts.items():
        try:
            check_person(**(nobody | {name: value}))
        except InputError as wrong:
            yield f"{wrong.what}: {wrong.rule}"


def _measurement_faults(numbers: dict[str, float]) -> Iterator[str]:
    values: dict[Measure, float] = {}
    for measure in Measure:
        for column, unit in ((measure.value, measure.unit), (DLCO_TRADITIONAL, "mL/min/mmHg")):
            if column not in numbers or (column == DLCO_TRADITIONAL and measure is not Measure.DLCO):
                continue
            try:
                values[measure] = absolute_value(measure, numbers[column], unit)
            except InputError as wrong:
                yield f"{wrong.what}: {wrong.rule}"
    fev1, fvc = values.get(Measure.FEV1), values.get(Measure.FVC)
    if fev1 is not None and fvc is not None and fev1 > fvc:
        yield f"FEV1 {fev1:g} L is larger than FVC {fvc:g} L"


def _duplicates(rows: Rows) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for line, row in rows:
        name = row["scan_id"]
        if not name:
            continue
        if name in first:
            yield Fault(line, f"scan_id {name} is there already in line {first[name]}; every scan needs its own")
        first.setdefault(name, line)


def _contradictions(rows: Rows) -> Iterator[Fault]:
    """One patient has one sex, and lies on one side of every split."""
    meanings = {
        "sex": "has another sex in line",
        "split": "is in another split in line",
        "fold": "is in another fold in line",
    }
    for column, meaning in meanings.items():
        seen: dict[str, tuple[int, str]] = {}
        for line, row in rows:
            value, patient = row.get(column, ""), row["patient_id"]
            if not value or not patient:
                continue
            earlier, there = seen.setdefault(patient, (line, value))
            if there != value:
                yield Fault(line, f"patient {patient} ({column} {value}) {meaning} {earlier} ({there})")


def _fold_gaps(rows: Rows) -> Iterator[Fault]:
    """Folds are for all training scans or none; test scans have none."""
    training = [(line, row) for line, row in rows if row.get("split", "") != "test"]
    folds = defaultdict(list)
    for line, row in training:
        folds[bool(row.get("fold", ""))].append(line)
    if folds[True] and folds[False]:
        yield Fault(
            folds[False][0],
            f"fold is empty while other scans have one ({len(folds[False])} scans without)",
        )
    for line, row in rows:
        if row.get("split", "") == "test" and row.get("fold", ""):
            yield Fault(line, f"fold {row['fold']} is given to a test scan")
