"""Pearson correlations of every column with every other, as a table (the paper's Figure 4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from spiroct.errors import InputError
from spiroct.evaluation.correlation import Correlation, pearson


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
            pair = (numbers[row][both], numbers[column][both])
            one = pearson(*pair, level=level) if n > 2 else Correlation(*(float("nan"),) * 4)
            limits = {"lower": one.lower, "upper": one.upper}
            found.append({"row": row, "column": column, "r": one.value, **limits, "p": one.p, "n": n})
    return pd.DataFrame(found, columns=["row", "column", "r", "lower", "upper", "p", "n"])
