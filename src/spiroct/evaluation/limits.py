"""Limits of agreement after Bland and Altman, and Lin's concordance, with their intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from spiroct.types import Float64Array


@dataclass(frozen=True)
class Interval:
    """A value with its two-sided interval, in one unit; NaN where undefined, with the reason."""

    value: float
    lower: float
    upper: float
    reason: str = ""


@dataclass(frozen=True)
class LimitsOfAgreement:
    """How far two methods lie apart.

    Parameters
    ----------
    bias : Interval
        Mean of estimated minus measured.
    sd : float
        Standard deviation of the differences.
    lower, upper : Interval
        Limits between which 95 % of the differences are expected.
    slope, slope_p : float
        Proportional bias: slope of the difference against the mean of the two, and its p.
    """

    bias: Interval
    sd: float
    lower: Interval
    upper: Interval
    slope: float
    slope_p: float


def limits_of_agreement(
    measured: Float64Array, estimated: Float64Array, *, level: float = 0.95, coverage: float = 0.95
) -> LimitsOfAgreement:
    """Compute bias and limits of agreement of two series (n,), in their unit.

    Bland and Altman 1999, Stat Methods Med Res 8:135: limits are bias +- 1.96 SD, the variance of a limit is
    SD^2 (1/n + 1.96^2 / (2 (n - 1))), and intervals take Student's t with n - 1 degrees of freedom.

    Parameters
    ----------
    measured, estimated : arrays (n,)
    level : float
        Of the intervals of bias and limits.
    coverage : float
        Share of differences between the limits.

    Raises
    ------
    ValueError
        If the series differ in length, hold fewer than three patients or a missing value.
    """
    measured, estimated = _pair(measured, estimated)
    difference, mean = estimated - measured, (estimated + measured) / 2
    n, bias, sd = len(difference), float(difference.mean()), float(difference.std(ddof=1))
    z = float(stats.norm.ppf((1 + coverage) / 2))
    t = float(stats.t.ppf((1 + level) / 2, n - 1))
    of_bias, of_limit = t * sd / np.sqrt(n), t * sd * np.sqrt(1 / n + z**2 / (2 * (n - 1)))
    slope, slope_p = float("nan"), float("nan")
    if np.ptp(mean) > 0:
        fit = stats.linregress(mean, difference)
        slope, slope_p = float(fit.slope), float(fit.pvalue)
    return LimitsOfAgreement(
        _around(bias, of_bias), sd, _around(bias - z * sd, of_limit), _around(bias + z * sd, of_limit), slope, slope_p
    )


def lin_ccc(measured: Float64Array, estimated: Float64Array, *, level: float = 0.95) -> Interval:
    """Compute Lin's concordance correlation coefficient with its interval on Fisher's scale.

    Lin 1989, Biometrics 45:255, with the variance as corrected in Biometrics 2000, 56:324.

    Parameters
    ----------
    measured, estimated : arrays (n,)
    level : float
        Of the interval.

    Returns
    -------
    Interval
        NaN where a series is constant; no width at perfect concordance; no interval where the series do not correlate.

    Raises
    ------
    ValueError
        As :func:`limits_of_agreement`.
    """
    x, y = _pair(measured, estimated)
    n = len(x)
    sx, sy, shift = float(x.std()), float(y.std()), float(x.mean() - y.mean())
    if min(sx, sy) <= 1e-12 * max(abs(float(x.mean())), abs(float(y.mean())), sx, sy):
        return Interval(float("nan"), float("nan"), float("nan"))
    covariance = float(((x - x.mean()) * (y - y.mean())).mean())
    ccc, r = 2 * covariance / (sx**2 + sy**2 + shift**2), covariance / (sx * sy)
    if 1 - abs(ccc) < 1e-12:
        return Interval(*(float(np.sign(ccc)),) * 3)
    if abs(r) < 1e-12:
        return Interval(ccc, float("nan"), float("nan"))
    u = shift / np.sqrt(sx * sy)
    rest = 1 - ccc**2
    variance = (
        (1 - r**2) * ccc**2 / (rest * r**2)
        + 2 * ccc**3 * (1 - ccc) * u**2 / (r * rest**2)
        - ccc**4 * u**4 / (2 * r**2 * rest**2)
    ) / (n - 2)
    half = float(stats.norm.ppf((1 + level) / 2)) * np.sqrt(max(variance, 0.0))
    return Interval(ccc, float(np.tanh(np.arctanh(ccc) - half)), float(np.tanh(np.arctanh(ccc) + half)))


def _around(value: float, half: float) -> Interval:
    return Interval(value, value - float(half), value + float(half))


def _pair(measured: Float64Array, estimated: Float64Array) -> tuple[Float64Array, Float64Array]:
    x, y = np.asarray(measured, dtype=np.float64), np.asarray(estimated, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape or len(x) < 3 or not (np.isfinite(x) & np.isfinite(y)).all():
        raise ValueError(f"limits need two series of at least three numbers each, got shapes {x.shape} and {y.shape}")
    return x, y
