"""Estimates against the lower limit of normal: who is called low, who is missed, who cannot be called."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from spiroct.evaluation.calibration import share
from spiroct.evaluation.limits import Interval
from spiroct.evaluation.metrics import NO_INTERVALS, Metric
from spiroct.types import AnyArray, Float64Array

NAMES = (
    "lln_sensitivity",
    "lln_specificity",
    "lln_indeterminate",
    "lln_sensitivity_determinate",
    "lln_specificity_determinate",
)
NO_LIMIT = "no patient has a lower limit of normal: it needs sex, age and height"


def below_limit_metrics(
    measured: Float64Array,
    estimated: Float64Array,
    limit: Float64Array,
    *,
    lower: Float64Array | None = None,
    upper: Float64Array | None = None,
) -> list[Metric]:
    """Judge how well estimates tell who lies below the lower limit of normal.

    Parameters
    ----------
    measured, estimated : arrays (n,)
    limit : array (n,)
        Each patient's lower limit of normal, in the same unit; NaN leaves the patient out.
    lower, upper : arrays (n,), optional
        Interval of each estimate; NaN where it has none.

    Returns
    -------
    list of Metric
        In percent, Wilson's intervals: ``lln_sensitivity`` and ``lln_specificity`` of the estimate itself;
        ``lln_indeterminate``, the share whose interval holds the limit; and sensitivity and specificity among those
        whose interval lies on one side of it. Scans of one patient count one by one.
    """
    known = np.isfinite(limit)
    x, y, line = measured[known], estimated[known], limit[known]
    if not len(x):
        return [Metric(name, *(float("nan"),) * 3, 0, NO_LIMIT) for name in NAMES]
    low = x < line
    found = dict(_sides(low, y < line, "lln_sensitivity", "lln_specificity"))
    if lower is not None and upper is not None and (bounded := np.isfinite(lower[known] + upper[known])).any():
        below, above = upper[known] < line, lower[known] >= line
        called = bounded & (below | above)
        open_ = int(bounded.sum()) - int(called.sum())
        found["lln_indeterminate"] = (share(open_, int(bounded.sum())), int(bounded.sum()))
        found |= dict(_sides(low[called], below[called], "lln_sensitivity_determinate", "lln_specificity_determinate"))
        missing = "no interval lies on one side of the limit"
    else:
        missing = NO_INTERVALS
    nothing = Interval(*(float("nan"),) * 3, missing)
    return [_metric(name, *found.get(name, (nothing, len(x)))) for name in NAMES]


def _sides(
    low: AnyArray, called: AnyArray, sensitivity: str, specificity: str
) -> Iterator[tuple[str, tuple[Interval, int]]]:
    for name, group, right, who in (
        (sensitivity, low, called, "below"),
        (specificity, ~low, ~called, "at or above"),
    ):
        n = int(group.sum())
        found = share(int((group & right).sum()), n)
        reason = "" if n else f"no measured value lies {who} the lower limit of normal"
        yield name, (Interval(found.value, found.lower, found.upper, reason), n)


def _metric(name: str, found: Interval, n: int) -> Metric:
    return Metric(name, found.value, found.lower, found.upper, n, found.reason)
