"""Read and write cohort.csv: every fault is found and named in one reading."""

from __future__ import annotations

import csv
import difflib
import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from spiroct.cohort.cohort import DLCO_TRADITIONAL, FLAGS, NUMBERS, OPTIONAL, ORDER, PATHS, REQUIRED, Cohort
from spiroct.cohort.faults import Fault, faults_of
from spiroct.cohort.text_table import read_text_table, refusal_of
from spiroct.log import logger
from spiroct.pft.measures import Measure
from spiroct.pft.units import dlco_to_si

_CONVERTED = "DLCO is converted from mL/min/mmHg to mmol/min/kPa"


def read_cohort(path: Path, *, images: bool = True) -> Cohort:
    """Read a cohort table and check all of it.

    Comma- and semicolon-separated files are read, decimal commas too; what was interpreted is said in
    ``notes`` and logged. Paths are relative to the file. DLCO is in mmol/min/kPa unless the column is
    ``DLCO_mL_min_mmHg``. Empty cells are missing values.

    Parameters
    ----------
    path : Path
        The CSV file.
    images : bool
        Whether every scan needs an existing image; False for studies of the numbers alone, which look at no path.

    Returns
    -------
    Cohort

    Raises
    ------
    InputError
        If the file cannot be read as a cohort. All faults are listed, each with its line; of more than
        forty the first twenty, and how many there are.
    """
    raw = read_text_table(path, kind="cohort", numbers=(*NUMBERS, DLCO_TRADITIONAL))
    notes = [*raw.notes, *([_CONVERTED] if DLCO_TRADITIONAL in raw.header else [])]
    faults = [*_header_faults(raw.header)]
    if not faults and not raw.rows:
        faults = [Fault(1, "there are no patients below the header")]
    if faults:
        raise refusal_of("cohort", path, faults)
    rows = [(line, _with_scan_id(row)) for line, row in raw.rows]
    faults = list(faults_of(rows, folder=path.parent, images=images))
    if faults:
        raise refusal_of("cohort", path, faults)
    for note in notes:
        logger.warning("%s: %s.", path, note)
    return Cohort(_typed([row for _, row in rows]), path.parent, tuple(notes))


def write_cohort(cohort: Cohort, path: Path, *, home: Path | None = None) -> None:
    """Write a cohort table; the same cohort always gives the same bytes.

    Paths are written relative to the new file's folder. DLCO is in mmol/min/kPa.

    Parameters
    ----------
    cohort : Cohort
    path : Path
        The CSV file; its folder must exist.
    home : Path, optional
        Folder that the file will be moved to, and that its paths start from; by default the one it is written in.
    """
    home = path.parent if home is None else home
    table = cohort.table.copy()
    for column in PATHS:
        if column in table:
            table[column] = [_moved(name, cohort.folder, home) for name in table[column]]
    known = [name for name in ORDER if name in table]
    table = table[[*known, *(c for c in table.columns if c not in known)]]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(table.columns)
    for row in table.itertuples(index=False):
        writer.writerow([_cell(value) for value in row])
    path.write_text(buffer.getvalue(), encoding="utf-8")


def _cell(value: object) -> str:
    """Shortest text that reads back as the same number; empty where missing."""
    if value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return ""
    return repr(float(value)) if isinstance(value, float) else str(value)


def _moved(name: str, old: Path, new: Path) -> str:
    if not name or Path(name).is_absolute() or old.resolve() == new.resolve():
        return name
    return Path(os.path.relpath((old / name).resolve(), new.resolve())).as_posix()


def _header_faults(header: list[str]) -> Iterator[Fault]:
    duplicates = sorted({name for name in header if name and header.count(name) > 1})
    for name in duplicates:
        yield Fault(1, f"column {name} is there twice")
    if Measure.DLCO.value in header and DLCO_TRADITIONAL in header:
        yield Fault(1, f"DLCO is there twice, as DLCO and {DLCO_TRADITIONAL}")
    for name in REQUIRED:
        if name in header or (name == Measure.DLCO.value and DLCO_TRADITIONAL in header):
            continue
        unknown = [h for h in header if h not in REQUIRED and h not in OPTIONAL]
        near = difflib.get_close_matches(name.lower(), [h.lower() for h in unknown], n=1, cutoff=0.75)
        found = next((h for h in unknown if near and h.lower() == near[0]), None)
        yield Fault(1, f"column {name} is missing" + (f" (found {found!r})" if found else ""))


def _with_scan_id(row: dict[str, str]) -> dict[str, str]:
    return row | {"scan_id": row.get("scan_id") or row["patient_id"]}


def _typed(rows: list[dict[str, str]]) -> pd.DataFrame:
    """Turn checked text into typed columns."""
    columns: dict[str, object] = {}
    for name in rows[0]:
        cells = [row[name] for row in rows]
        if name == DLCO_TRADITIONAL:
            columns[Measure.DLCO.value] = np.array([dlco_to_si(float(c)) if c else np.nan for c in cells])
        elif name in NUMBERS:
            columns[name] = np.array([float(c) if c else np.nan for c in cells])
        elif name in (*FLAGS, "fold"):
            columns[name] = pd.array([int(c) if c else pd.NA for c in cells], dtype="Int64")
        else:
            columns[name] = np.array(cells, dtype=object)
    return pd.DataFrame(columns)
