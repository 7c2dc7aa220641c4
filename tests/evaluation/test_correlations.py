"""Correlations of many columns, each as scipy has it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from spiroct.errors import InputError
from spiroct.evaluation.correlations import correlation_table


def test_each_pair_is_that_of_scipy() -> None:
    rng = np.random.default_rng(1)
    table = pd.DataFrame(rng.normal(size=(30, 4)), columns=["lung", "beta", "DLCO", "TLC"])
    table["TLC"] += table["lung"]
    table.loc[[2, 5], "beta"] = np.nan
    found = correlation_table(table, ["lung", "beta"], ["DLCO", "TLC"])
    assert list(zip(found["row"], found["column"], strict=True)) == [
        ("lung", "DLCO"), ("lung", "TLC"), ("beta", "DLCO"), ("beta", "TLC"),
    ]  # fmt: skip
    assert found["n"].tolist() == [30, 30, 28, 28]
    for _, one in found.iterrows():
        both = table[[one["row"], one["column"]]].dropna()
        expected = stats.pearsonr(both.iloc[:, 0], both.iloc[:, 1])
        interval = expected.confidence_interval()
        assert (one["r"], one["p"], one["lower"], one["upper"]) == pytest.approx(
            (expected.statistic, expected.pvalue, interval.low, interval.high), rel=1e-8
        )


def test_what_is_undefined_stays_so() -> None:
    table = pd.DataFrame(
        {"a": [1.0, 2, 3, 4], "same": [5.0] * 4, "two": [1.0, np.nan, np.nan, 2.0], "b": [2.0, 4, 6, 8]}
    )
    found = correlation_table(table, ["a"], ["same", "two", "b"]).set_index("column")
    assert np.isnan(found.loc[["same", "two"], ["r", "lower", "upper", "p"]].to_numpy()).all()
    assert found.loc["two", "n"] == 2
    assert found.loc["b", ["r", "lower", "upper", "p"]].tolist() == pytest.approx([1, 1, 1, 0])
    three = correlation_table(table.iloc[:3].assign(b=[1.0, 3.0, 2.0]), ["a"], ["b"]).iloc[0]
    assert three["r"] == pytest.approx(0.5)
    assert np.isnan(three["lower"])


def test_text_and_missing_columns_are_refused() -> None:
    with pytest.raises(InputError, match="no numbers in column sex, age"):
        correlation_table(pd.DataFrame({"a": [1.0], "sex": ["F"]}), ["a", "sex"], ["age"])
