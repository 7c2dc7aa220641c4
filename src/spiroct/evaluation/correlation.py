"""Correlation with p-values and intervals: Pearson, Spearman, and at fixed covariates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from spiroct.evaluation.agreement import pearson_r
from spiroct.types import AnyArray, Float64Array


@dataclass(frozen=True)
class Correlation:
    """A correlation with its interval and the p of no correlation; NaN where undefined."""

    value: float
    lower: float
    upper: float
    p: float


def pearson(measured: Float64Array, estimated: Float64Array, *, level: float = 0.95) -> Correlation:
    """Compute Pearson's correlation with Fisher's interval and the two-sided p of Student's t.

    Fisher 1921, Metron 1:3: artanh r is normal with variance 1 / (n - 3).

    Parameters
    ----------
    measured, estimated : arrays (n,)
        Two patients at least; the interval needs four.
    level : float
        Of the interval.
    """
    n = len(measured)
    return _with_p(pearson_r(measured, estimated), n - 2, fisher_limits(pearson_r(measured, estimated), n, level=level))


def fisher_limits(r: float, n: int, *, variance: float = 1.0, level: float = 0.95) -> tuple[float, float]:
    """Limits of a correlation on Fisher's scale, where its variance is ``variance / (n - 3)``.

    Returns
    -------
    lower, upper : float
        NaN for fewer than four patients; both are r where it is 1 or -1.
    """
    if not np.isfinite(r) or n < 4:
        return float("nan"), float("nan")
    if abs(r) >= 1:
        return r, r
    half = float(stats.norm.ppf((1 + level) / 2)) * np.sqrt(variance / (n - 3))
    return float(np.tanh(np.arctanh(r) - half)), float(np.tanh(np.arctanh(r) + half))


def spearman(measured: Float64Array, estimated: Float64Array, *, level: float = 0.95) -> Correlation:
    """Compute Spearman's rank correlation, ties at their mean rank.

    The interval is Fisher's with the variance (1 + rho^2 / 2) / (n - 3) of Bonett and Wright 2000, Psychometrika
    65:23; the p is that of Student's t.
    """
    n = len(measured)
    rho = pearson_r(stats.rankdata(measured), stats.rankdata(estimated))
    return _with_p(rho, n - 2, fisher_limits(rho, n, variance=1 + rho**2 / 2, level=level))


def spearman_of_patients(
    measured: Float64Array, estimated: Float64Array, patients: AnyArray, *, level: float = 0.95
) -> Correlation:
    """Compute Spearman's correlation with an interval that knows that some pairs are of one patient.

    The variance is that of the influence of each patient (the infinitesimal jackknife: Efron 1982, The Jackknife, the
    Bootstrap and Other Resampling Plans, chapter 6), carried to Fisher's scale; the influence of a pair on the rank
    correlation is that of its own product of ranks and of the ranks that it shifts in all other pairs.

    Parameters
    ----------
    measured, estimated : arrays (n,)
    patients : array (n,)
        Whose each pair is.
    level : float

    Returns
    -------
    Correlation
        Without a p.
    """
    n = len(measured)
    rho = pearson_r(stats.rankdata(measured), stats.rankdata(estimated))
    if not np.isfinite(rho) or abs(rho) >= 1:
        return Correlation(rho, rho, rho, float("nan"))
    f, g = stats.rankdata(measured) / n, stats.rankdata(estimated) / n
    influence = 12 * (f * g + _mean_from(measured, g) + _mean_from(estimated, f))
    _, owner = np.unique(patients, return_inverse=True)
    of_patient = np.bincount(owner, weights=influence - influence.mean())
    se = float(np.sqrt((of_patient**2).sum() * len(of_patient) / (len(of_patient) - 1))) / n
    half = float(stats.norm.ppf((1 + level) / 2)) * se / (1 - rho**2)
    return Correlation(
        rho, float(np.tanh(np.arctanh(rho) - half)), float(np.tanh(np.arctanh(rho) + half)), float("nan")
    )


def partial_correlation(
    measured: Float64Array, estimated: Float64Array, given: Float64Array, *, level: float = 0.95
) -> Correlation:
    """Compute the correlation of two series at fixed covariates.

    The correlation of what is left of both after regression on the covariates (Fisher 1924, Metron 3:329), with n
    lowered by the number of covariates in interval and p.

    Parameters
    ----------
    measured, estimated : arrays (n,)
    given : array (n,) or (n, covariates)
    level : float

    Returns
    -------
    Correlation
        NaN where the covariates explain one of the series altogether, or patients are too few.
    """
    covariates = np.asarray(given, dtype=np.float64).reshape(len(measured), -1)
    n, k = covariates.shape
    nothing = Correlation(*(float("nan"),) * 4)
    if n - k < 3:
        return nothing
    spread = covariates.std(axis=0)
    scaled = (covariates - covariates.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    design = np.column_stack([np.ones(n), scaled])
    series = np.column_stack([measured, estimated]).astype(np.float64)
    left = series - design @ np.linalg.lstsq(design, series, rcond=None)[0]
    if (left.std(axis=0) <= 1e-10 * np.abs(series - series.mean(axis=0)).max(axis=0)).any():
        return nothing
    r = pearson_r(left[:, 0], left[:, 1])
    return _with_p(r, n - 2 - k, fisher_limits(r, n - k, level=level))


def _with_p(r: float, freedom: int, limits: tuple[float, float]) -> Correlation:
    if not np.isfinite(r) or freedom < 1:
        return Correlation(r, *limits, float("nan"))
    if abs(r) >= 1:
        return Correlation(r, *limits, 0.0)
    return Correlation(r, *limits, float(2 * stats.t.sf(abs(r) * np.sqrt(freedom / (1 - r**2)), freedom)))


def _mean_from(series: Float64Array, values: Float64Array) -> Float64Array:
    """For each pair, the sum over pairs of a series at least as large of their values, divided by n."""
    values_at, place = np.unique(series, return_inverse=True)
    at_least = np.cumsum(np.bincount(place, weights=values, minlength=len(values_at))[::-1])[::-1]
    return np.asarray(at_least[place] / len(series), dtype=np.float64)
