"""Two tables of predictions of the same patients, compared metric by metric and by tests."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from spiroct.errors import InputError
from spiroct.evaluation.agreement import pearson_r
from spiroct.evaluation.bootstrap import RESAMPLES, bca_limits, resampled_weights
from spiroct.evaluation.metrics import LEAST_PATIENTS
from spiroct.evaluation.paired_tests import PairedTest, dependent_correlations, equivalence, holm, signed_rank
from spiroct.evaluation.parts import Part, headlines
from spiroct.evaluation.sums import metrics_of, pair_sums
from spiroct.types import Float64Array

COMPARISON_COLUMNS = (
    "model", "against", "set", "measure", "quantity", "test", "metric", "value", "against_value", "difference", "lower",
    "upper", "margin", "p", "p_holm", "n", "unpaired", "reason",
)  # fmt: skip
BOOTSTRAP = "paired bootstrap"
WILCOXON = "Wilcoxon signed-rank, absolute errors"
WILCOXON_PAPER = "Wilcoxon signed-rank, predictions (Jia 2023)"
CORRELATIONS = "dependent correlations (Williams)"
EQUIVALENCE = "equivalence (two one-sided t)"
COMPARED = ("mae", "mape", "rmse", "bias", "r", "r2", "icc_a1", "icc_c1", "ccc", "slope", "intercept", "error_sd",
            "coverage", "width")  # fmt: skip
DEFAULT_MARGIN = 2.0


def compare(
    predictions: pd.DataFrame,
    against: pd.DataFrame,
    *,
    margin: float = DEFAULT_MARGIN,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare every model of one table with every model of another, on the scans that both have.

    Parameters
    ----------
    predictions, against : DataFrame
        Columns of predictions.csv. Each model and set is represented by its ensemble or else its pooled folds.
    margin : float
        Of equivalence: percent of the mean measured value by which the MAE may differ. The default, 2 %, is about a
        tenth of the MAPE that Jia 2023 reports.
    resamples, seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        Columns :data:`COMPARISON_COLUMNS`; differences are model minus against. ``p_holm`` corrects each test over the
        measures and quantities of one pair of models and set. Tests count a patient once, by the mean over its scans.

    Raises
    ------
    InputError
        If the tables have no scans in common, or differ in what was measured in one.
    """
    ours, theirs = headlines(predictions), headlines(against)
    rows: list[dict[str, object]] = []
    for part in ours:
        key = (part.set_name, part.measure, part.quantity)
        for other in theirs:
            if (other.set_name, other.measure, other.quantity) == key:
                rows += _compared(part, other, margin=margin, resamples=resamples, seed=seed)
    if not rows:
        raise InputError(
            "the two tables of predictions share no scan of one set, measure and quantity",
            "a comparison is made on the same scans",
            "check their columns scan_id, set, measure and quantity",
        )
    table = pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS))
    for _, family in table.groupby(["model", "against", "set", "test"], sort=False):
        table.loc[family.index, "p_holm"] = holm(family["p"].tolist())
    return table


def _compared(part: Part, other: Part, *, margin: float, resamples: int, seed: int) -> Iterator[dict[str, object]]:
    both = part.rows.merge(other.rows, on="scan_id", suffixes=("", "_against"))
    if both.empty:
        return
    _refuse_other_measurements(both, part)
    head = {
        "model": part.model,
        "against": other.model,
        "set": part.set_name,
        "measure": part.measure,
        "quantity": part.quantity,
        "n": len(both),
        "unpaired": len(part.rows) + len(other.rows) - 2 * len(both),
    }
    if both["patient_id"].nunique() < LEAST_PATIENTS:
        reason = f"{both['patient_id'].nunique()} patients in common, and a comparison needs three"
        yield {**head, "test": BOOTSTRAP, "metric": "mae", **_nothing(), "reason": reason}
        return
    for row in (*_bootstrapped(both, resamples=resamples, seed=seed), *_tested(both, margin=margin)):
        yield {**_nothing(), **head, **row}


