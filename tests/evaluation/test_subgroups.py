"""Subgroups and partial correlations of a table of predictions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spiroct.evaluation.correlation import partial_correlation
from spiroct.evaluation.parts import headlines
from spiroct.evaluation.subgroups import NARROW, PARTIAL_COLUMNS, SUBGROUP_COLUMNS, partial_table, subgroup_table


def table(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    height = rng.normal(168, 9, n)
    measured = 3.3 + 0.05 * (height - 168) + rng.normal(0, 0.5, n)
    rows = {
        "patient_id": [f"p{i}" for i in range(n)],
        "scan_id": [f"s{i}" for i in range(n)],
        "model": "net",
        "set": "test",
        "fold": "ensemble",
        "measure": "FVC",
        "quantity": "absolute",
        "measured": measured,
        "estimated": measured + rng.normal(0, 0.3, n),
        "lower": np.nan,
        "upper": np.nan,
        "height": height,
    }
    return pd.DataFrame(rows)


def groups(subgroup: str = "sex", measure: str = "") -> pd.DataFrame:
    names = ["F"] * 50 + ["M"] * 10
    return pd.DataFrame(
        {"scan_id": [f"s{i}" for i in range(60)], "measure": measure, "subgroup": subgroup, "group": names}
    )


def test_groups_are_evaluated_apart_and_small_ones_warned_of() -> None:
    data = table()
    found = subgroup_table(headlines(data), groups(), resamples=200)
    assert list(found.columns) == list(SUBGROUP_COLUMNS)
    mae = found.loc[found["metric"] == "mae"].set_index("group")
    error = (data["estimated"] - data["measured"]).abs()
    assert mae.loc["F", "value"] == pytest.approx(error[:50].mean())
    assert mae.loc["F", "warning"] == ""
    assert mae.loc["M", "n"] == 10
    assert "10 patients only" in mae.loc["M", "warning"]


def test_groups_by_the_measurement_are_warned_of() -> None:
    found = subgroup_table(headlines(table()), groups("severity", "FVC"), resamples=100)
    warned = found.loc[(found["group"] == "F") & (found["warning"] == NARROW), "metric"]
    assert set(warned) == {"r", "icc_a1", "ccc"}
    assert subgroup_table(headlines(table()), groups("severity", "TLC"), resamples=100).empty


def test_partial_correlation_of_a_table() -> None:
    data = table()
    covariates = data[["scan_id", "height"]]
    found = partial_table(headlines(data.drop(columns="height")), covariates, {"height": ["height"]})
    assert list(found.columns) == list(PARTIAL_COLUMNS)
    oracle = partial_correlation(*(data[c].to_numpy() for c in ("measured", "estimated", "height")))
    assert found.iloc[0]["value"] == pytest.approx(oracle.value)
    few = partial_table(headlines(data.drop(columns="height")), covariates.iloc[:4], {"height": ["height"]})
    assert "are needed" in few.iloc[0]["reason"]
