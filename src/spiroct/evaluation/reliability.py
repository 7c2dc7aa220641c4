"""Intraclass correlations with their F-based intervals, after McGraw and Wong 1996."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from scipy import stats

from spiroct.evaluation.agreement import mean_squares
from spiroct.types import Float64Array

Form = Literal["A1", "C1", "Ak"]
NAN = float("nan")
LARGEST_F = 1e15


@dataclass(frozen=True)
class Reliability:
    """An intraclass correlation.

    Parameters
    ----------
    value, lower, upper : float
        The correlation and its two-sided interval; NaN where undefined: measurements that do not vary, and the interval
        of series that differ by a constant offset alone.
    f, p : float
        Test of no correlation: F with n - 1 and (n - 1)(k - 1) degrees of freedom, one-sided p.
    """

    value: float
    lower: float
    upper: float
    f: float
    p: float


def icc(*series: Float64Array, form: Form = "A1", level: float = 0.95) -> Reliability:
    """Compute an intraclass correlation of a two-way model with its interval.

    McGraw and Wong 1996, Psychol Methods 1:30: estimators in Table 4, intervals in Table 7, tests in Table 8.

    Parameters
    ----------
    *series : arrays (n,)
        Two or more, usually measured and estimated.
    form : {"A1", "C1", "Ak"}
        ``A1`` absolute agreement of single measurements, ICC(2,1) of Shrout and Fleiss 1979; ``C1`` consistency, where
        an offset between the series is no disagreement, their ICC(3,1); ``Ak`` absolute agreement of the mean of the
        series, their ICC(2,k).
    level : float
        Of the interval.

    Raises
    ------
    ValueError
        If there are fewer than two series or three patients, a value is missing, or the form is not known.

    Notes
    -----
    The interval assumes normal errors; two identical series give 1 with no width.
    """
    squares = mean_squares(*series)
    n, k, error = squares.patients, squares.raters, squares.error
    if n < 3 or form not in ("A1", "C1", "Ak"):
        raise ValueError(f"an ICC interval needs three patients and a form of A1, C1, Ak; got {n} and {form!r}")
    patients, raters = squares.between_patients, squares.between_raters
    if error <= 1e-20 * (patients + raters):  # what series that differ by an offset alone leave is rounding
        return _without_error(patients, raters, n, k, form)
    freedom = (n - 1) * (k - 1)
    f = patients / error
    p = float(stats.f.sf(f, n - 1, freedom))
    tail = 1 - (1 - level) / 2
    if form == "C1":
        low, high = f / stats.f.ppf(tail, n - 1, freedom), f * stats.f.ppf(tail, freedom, n - 1)
        value, lower, upper = ((ratio - 1) / (ratio + k - 1) for ratio in (f, low, high))
        return Reliability(value, float(lower), float(upper), f, p)
    value = (patients - error) / (patients + (k - 1) * error + k / n * (raters - error))
    # Satterthwaite's degrees of freedom of the offset and the error together
    a = k * value / (n * (1 - value))
    b = 1 + k * value * (n - 1) / (n * (1 - value))
    v = (a * raters + b * error) ** 2 / ((a * raters) ** 2 / (k - 1) + (b * error) ** 2 / freedom)
    # with hardly any degree of freedom the quantiles overflow; the limits have long reached theirs by then
    above, below = (min(float(stats.f.ppf(tail, *pair)), LARGEST_F) for pair in ((n - 1, v), (v, n - 1)))
    rest = k * raters + (k * n - k - n) * error
    lower = n * (patients - above * error) / (above * rest + n * patients)
    upper = n * (below * patients - error) / (rest + n * below * patients)
    if form == "A1":
        return Reliability(value, float(lower), float(upper), f, p)
    # the mean of k: Spearman and Brown's step, which carries the limits along
    value, lower, upper = (float(k * one / (1 + (k - 1) * one)) for one in (value, lower, upper))
    return Reliability(value, lower, upper, f, p)


def _without_error(patients: float, raters: float, n: int, k: int, form: Form) -> Reliability:
    """Series that differ by an offset alone: the value is defined, an interval only where there is no offset."""
    if not patients > 0:
        return Reliability(NAN, NAN, NAN, NAN, NAN)
    if form == "C1" or raters <= 1e-20 * patients:
        return Reliability(1.0, 1.0, 1.0, float("inf"), 0.0)
    single = patients / (patients + k / n * raters)
    value = single if form == "A1" else k * single / (1 + (k - 1) * single)
    return Reliability(value, NAN, NAN, float("inf"), 0.0)
