"""Read predictions.csv, spiroct's or anyone's: every fault is found and named in one reading."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from spiroct.cohort.cohort import Cohort
from spiroct.cohort.faults import Fault, Rows
from spiroct.cohort.text_table import read_text_table, refusal_of
from spiroct.errors import InputError
from spiroct.log import logger
from spiroct.pft.measures import Measure
from spiroct.pft.units import TRADITIONAL, absolute_value, dlco_to_si

REQUIRED = ("patient_id", "measure", "unit", "measured", "estimated")
NUMBERS = ("measured", "estimated", "lower", "upper", "level")
SETS = ("validation", "test", "external")
QUANTITIES = ("absolute", "percent_predicted")
KEY = ("scan_id", "model", "set", "fold", "measure", "quantity")
COLUMNS = ("patient_id", *KEY, "unit", *NUMBERS)
PERCENT = "%"
LEAST_PATIENTS = 3
CONVERTED = "DLCO is converted from mL/min/mmHg to mmol/min/kPa"


@dataclass(frozen=True, eq=False)
class Predictions:
    """Estimates beside measurements; made by :func:`read_predictions`, which checks everything.

    Parameters
    ----------
    table : DataFrame
        Columns :data:`COLUMNS`: text as str, numbers as float64 with NaN where missing, DLCO in mmol/min/kPa.
    notes : tuple of str
        What reading had to interpret, and what is missing, one sentence each.
    """

    table: pd.DataFrame
    notes: tuple[str, ...] = ()


def read_predictions(path: Path, *, cohort: Cohort | None = None) -> Predictions:
    """Read a table of predictions and check all of it.

    Columns ``patient_id, measure, unit, measured, estimated`` are needed. Left out, ``scan_id`` is the patient_id,
    ``model`` the name of the file, ``set`` test, ``fold`` ensemble and ``quantity`` absolute. Files with semicolons and
    decimal commas are read, and DLCO in mL/min/mmHg is converted where the unit says so.

    Parameters
    ----------
    path : Path
    cohort : Cohort, optional
        Fills in absolute measured values that the file leaves empty, by ``scan_id``.

    Raises
    ------
    InputError
        If the file cannot be read as predictions; all faults are listed, each with its line. Also if fewer than three
        patients have both values, or the measurements of a measure are all the same.
    """
    raw = read_text_table(path, kind="predictions", numbers=NUMBERS)
    missing = [name for name in REQUIRED if name not in raw.header]
    faults = [Fault(1, f"column {name} is missing") for name in missing]
    if not faults and not raw.rows:
        faults = [Fault(1, "there are no rows below the header")]
    if not faults:
        rows = [(line, _filled(row, path)) for line, row in raw.rows]
        faults = [*_all_faults(rows)]
    if faults:
        raise refusal_of("predictions", path, faults)
    table = _typed([row for _, row in rows])
    converted = (table["measure"] == Measure.DLCO) & (table["unit"] == TRADITIONAL)
    for column in ("measured", "estimated", "lower", "upper"):
        table.loc[converted, column] = dlco_to_si(table.loc[converted, column])
    table.loc[converted, "unit"] = Measure.DLCO.unit
    filled = 0 if cohort is None else _fill_measured(table, cohort)
    notes = [*raw.notes, *([CONVERTED] if converted.any() else []), *_notes(table, raw.header)]
    if filled:
        notes.append(f"{filled} measured values are taken from the cohort")
    _refuse_what_has_no_agreement(table, path)
    for note in notes:
        logger.warning("%s: %s.", path, note)
    return Predictions(table, tuple(notes))


def _filled(row: dict[str, str], path: Path) -> dict[str, str]:
    defaults = {"scan_id": row["patient_id"], "model": path.stem, "set": "test", "fold": "ensemble",
                "quantity": "absolute"}  # fmt: skip
    filled = {name: row.get(name) or default for name, default in defaults.items()}
    return {**dict.fromkeys(NUMBERS, ""), **row, **filled, "measure": row["measure"].strip().upper()}


def _all_faults(rows: Rows) -> Iterator[Fault]:
    for line, row in rows:
        for what in _row_faults(row):
            yield Fault(line, what)
    yield from _mixed_units(rows)
    yield from _contradictions(rows)


def _row_faults(row: dict[str, str]) -> Iterator[str]:
    if "_surplus" in row:
        yield f"more cells than the header has columns ({row['_surplus']}); a decimal comma?"
    if not row["patient_id"]:
        yield "patient_id is empty"
    for name, known in (("measure", tuple(Measure)), ("set", SETS), ("quantity", QUANTITIES)):
        if row[name] not in known:
            yield f"{name} {row[name]!r} is none of {', '.join(known)}"
    if row["fold"] != "ensemble" and not (row["fold"].isdecimal() and int(row["fold"]) >= 1):
        yield f"fold {row['fold']!r} is neither a whole number from 1 nor ensemble"
    numbers = {}
    for name in NUMBERS:
        if row[name]:
            try:
                numbers[name] = float(row[name])
            except ValueError:
                yield f"{name} {row[name]!r} is not a number"
            else:
                if not math.isfinite(numbers[name]):
                    yield f"{name} {row[name]!r} is not finite"
    if row["measure"] in tuple(Measure) and row["quantity"] in QUANTITIES:
        yield from _value_faults(row, numbers)


def _value_faults(row: dict[str, str], numbers: dict[str, float]) -> Iterator[str]:
    if ("lower" in numbers) != ("upper" in numbers):
        yield "an interval needs both lower and upper"
    elif "lower" in numbers and numbers["lower"] > numbers["upper"]:
        yield f"lower {numbers['lower']:g} is above upper {numbers['upper']:g}"
    if not 0 < numbers.get("level", 0.5) < 1:
        yield f"level {numbers['level']:g} is not between 0 and 1"
    if row["quantity"] == "percent_predicted":
        if row["unit"] != PERCENT:
            yield f"unit {row['unit']!r} of percent_predicted is not %"
        elif not 0 < numbers.get("measured", 100.0) < 500:
            yield f"measured {numbers['measured']:g} % is not a plausible percentage of predicted"
        return
    try:
        absolute_value(Measure(row["measure"]), numbers.get("measured", 1.0), row["unit"])
    except InputError as wrong:
        yield f"{wrong.what}: {wrong.rule}"


def _mixed_units(rows: Rows) -> Iterator[Fault]:
    first: dict[tuple[str, str], tuple[int, str]] = {}
    levels: dict[tuple[str, ...], tuple[int, str]] = {}
    for line, row in rows:
        if row["level"]:
            what = tuple(row[name] for name in ("model", "set", "measure", "quantity"))
            place, level = levels.setdefault(what, (line, row["level"]))
            if not _same(level, row["level"]):
                yield Fault(
                    line, f"level is {row['level']} here and {level} in line {place}; a model promises one level"
                )
        place, unit = first.setdefault((row["measure"], row["quantity"]), (line, row["unit"]))
        if unit != row["unit"]:
            yield Fault(line, f"{row['measure']} is in {row['unit']} here and in {unit} in line {place}; use one unit")


def _contradictions(rows: Rows) -> Iterator[Fault]:
    keys: dict[tuple[str, ...], int] = {}
    owner: dict[str, tuple[int, str]] = {}
    measured: dict[tuple[str, str, str], tuple[int, str]] = {}
    for line, row in rows:
        key = tuple(row[name] for name in KEY)
        if key in keys:
            yield Fault(line, f"{', '.join(key)} is there already in line {keys[key]}; every estimate needs its own")
        keys.setdefault(key, line)
        place, patient = owner.setdefault(row["scan_id"], (line, row["patient_id"]))
        if patient != row["patient_id"]:
            yield Fault(
                line, f"scan {row['scan_id']} is of patient {row['patient_id']} here and {patient} in line {place}"
            )
        what = (row["scan_id"], row["measure"], row["quantity"])
        place, value = measured.setdefault(what, (line, row["measured"]))
        if not _same(value, row["measured"]):
            here = f"measured {row['measure']} of scan {row['scan_id']} is {row['measured']!r} here"
            yield Fault(line, f"{here} and {value!r} in line {place}")


def _same(first: str, second: str) -> bool:
    if first == second:
        return True
    try:
        return math.isclose(float(first), float(second), rel_tol=1e-9)
    except ValueError:
        return not (first and second)  # a cell that is no number is a fault of its own; an empty one is missing


def _typed(rows: list[dict[str, str]]) -> pd.DataFrame:
    columns: dict[str, object] = {}
    for name in COLUMNS:
        cells = [row[name] for row in rows]
        numeric = name in NUMBERS
        columns[name] = np.array([float(c) if c else np.nan for c in cells] if numeric else cells,
                                 dtype=np.float64 if numeric else object)  # fmt: skip
    return pd.DataFrame(columns)


def _notes(table: pd.DataFrame, header: list[str]) -> Iterator[str]:
    assumed = {"scan_id": "the patient_id", "model": "the name of the file", "set": "test", "fold": "ensemble",
               "quantity": "absolute"}  # fmt: skip
    for name, default in assumed.items():
        if name not in header:
            yield f"there is no column {name}, taken to be {default}"
    lost: dict[str, int] = defaultdict(int)
    for (measure, quantity), rows in table.groupby(["measure", "quantity"], sort=False):
        known = int((rows["measured"].notna() & rows["estimated"].notna()).sum())
        name = str(measure) if quantity == "absolute" else f"{measure} {quantity}"
        if not known:
            yield f"{name} has no row with both a measured and an estimated value, and is left out"
        elif known < len(rows):
            lost[name] = len(rows) - known
    if lost:
        counts = ", ".join(f"{count} of {name}" for name, count in lost.items())
        yield f"rows without a measured or an estimated value are left out: {counts}"


def _fill_measured(table: pd.DataFrame, cohort: Cohort) -> int:
    """Put the cohort's measured values where the table has none, and count them."""
    by_scan, filled = cohort.table.set_index("scan_id"), 0
    for measure in Measure:
        gap = (table["measure"] == measure) & (table["quantity"] == "absolute") & table["measured"].isna()
        found = table.loc[gap, "scan_id"].map(by_scan[measure.value]).astype("float64")
        table.loc[gap, "measured"] = found
        filled += int(found.notna().sum())
    return filled


def _refuse_what_has_no_agreement(table: pd.DataFrame, path: Path) -> None:
    known = table.loc[table["measured"].notna() & table["estimated"].notna()]
    patients = known["patient_id"].nunique()
    if not len(known):
        raise InputError(
            f"predictions {path} have no row with both a measured and an estimated value",
            "an evaluation sets the one against the other",
            "fill in the measured values",
        )
    if patients < LEAST_PATIENTS:
        raise InputError(
            f"predictions {path} have {patients} patient{'s' if patients > 1 else ''} with both values",
            "an evaluation needs three at least",
            "add patients",
        )
    for (measure, quantity), rows in known.groupby(["measure", "quantity"], sort=False):
        scans = rows.drop_duplicates("scan_id")
        if len(scans) >= LEAST_PATIENTS and np.ptp(scans["measured"].to_numpy()) == 0:
            raise InputError(
                f"predictions {path}: measured {measure} ({quantity}) is {scans['measured'].iloc[0]:g} in all "
                f"{len(scans)} scans",
                "agreement needs patients who differ",
                "check the column measured",
            )
