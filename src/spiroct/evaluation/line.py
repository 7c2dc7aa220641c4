"""A straight line through points, with the band in which its mean lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from spiroct.evaluation.least_squares import PERFECT, least_squares
from spiroct.types import Float64Array


@dataclass(frozen=True, eq=False)
class Line:
    """A regression line where it was asked for.

    Parameters
    ----------
    slope, intercept : float
        Of y on x.
    at : array (m,)
        Values of x.
    value, lower, upper : arrays (m,)
        The line there, and the two-sided interval of the mean of y.
    """

    slope: float
    intercept: float
    at: Float64Array
    value: Float64Array
    lower: Float64Array
    upper: Float64Array


def fitted_line(x: Float64Array, y: Float64Array, at: Float64Array, *, level: float = 0.95) -> Line | None:
    """Fit y on x by least squares and evaluate the line with its pointwise interval.

    Parameters
    ----------
    x, y : arrays (n,)
        Without missing values.
    at : array (m,)
        Where to evaluate it.
    level : float
        Of the interval of the mean; single patients scatter further.

    Returns
    -------
    Line or None
        None with fewer than three points, or where x or y does not vary: there is no line to speak of.
    """
    if len(x) < 3 or any(np.ptp(v) <= PERFECT * np.abs(v).max() for v in (x, y)):
        return None
    fit = least_squares(x[:, None], y)
    slope, intercept = float(fit.coefficients[0]), fit.intercept
    value = intercept + slope * at
    spread = ((x - x.mean()) ** 2).sum()
    error = fit.standard_error * np.sqrt(1 / len(x) + (at - x.mean()) ** 2 / spread)
    half = float(stats.t.ppf((1 + level) / 2, fit.freedom)) * error
    return Line(slope, intercept, at, value, value - half, value + half)
