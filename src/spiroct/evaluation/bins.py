"""Patients in bins of equal size: whether estimates are right on average and intervals hold what they promise."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from spiroct.types import BoolArray, Float64Array

BINS, LEAST_IN_BIN = 10, 10


def calibration_bins(
    measured: Float64Array, estimated: Float64Array, *, bins: int = BINS, level: float = 0.95
) -> pd.DataFrame:
    """Average measurements of patients with similar estimates.

    Parameters
    ----------
    measured, estimated : arrays (n,)
        Without missing values.
    bins : int
        Wanted; fewer where a bin would hold fewer than ten patients.
    level : float
        Of the interval of the mean (Student's t).

    Returns
    -------
    DataFrame
        One row a bin, lowest estimates first: ``estimated`` and ``measured`` (means), ``lower, upper`` of the measured
        mean (NaN for a single patient), ``n``.
    """
    rows = []
    for part in _bins_of(estimated, bins):
        values = measured[part]
        n, mean = len(values), float(values.mean())
        half = float("nan")
        if n > 1:
            half = float(stats.t.ppf((1 + level) / 2, n - 1) * values.std(ddof=1) / np.sqrt(n))
        estimate = float(estimated[part].mean())
        rows.append({"estimated": estimate, "measured": mean, "lower": mean - half, "upper": mean + half, "n": n})
    return pd.DataFrame(rows, columns=["estimated", "measured", "lower", "upper", "n"])


def coverage_bins(inside: BoolArray, by: Float64Array, *, bins: int = 5, level: float = 0.95) -> pd.DataFrame:
    """Share of patients whose interval holds the measurement, in bins of something that is known beforehand.

    Parameters
    ----------
    inside : array (n,)
        Whether the interval holds the measurement.
    by : array (n,)
        What to sort patients by, usually the estimate.
    bins : int
        Wanted; fewer where a bin would hold fewer than ten patients.
    level : float
        Of the exact binomial interval (Clopper and Pearson 1934, Biometrika 26:404).

    Returns
    -------
    DataFrame
        One row a bin, the lowest first: ``by`` (mean), ``coverage``, ``lower, upper`` (shares, 0 to 1), ``n``.
    """
    rows = []
    for part in _bins_of(by, bins):
        share, lower, upper = coverage(inside[part], level=level)
        n = len(part)
        rows.append({"by": float(by[part].mean()), "coverage": share, "lower": lower, "upper": upper, "n": n})
    return pd.DataFrame(rows, columns=["by", "coverage", "lower", "upper", "n"])


def coverage(inside: BoolArray, *, level: float = 0.95) -> tuple[float, float, float]:
    """Compute a share (n,) with its exact binomial interval; NaN of no patients."""
    if not len(inside):
        return (float("nan"),) * 3
    held = int(np.count_nonzero(inside))
    interval = stats.binomtest(held, len(inside)).proportion_ci(level, method="exact")
    return held / len(inside), float(interval.low), float(interval.high)


def _bins_of(by: Float64Array, bins: int) -> list[np.ndarray]:
    """Positions of the patients of each bin, sorted; sizes differ by one at most."""
    count = max(1, min(bins, len(by) // LEAST_IN_BIN))
    return [part for part in np.array_split(np.argsort(by, kind="stable"), count) if len(part)]
