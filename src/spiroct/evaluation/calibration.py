"""Calibration: are estimates right on average along their range, and do intervals hold what they promise."""

from __future__ import annotations

import numpy as np
from scipy import stats

from spiroct.evaluation.limits import Interval
from spiroct.types import Float64Array

NAN = float("nan")


def calibration_line(
    measured: Float64Array, estimated: Float64Array, *, level: float = 0.95
) -> tuple[Interval, Interval]:
    """Regress measured on estimated values (Cox 1958, Biometrika 45:562).

    Parameters
    ----------
    measured, estimated : arrays (n,)
    level : float
        Of the intervals, by Student's t with n - 2 degrees of freedom.

    Returns
    -------
    slope, intercept : Interval
        Perfect calibration is 1 and 0. A slope below 1 means that estimates spread too far, above 1 that they stay too
        close to the mean. NaN where the estimates do not vary.
    """
    x, y = np.asarray(estimated, dtype=np.float64), np.asarray(measured, dtype=np.float64)
    n, vxx = len(x), float(((x - x.mean()) ** 2).sum())
    if vxx <= 1e-20 * n * float(np.abs(x).max()) ** 2:
        nothing = Interval(NAN, NAN, NAN, "the estimated values are all the same")
        return nothing, nothing
    slope = float(((x - x.mean()) * (y - y.mean())).sum()) / vxx
    intercept = float(y.mean() - slope * x.mean())
    if n < 3:
        return Interval(slope, NAN, NAN), Interval(intercept, NAN, NAN)
    variance = float(((y - intercept - slope * x) ** 2).sum()) / (n - 2)
    t = float(stats.t.ppf((1 + level) / 2, n - 2))
    of_slope = t * np.sqrt(variance / vxx)
    of_intercept = t * np.sqrt(variance * (1 / n + x.mean() ** 2 / vxx))
    return (
        Interval(slope, slope - float(of_slope), slope + float(of_slope)),
        Interval(intercept, intercept - float(of_intercept), intercept + float(of_intercept)),
    )


def share(successes: int, n: int, *, level: float = 0.95) -> Interval:
    """Give a share in percent with Wilson's interval (Wilson 1927, J Am Stat Assoc 22:209).

    Returns
    -------
    Interval
        In percent; NaN of nothing.
    """
    if n < 1:
        return Interval(NAN, NAN, NAN, "there is nobody to count")
    p, z2 = successes / n, float(stats.norm.ppf((1 + level) / 2)) ** 2
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = float(np.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n * n)))) / (1 + z2 / n)
    return Interval(100 * p, 100 * max(0.0, middle - half), 100 * min(1.0, middle + half))
