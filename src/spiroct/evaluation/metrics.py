"""All metrics of one group of estimates beside their measurements, each with an interval or the reason for none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from spiroct.evaluation.bootstrap import RESAMPLES, bootstrap_metrics
from spiroct.evaluation.calibration import calibration_line, share
from spiroct.evaluation.correlation import pearson, spearman, spearman_of_patients
from spiroct.evaluation.limits import limits_of_agreement, lin_ccc
from spiroct.evaluation.reliability import Form, icc
from spiroct.evaluation.sums import count_of, metrics_of, pair_sums
from spiroct.types import AnyArray, Float64Array

NAN = float("nan")
Limits = tuple[float, float, float]
FORMS: tuple[Form, ...] = ("A1", "C1", "Ak")
LEAST_PATIENTS = 3
ALIKE = {"measured": "the measured values are all the same", "estimated": "the estimated values are all the same"}
NO_INTERVALS = "the predictions carry no intervals"
REPEATED = "patients have several scans, and this p would count their scans as independent"
NO_FORMULA = "the formula of the interval has no answer for these values"
UNSTABLE = "undefined in more than a tenth of the bootstrap resamples"
NAMES = (
    "mae", "mae_sd", "mape", "mape_sd", "rmse", "bias", "error_sd", "r", "r_p", "spearman", "spearman_p", "r2",
    "icc_a1", "icc_a1_p", "icc_c1", "icc_ak", "ccc", "slope", "intercept", "loa_lower", "loa_upper", "loa_slope",
    "loa_slope_p", "coverage", "width",
)  # fmt: skip
BOOTSTRAPPED = ("mae", "mae_sd", "mape", "mape_sd", "rmse", "error_sd", "r2", "width")
# What a constant series of measurements or of estimates leaves undefined.
_NEEDS_SPREAD = {
    "r": ("measured", "estimated"),
    "r_p": ("measured", "estimated"),
    "spearman": ("measured", "estimated"),
    "spearman_p": ("measured", "estimated"),
    "ccc": ("measured", "estimated"),
    "r2": ("measured",),
    "slope": ("estimated",),
    "intercept": ("estimated",),
}


@dataclass(frozen=True)
class Metric:
    """One metric of one group of estimates.

    Parameters
    ----------
    name : str
        One of :data:`NAMES`.
    value, lower, upper : float
        With a two-sided interval; NaN where undefined. MAE, RMSE, bias, limits and widths in the unit of the measure,
        MAPE and coverage in percent.
    n : int
        Scans that it was computed from.
    reason : str
        Why the value, or else its interval, is undefined; empty otherwise.
    """

    name: str
    value: float
    lower: float
    upper: float
    n: int
    reason: str = ""


def metrics(
    measured: Float64Array,
    estimated: Float64Array,
    *,
    patients: Sequence[object] | AnyArray | None = None,
    lower: Float64Array | None = None,
    upper: Float64Array | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Metric]:
    """Compute all metrics of one group, in the order of :data:`NAMES`.

    Intervals are analytic where a formula exists (Student's t for the bias and the calibration line, Fisher for
    correlations, F for ICC, Lin for CCC, Bland and Altman for the limits, Wilson for coverage) and bias-corrected
    bootstrap otherwise. Where a patient has several scans all are bootstrap over patients, since no formula holds
    (Spearman's by :func:`spiroct.evaluation.correlation.spearman_of_patients`).

    Parameters
    ----------
    measured, estimated : arrays (n,)
        In one unit; no missing values.
    patients : sequence (n,), optional
        Whose scan each row is; every row is another patient by default.
    lower, upper : arrays (n,), optional
        Interval of each estimate; NaN where it has none.
    level : float
        Of the metrics' intervals.
    resamples, seed : int
        Of the bootstrap.

    Returns
    -------
    list of Metric
        Undefined ones with their reason, never as 0.
    """
    x, y = np.asarray(measured, dtype=np.float64), np.asarray(estimated, dtype=np.float64)
    who = np.arange(len(x)) if patients is None else np.asarray(patients)
    count = len(np.unique(who))
    if count < LEAST_PATIENTS:
        why = f"{count} patient{'s' if count != 1 else ''}, and a metric needs three"
        return [Metric(name, NAN, NAN, NAN, len(x), why) for name in NAMES]
    sums = pair_sums(x, y, patients=who, lower=lower, upper=upper)
    values = metrics_of(sums.table.sum(axis=0), sums.centre)
    found: dict[str, Limits] = {name: (float(value), NAN, NAN) for name, value in values.items()}
    for name, limits in bootstrap_metrics(sums, resamples=resamples, seed=seed, level=level).items():
        found[name] = (found[name][0], *limits)
    repeated = count < len(x)
    if repeated:
        rho = spearman_of_patients(x, y, who, level=level)
        found |= {
            "spearman": (rho.value, rho.lower, rho.upper),
            "loa_slope": (limits_of_agreement(x, y, level=level).slope, NAN, NAN),
        }
    else:
        found |= _analytic(x, y, sums.table, level)
    return list(_with_reasons(found, _reasons(x, y, sums.table, repeated=repeated), len(x)))


def _analytic(x: Float64Array, y: Float64Array, table: Float64Array, level: float) -> dict[str, Limits]:
    """Values and intervals by formula, for patients of one scan each."""
    limits, line = limits_of_agreement(x, y, level=level), calibration_line(x, y, level=level)
    r, rho = pearson(x, y, level=level), spearman(x, y, level=level)
    reliability = {form: icc(x, y, form=form, level=level) for form in FORMS}
    bounded, inside = (round(count_of(table, name)) for name in ("bounded", "inside"))
    found: dict[str, Limits] = {
        "r": (r.value, r.lower, r.upper),
        "r_p": (r.p, NAN, NAN),
        "spearman": (rho.value, rho.lower, rho.upper),
        "spearman_p": (rho.p, NAN, NAN),
        "icc_a1_p": (reliability["A1"].p, NAN, NAN),
        "loa_slope": (limits.slope, NAN, NAN),
        "loa_slope_p": (limits.slope_p, NAN, NAN),
    }
    of_interval = {
        "bias": limits.bias,
        "loa_lower": limits.lower,
        "loa_upper": limits.upper,
        "ccc": lin_ccc(x, y, level=level),
        "slope": line[0],
        "intercept": line[1],
        "coverage": share(inside, bounded, level=level),
    }
    found |= {f"icc_{form.lower()}": (one.value, one.lower, one.upper) for form, one in reliability.items()}
    return found | {name: (one.value, one.lower, one.upper) for name, one in of_interval.items()}


def _reasons(x: Float64Array, y: Float64Array, table: Float64Array, *, repeated: bool) -> Callable[[str], str]:
    alike = {name for name, series in (("measured", x), ("estimated", y)) if _constant(series)}
    without_interval = count_of(table, "bounded") == 0
    zero = bool((x == 0).any())

    def why(name: str) -> str:
        if name in {"coverage", "width"} and without_interval:
            return NO_INTERVALS
        if name.startswith("mape") and zero:
            return "a measured value is 0, of which no percentage can be taken"
        for series in _NEEDS_SPREAD.get(name, ()):
            if series in alike:
                return ALIKE[series]
        if name.endswith("_p") and repeated:
            return REPEATED
        if name.startswith(("icc", "loa_slope")) and len(alike) == 2:
            return "neither the measured nor the estimated values vary"
        return UNSTABLE if repeated or name in BOOTSTRAPPED else NO_FORMULA

    return why


def _with_reasons(found: dict[str, Limits], why: Callable[[str], str], n: int) -> Iterator[Metric]:
    for name in NAMES:
        value, lower, upper = found.get(name, (NAN, NAN, NAN))
        if not np.isfinite(value) or why(name) in ALIKE.values():
            yield Metric(name, NAN, NAN, NAN, n, why(name))
        elif name.endswith("_p") or name == "loa_slope" or np.isfinite(lower):
            yield Metric(name, value, lower, upper, n)
        else:
            yield Metric(name, value, NAN, NAN, n, f"no interval: {why(name)}")


def _constant(series: Float64Array) -> bool:
    return bool(np.ptp(series) <= 1e-12 * np.abs(series).max())
