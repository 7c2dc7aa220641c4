"""Read biomarkers.csv, the tidy table of what was measured in each scan."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from spiroct.cohort.faults import Fault, Rows
from spiroct.cohort.text_table import read_text_table, refusal_of

COLUMNS = ("scan_id", "region", "biomarker", "value", "unit", "grid")
_KEY = ("scan_id", "region", "biomarker", "grid")


def read_biomarkers(path: Path) -> pd.DataFrame:
    """Read a table of biomarkers and check all of it.

    Parameters
    ----------
    path : Path

    Returns
    -------
    DataFrame
        Columns ``scan_id, region, biomarker, value, unit, grid``; ``value`` as float64, NaN where missing.

    Raises
    ------
    InputError
        If columns are missing, a value is no number, or one is there twice; all faults are listed, each with its line.
    """
    raw = read_text_table(path, kind="biomarkers", numbers=("value",))
    faults = [Fault(1, f"column {name} is missing") for name in COLUMNS if name not in raw.header]
    if not faults and not raw.rows:
        faults = [Fault(1, "there are no rows below the header")]
    faults = faults or list(_row_faults(raw.rows))
    if faults:
        raise refusal_of("biomarkers", path, faults)
    columns: dict[str, object] = {
        name: np.array([row[name] for _, row in raw.rows], dtype=object) for name in COLUMNS if name != "value"
    }
    values = [float(row["value"]) if row["value"] else np.nan for _, row in raw.rows]
    return pd.DataFrame({**columns, "value": values})[list(COLUMNS)]


def _row_faults(rows: Rows) -> Iterator[Fault]:
    first: dict[tuple[str, ...], int] = {}
    for line, row in rows:
        if row["value"]:
            try:
                finite = math.isfinite(float(row["value"]))
            except ValueError:
                finite = False
            if not finite:
                yield Fault(line, f"value {row['value']!r} is not a number")
        key = tuple(row[name] for name in _KEY)
        if key in first:
            yield Fault(line, f"{', '.join(key)} is there already in line {first[key]}")
        first.setdefault(key, line)
