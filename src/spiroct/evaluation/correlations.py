"""Pearson correlations of every column with every other, as a table (the paper's Figure 4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from spiroct.errors import InputError
from spiroct.evaluation.agreement import pearson_r


def correlation_table(
    table: pd.DataFrame, rows: Sequence[str], columns: Sequence[str], *, level: float = 0.95
) -> pd.DataFrame:
    """Correlate columns pair by pair, each on the patients that have both.

    Parameters
    ----------
    table : DataFrame
        One row a patient.
    rows, columns : sequence of str
        What to correlate with what.
    level : float
        Of the interval on Fisher's scale.

    Returns
    -------
    DataFrame
        ``row, column, r, lower, upper, p, n``; NaN where r is undefined (fewer than three patients, a constant
        column), and the interval from four patients on. The p is not corrected for the number of pairs.

    Raises
    ------
    InputError
        If a column is missing or holds text.
    """
    names = list(dict.fromkeys((*rows, *columns)))
    wrong = [name for name in names if name not in table or not pd.api.types.is_numeric_dtype(table[name])]
    if wrong:
        raise InputError(
            f"no numbers in column {', '.join(wrong)}", "a correlation needs numbers", "choose other columns"
        )
    numbers = {name: table[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in names}
    found = []
    for row in rows:
        for column in columns:
            both = np.isfinite(numbers[row]) & np.isfinite(numbers[column])
            n = int(both.sum())
            r = pearson_r(numbers[row][both], numbers[column][both]) if n > 2 else float("nan")
            found.append({"row": row, "column": column, "r": r, **_around(r, n, level), "n": n})
    return pd.DataFrame(found, columns=["row", "column", "r", "lower", "upper", "p", "n"])


def _around(r: float, n: int, level: float) -> dict[str, float]:
    if not np.isfinite(r):
        return dict.fromkeys(("lower", "upper", "p"), float("nan"))
    if abs(r) >= 1:
        return {"lower": r, "upper": r, "p": 0.0}
    p = float(2 * stats.t.sf(abs(r) * np.sqrt((n - 2) / (1 - r**2)), n - 2))
    half = float(stats.norm.ppf((1 + level) / 2)) / np.sqrt(n - 3) if n > 3 else float("nan")
    return {"lower": float(np.tanh(np.arctanh(r) - half)), "upper": float(np.tanh(np.arctanh(r) + half)), "p": p}
