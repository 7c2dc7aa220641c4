"""Does it work as well for everyone: the main metrics in groups of patients, and at fixed covariates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from spiroct.evaluation.bootstrap import RESAMPLES
from spiroct.evaluation.correlation import partial_correlation
from spiroct.evaluation.metrics import metrics
from spiroct.evaluation.parts import Part

SMALL = 20
SUBGROUP_METRICS = ("mae", "mape", "bias", "r", "icc_a1", "ccc")
_KEY = ("model", "set", "fold", "measure", "quantity")
SUBGROUP_COLUMNS = (*_KEY, "subgroup", "group", "metric", "value", "lower", "upper", "n", "warning")
PARTIAL_COLUMNS = (*_KEY, "given", "value", "lower", "upper", "p", "n", "reason")
NARROW = "chosen by the measurement itself: R, ICC and CCC are smaller in a narrower range"


def subgroup_table(
    parts: Sequence[Part],
    groups: pd.DataFrame,
    *,
    narrow: Sequence[str] = ("severity",),
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Compute the main metrics in groups of patients.

    Parameters
    ----------
    parts : sequence of Part
        Usually those of :func:`spiroct.evaluation.parts.headlines`.
    groups : DataFrame
        ``scan_id``, ``measure`` (empty where a group holds for all measures), ``subgroup`` such as sex, ``group`` such
        as F.
    narrow : sequence of str
        Subgroups that were chosen by the measured value.
    resamples, seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        Columns :data:`SUBGROUP_COLUMNS`; ``warning`` where a group has fewer than 20 patients, or a metric is
        undefined, or the group is narrow. No test between groups: their intervals say what can be said.
    """
    rows: list[tuple[object, ...]] = []
    for part in parts:
        own = groups.loc[groups["measure"].isin(["", part.measure])]
        joined = part.rows.merge(own[["scan_id", "subgroup", "group"]], on="scan_id")
        for (subgroup, group), members in joined.groupby(["subgroup", "group"], sort=True):
            patients = members["patient_id"].nunique()
            warning = f"{patients} patients only: too few to conclude from" if patients < SMALL else ""
            found = metrics(
                members["measured"].to_numpy(dtype=np.float64),
                members["estimated"].to_numpy(dtype=np.float64),
                patients=members["patient_id"].to_numpy(),
                resamples=resamples,
                seed=seed,
            )
            for one in found:
                if one.name in SUBGROUP_METRICS:
                    spread = NARROW if subgroup in narrow and one.name in {"r", "icc_a1", "ccc"} else ""
                    words = "; ".join(w for w in (warning, one.reason, spread) if w)
                    rows.append((*part.key, subgroup, group, one.name, one.value, one.lower, one.upper, one.n, words))
    return pd.DataFrame(rows, columns=list(SUBGROUP_COLUMNS))


def partial_table(parts: Sequence[Part], covariates: pd.DataFrame, given: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Correlate measured and estimated values at fixed covariates: what a network knows beyond them.

    Parameters
    ----------
    parts : sequence of Part
    covariates : DataFrame
        ``scan_id`` and numeric columns; NaN leaves a scan out.
    given : mapping of str to sequence of str
        Name to print to the columns that are held fixed together.

    Returns
    -------
    DataFrame
        Columns :data:`PARTIAL_COLUMNS`; patients with several scans count by the mean over them.
    """
    rows: list[tuple[object, ...]] = []
    for part in parts:
        joined = part.rows.merge(covariates, on="scan_id")
        for name, columns in given.items():
            complete = joined[["patient_id", "measured", "estimated", *columns]].dropna()
            means = complete.groupby("patient_id", sort=False).mean()
            n = len(means)
            if n < len(columns) + 4:
                reason = f"{n} patients have {' and '.join(columns)}, and {len(columns) + 4} are needed"
                rows.append((*part.key, name, *(float("nan"),) * 4, n, reason))
                continue
            measured, estimated = (means[c].to_numpy(dtype=np.float64) for c in ("measured", "estimated"))
            found = partial_correlation(measured, estimated, means[list(columns)].to_numpy(dtype=np.float64))
            reason = "" if np.isfinite(found.value) else f"{name} explains one of the two altogether"
            rows.append((*part.key, name, found.value, found.lower, found.upper, found.p, n, reason))
    return pd.DataFrame(rows, columns=list(PARTIAL_COLUMNS))