def _bootstrapped(both: pd.DataFrame, *, resamples: int, seed: int) -> Iterator[dict[str, object]]:
    """Resample patients, the same ones for both models, and take the difference of every metric."""
    sums = [
        pair_sums(
            both["measured"].to_numpy(dtype=np.float64),
            both[f"estimated{suffix}"].to_numpy(dtype=np.float64),
            patients=both["patient_id"].to_numpy(),
            lower=both[f"lower{suffix}"].to_numpy(dtype=np.float64),
            upper=both[f"upper{suffix}"].to_numpy(dtype=np.float64),
        )
        for suffix in ("", "_against")
    ]
    centre = sums[0].centre
    weights = resampled_weights(len(sums[0].table), resamples=resamples, seed=seed)
    drawn = [np.concatenate(parts) for parts in zip(*([w @ s.table for s in sums] for w in weights), strict=True)]
    totals = [s.table.sum(axis=0) for s in sums]
    values = [metrics_of(total, centre) for total in totals]
    replicates = [metrics_of(d, centre) for d in drawn]
    left_out = [metrics_of(total - s.table, centre) for total, s in zip(totals, sums, strict=True)]
    for name in COMPARED:
        first, second = (float(v[name]) for v in values)
        row: dict[str, object] = {"test": BOOTSTRAP, "metric": name}
        if not (np.isfinite(first) and np.isfinite(second)):
            yield row | {"reason": f"{name} is undefined in one of the two"}
            continue
        lower, upper = bca_limits(
            first - second, replicates[0][name] - replicates[1][name], left_out[0][name] - left_out[1][name]
        )
        reason = "" if np.isfinite(lower) else "no interval: undefined in too many resamples"
        yield row | {
            "value": first, "against_value": second, "difference": first - second, "lower": lower, "upper": upper,
            "reason": reason,
        }  # fmt: skip


def _tested(both: pd.DataFrame, *, margin: float) -> Iterator[dict[str, object]]:
    """Run the tests on patients, each by the mean over its scans."""
    error = {s: (both[f"estimated{s}"] - both["measured"]).abs() for s in ("", "_against")}
    table = both.assign(error=error[""], error_against=error["_against"])
    columns = ["measured", "estimated", "estimated_against", "error", "error_against"]
    means = table.groupby("patient_id", sort=False)[columns].mean()
    measured, first, second, error_first, error_second = (means[c].to_numpy(dtype=np.float64) for c in columns)
    allowed = margin / 100 * float(np.abs(measured).mean())
    mae = (float(error_first.mean()), float(error_second.mean()))
    yield _test_row(
        WILCOXON, "absolute_error", _medians(error_first, error_second), signed_rank(error_first, error_second)
    )
    yield _test_row(WILCOXON_PAPER, "estimated", _medians(first, second), signed_rank(first, second))
    yield _test_row(EQUIVALENCE, "mae", mae, equivalence(error_first, error_second, allowed)) | {"margin": allowed}
    correlations = dependent_correlations(measured, first, second)
    r = (pearson_r(measured, first), pearson_r(measured, second))
    yield _test_row(CORRELATIONS, "r", r, correlations)


def _medians(first: Float64Array, second: Float64Array) -> tuple[float, float]:
    return float(np.median(first)), float(np.median(second))


def _test_row(test: str, metric: str, values: tuple[float, float], found: PairedTest) -> dict[str, object]:
    return {
        "test": test, "metric": metric, "value": values[0], "against_value": values[1],
        "difference": found.difference, "lower": found.lower, "upper": found.upper, "p": found.p,
        "reason": found.reason,
    }  # fmt: skip


def _nothing() -> dict[str, object]:
    numbers = ("value", "against_value", "difference", "lower", "upper", "margin", "p", "p_holm")
    return {**dict.fromkeys(numbers, float("nan")), "reason": ""}


def _refuse_other_measurements(both: pd.DataFrame, part: Part) -> None:
    apart = (both["measured"] - both["measured_against"]).abs() > 1e-6 * both["measured"].abs()
    if apart.any():
        row = both.loc[apart].iloc[0]
        raise InputError(
            f"measured {part.measure} of scan {row['scan_id']} is {row['measured']:g} in one table of predictions and "
            f"{row['measured_against']:g} in the other",
            "two models are compared on the same measurements",
            "make both from one cohort.csv",
        )
