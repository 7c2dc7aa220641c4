"""Metrics of a whole table of predictions: one tidy row a model, set, fold, measure, quantity and metric."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from spiroct.evaluation.bootstrap import RESAMPLES
from spiroct.evaluation.metrics import Metric, metrics
from spiroct.evaluation.parts import Part, parts_of

KEY = ("model", "set", "fold", "measure", "quantity")
METRIC_COLUMNS = (*KEY, "metric", "value", "lower", "upper", "n")
UNDEFINED_COLUMNS = (*KEY, "metric", "reason")
OVER_FOLDS = ("mae", "mape", "rmse", "bias", "r", "spearman", "r2", "icc_a1", "ccc")


def metric_table(predictions: pd.DataFrame, *, resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """Compute all metrics of all parts of a table of predictions.

    Parameters
    ----------
    predictions : DataFrame
        Columns of predictions.csv, units uniform within a measure and quantity.
    resamples, seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        Columns of metrics.csv, ``reason``, and ``headline``: whether the row's part stands for its model and set
        (:class:`spiroct.evaluation.parts.Part`). Beside the metrics of :data:`spiroct.evaluation.metrics.NAMES`,
        ``<metric>_fold_sd``: the standard deviation over folds, n being the number of folds.
    """
    rows: list[tuple[object, ...]] = []
    earlier: list[tuple[Part, list[Metric]]] = []
    for part in parts_of(predictions):
        found = part_metrics(part, resamples=resamples, seed=seed)
        rows += [(*part.key, *_cells(one), part.headline) for one in found]
        if not part.headline and part.fold.isdecimal():
            earlier.append((part, found))
        if part.headline:
            folds = [f for p, f in earlier if p.key[:2] + p.key[3:] == part.key[:2] + part.key[3:]]
            rows += [(*part.key, *_cells(one), True) for one in over_folds(folds)]
    return pd.DataFrame(rows, columns=[*METRIC_COLUMNS, "reason", "headline"])


def part_metrics(part: Part, *, resamples: int = RESAMPLES, seed: int = 0) -> list[Metric]:
    """Compute all metrics of one part."""
    rows = part.rows
    return metrics(
        rows["measured"].to_numpy(dtype=np.float64),
        rows["estimated"].to_numpy(dtype=np.float64),
        patients=rows["patient_id"].to_numpy(),
        lower=rows["lower"].to_numpy(dtype=np.float64),
        upper=rows["upper"].to_numpy(dtype=np.float64),
        resamples=resamples,
        seed=seed,
    )


def over_folds(folds: Sequence[Sequence[Metric]]) -> Iterator[Metric]:
    """Compute the standard deviation of each metric over folds; nothing for fewer than two folds."""
    if len(folds) < 2:
        return
    for name in OVER_FOLDS:
        values = np.array([next(m.value for m in fold if m.name == name) for fold in folds])
        known = values[np.isfinite(values)]
        reason = "" if len(known) == len(values) else f"undefined in {len(values) - len(known)} of {len(values)} folds"
        value = float(np.std(known, ddof=1)) if not reason else float("nan")
        yield Metric(f"{name}_fold_sd", value, float("nan"), float("nan"), len(values), reason)


def undefined(table: pd.DataFrame) -> pd.DataFrame:
    """List what is undefined in a table of metrics, with the reasons."""
    return table.loc[table["reason"] != "", list(UNDEFINED_COLUMNS)].reset_index(drop=True)


def _cells(metric: Metric) -> tuple[object, ...]:
    return metric.name, metric.value, metric.lower, metric.upper, metric.n, metric.reason
