"""Tests of two methods on the same patients: signed ranks, equivalence, dependent correlations, many tests at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from spiroct.evaluation.agreement import pearson_r
from spiroct.evaluation.correlation import fisher_limits
from spiroct.types import Float64Array

NAN = float("nan")


@dataclass(frozen=True)
class PairedTest:
    """A difference of two methods with its test.

    Parameters
    ----------
    difference, lower, upper : float
        First minus second, with its interval where the test has one.
    p : float
        Two-sided, except for equivalence.
    reason : str
        Why something is undefined; empty otherwise.
    """

    difference: float
    lower: float
    upper: float
    p: float
    reason: str = ""


def signed_rank(first: Float64Array, second: Float64Array) -> PairedTest:
    """Test whether two paired series (n,) differ, by Wilcoxon's signed ranks (Wilcoxon 1945, Biometrics Bull 1:80).

    Pairs without a difference are left out, as in the original. The p is exact for up to 50 pairs without ties.

    Returns
    -------
    PairedTest
        ``difference`` is the median of the paired differences.
    """
    difference = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    if not difference.any():
        return PairedTest(0.0, NAN, NAN, NAN, "the two do not differ in any patient")
    return PairedTest(float(np.median(difference)), NAN, NAN, float(stats.wilcoxon(difference).pvalue))


def equivalence(first: Float64Array, second: Float64Array, margin: float, *, level: float = 0.95) -> PairedTest:
    """Test whether the means of two paired series (n,) differ by less than a margin: two one-sided t-tests.

    Schuirmann 1987, J Pharmacokinet Biopharm 15:657. A p below 0.05 says that the two are equivalent to within the
    margin; a large p in a test of a difference says nothing of the kind.

    Parameters
    ----------
    first, second : arrays (n,)
    margin : float
        In the unit of the series, above 0, chosen before looking.
    level : float
        The interval has level 2 ``level`` - 1 (90 %): equivalence at 1 - ``level`` is that it lies within the margin.

    Returns
    -------
    PairedTest
        ``p`` is the larger of the two one-sided ones.
    """
    difference = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    n, mean = len(difference), float(difference.mean())
    se = float(difference.std(ddof=1)) / np.sqrt(n) if n > 1 else NAN
    if not margin > 0:
        return PairedTest(mean, NAN, NAN, NAN, f"a margin is above 0, not {margin:g}")
    if not se > 0:
        return PairedTest(mean, NAN, NAN, NAN, "the two differ by the same amount in every patient")
    p = max(float(stats.t.sf((mean + margin) / se, n - 1)), float(stats.t.cdf((mean - margin) / se, n - 1)))
    half = float(stats.t.ppf(level, n - 1)) * se
    return PairedTest(mean, mean - half, mean + half, p)


def dependent_correlations(
    measured: Float64Array, first: Float64Array, second: Float64Array, *, level: float = 0.95
) -> PairedTest:
    """Test whether two methods' correlations with the same measurements differ.

    Parameters
    ----------
    measured, first, second : arrays (n,)
    level : float
        Of the interval of the difference.

    See Also
    --------
    williams, zou_limits
    """
    r1, r2, r12 = (pearson_r(a, b) for a, b in ((measured, first), (measured, second), (first, second)))
    if not np.isfinite([r1, r2, r12]).all():
        return PairedTest(NAN, NAN, NAN, NAN, "a series does not vary")
    if abs(r12) >= 1 - 1e-12:
        return PairedTest(r1 - r2, NAN, NAN, NAN, "the two are the same but for scale")
    n = len(measured)
    return PairedTest(r1 - r2, *zou_limits(r1, r2, r12, n, level=level), williams(r1, r2, r12, n)[1])


def williams(r1: float, r2: float, r12: float, n: int) -> tuple[float, float]:
    """Compare two correlations that share a variable.

    Williams 1959, J R Stat Soc B 21:396, recommended by Steiger 1980, Psychol Bull 87:245.

    Parameters
    ----------
    r1, r2 : float
        Correlations of the shared variable with the two others.
    r12 : float
        Correlation of the two others.
    n : int
        Patients, four at least.

    Returns
    -------
    t, p : float
        Student's t with n - 3 degrees of freedom and its two-sided p; NaN for fewer patients.
    """
    if n < 4:
        return NAN, NAN
    determinant = 1 - r1**2 - r2**2 - r12**2 + 2 * r1 * r2 * r12
    mean = (r1 + r2) / 2
    below = 2 * (n - 1) / (n - 3) * determinant + mean**2 * (1 - r12) ** 3
    if not below > 0:
        return NAN, NAN
    t = (r1 - r2) * float(np.sqrt((n - 1) * (1 + r12) / below))
    return t, float(2 * stats.t.sf(abs(t), n - 3))


def zou_limits(r1: float, r2: float, r12: float, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Give the difference of two correlations that share a variable its interval (Zou 2007, Psychol Methods 12:399).

    Returns
    -------
    lower, upper : float
        Of ``r1 - r2``.
    """
    (l1, u1), (l2, u2) = (fisher_limits(r, n, level=level) for r in (r1, r2))
    together = ((r12 - r1 * r2 / 2) * (1 - r1**2 - r2**2 - r12**2) + r12**3) / ((1 - r1**2) * (1 - r2**2))
    difference = r1 - r2
    down = (r1 - l1) ** 2 + (u2 - r2) ** 2 - 2 * together * (r1 - l1) * (u2 - r2)
    up = (u1 - r1) ** 2 + (r2 - l2) ** 2 - 2 * together * (u1 - r1) * (r2 - l2)
    return difference - float(np.sqrt(max(down, 0.0))), difference + float(np.sqrt(max(up, 0.0)))


def holm(p: Sequence[float]) -> list[float]:
    """Adjust p-values for being several (Holm 1979, Scand J Stat 6:65); NaN stays NaN and does not count."""
    values = np.asarray(p, dtype=np.float64)
    known = np.flatnonzero(np.isfinite(values))
    order = known[np.argsort(values[known], kind="stable")]
    adjusted = np.full(len(values), NAN)
    steps = values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0) if len(order) else steps
    return [float(v) for v in adjusted]
