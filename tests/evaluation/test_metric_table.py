"""Folds, pooled folds and ensembles: which rows are evaluated together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spiroct.evaluation.metric_table import METRIC_COLUMNS, metric_table, undefined
from spiroct.evaluation.metrics import NAMES
from spiroct.evaluation.parts import headlines, parts_of


def predictions(n: int = 24, *, folds: int = 4, set_name: str = "validation", each: bool = False) -> pd.DataFrame:
    """Make predictions: every scan by one fold's network, or by each of them."""
    rng = np.random.default_rng(3)
    measured = rng.normal(3.3, 0.9, n)
    rows = []
    for i in range(n):
        for fold in range(1, folds + 1) if each else (1 + i % folds,):
            estimated = measured[i] + rng.normal(0, 0.4)
            rows.append((f"p{i}", f"s{i}", "net", set_name, str(fold), "FVC", "absolute", "L", measured[i], estimated))
    names = ["patient_id", "scan_id", "model", "set", "fold", "measure", "quantity", "unit", "measured", "estimated"]
    return pd.DataFrame(rows, columns=names).assign(lower=np.nan, upper=np.nan, level=np.nan)


def value(table: pd.DataFrame, fold: str, metric: str) -> float:
    (found,) = table.loc[(table["fold"] == fold) & (table["metric"] == metric), "value"]
    return float(found)


def test_validation_is_pooled() -> None:
    data = predictions()
    parts = list(parts_of(data))
    assert [p.fold for p in parts] == ["1", "2", "3", "4", "pooled"]
    assert [p.fold for p in headlines(data)] == ["pooled"]
    table = metric_table(data, resamples=200)
    assert list(table.columns) == [*METRIC_COLUMNS, "reason", "headline"]
    error = (data["estimated"] - data["measured"]).abs()
    assert value(table, "pooled", "mae") == pytest.approx(error.mean())
    by_fold = error.groupby(data["fold"]).mean()
    assert value(table, "3", "mae") == pytest.approx(by_fold["3"])
    assert value(table, "pooled", "mae_fold_sd") == pytest.approx(by_fold.std(ddof=1))
    assert table.loc[table["metric"] == "mae_fold_sd", "n"].tolist() == [4]
    assert set(NAMES) <= set(table["metric"])


def test_test_set_seen_by_every_fold_becomes_an_ensemble() -> None:
    data = predictions(each=True, set_name="test")
    parts = {p.fold: p for p in parts_of(data)}
    assert list(parts) == ["1", "2", "3", "4", "ensemble"]
    assert parts["ensemble"].headline
    mean = data.groupby("scan_id")["estimated"].mean()
    assert parts["ensemble"].rows.set_index("scan_id")["estimated"].to_dict() == pytest.approx(mean.to_dict())
    assert parts["ensemble"].rows["lower"].isna().all()
    table = metric_table(data, resamples=200)
    assert "pooled" not in set(table["fold"])
    assert value(table, "ensemble", "mae") < np.mean([value(table, str(f), "mae") for f in range(1, 5)])


def test_an_ensemble_in_the_table_wins() -> None:
    data = pd.concat([predictions(each=True), predictions(folds=1).assign(fold="ensemble", estimated=1.0)])
    (headline,) = headlines(data)
    assert headline.fold == "ensemble"
    assert set(headline.rows["estimated"]) == {1.0}


def test_missing_measurements_are_left_out() -> None:
    data = predictions()
    data.loc[:5, "measured"] = np.nan
    assert {p.fold: len(p.rows) for p in parts_of(data)}["pooled"] == len(data) - 6


def test_small_folds_are_undefined_with_their_reason() -> None:
    table = metric_table(predictions(8), resamples=100)
    lines = undefined(table)
    assert set(lines.loc[lines["metric"] == "mae", "fold"]) == {"1", "2", "3", "4"}
    assert lines["reason"].str.contains("2 patients").any()
    assert np.isfinite(value(table, "pooled", "mae"))
    sd = lines.loc[lines["metric"] == "mae_fold_sd", "reason"].tolist()
    assert sd == ["undefined in 4 of 4 folds"]
