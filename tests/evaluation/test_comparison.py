"""Two models of the same patients: what is compared, what is refused, and what cannot be said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from spiroct.errors import InputError
from spiroct.evaluation import comparison
from spiroct.evaluation.comparison import BOOTSTRAP, COMPARISON_COLUMNS, EQUIVALENCE, WILCOXON, WILCOXON_PAPER, compare


def table(model: str, noise: float, *, shift: float = 0.0, n: int = 80, seed: int = 1) -> pd.DataFrame:
    measured = np.random.default_rng(0).normal(3.3, 0.9, n)
    estimated = measured + shift + np.random.default_rng(seed).normal(0, noise, n)
    rows = {
        "patient_id": [f"p{i}" for i in range(n)],
        "scan_id": [f"s{i}" for i in range(n)],
        "model": model,
        "set": "test",
        "fold": "ensemble",
        "measure": "FVC",
        "quantity": "absolute",
        "unit": "L",
        "measured": measured,
        "estimated": estimated,
        "lower": estimated - 0.5,
        "upper": estimated + 0.5,
        "level": 0.9,
    }
    return pd.DataFrame(rows)


def row(found: pd.DataFrame, test: str, metric: str | None = None) -> pd.Series:
    chosen = found.loc[(found["test"] == test) & (True if metric is None else found["metric"] == metric)]
    assert len(chosen) == 1
    return chosen.iloc[0]


def test_the_better_model_is_found() -> None:
    good, bad = table("good", 0.2), table("bad", 0.6, seed=2)
    found = compare(good, bad)
    assert list(found.columns) == list(COMPARISON_COLUMNS)
    mae = row(found, BOOTSTRAP, "mae")
    assert mae["difference"] == pytest.approx(mae["value"] - mae["against_value"])
    assert mae["upper"] < 0
    wilcoxon = row(found, WILCOXON)
    errors = [np.abs(t["estimated"] - t["measured"]) for t in (good, bad)]
    assert wilcoxon["p"] == pytest.approx(stats.wilcoxon(*errors).pvalue)
    assert wilcoxon["p"] < 0.001 < row(found, EQUIVALENCE)["p"]
    assert (row(found, "dependent correlations (Williams)")["p"], mae["n"], mae["unpaired"]) == (
        pytest.approx(0, abs=0.01),
        80,
        0,
    )


def test_the_papers_variant_sees_a_shift_and_not_accuracy() -> None:
    # the same noise, one of the two moved up and down by as much: no difference in accuracy, another in predictions
    up, down = table("up", 0.3, shift=0.2), table("down", 0.3, shift=-0.2)
    found = compare(up, down)
    assert row(found, WILCOXON_PAPER)["p"] < 1e-10
    assert row(found, WILCOXON)["p"] > 0.01


def test_a_model_is_equivalent_to_itself_with_a_hair_of_noise() -> None:
    model = table("net", 0.4)
    again = model.assign(model="again", estimated=model["estimated"] + np.random.default_rng(5).normal(0, 0.01, 80))
    found = compare(model, again)
    assert row(found, EQUIVALENCE)["p"] < 1e-6
    assert row(found, EQUIVALENCE)["margin"] == pytest.approx(0.02 * model["measured"].mean())
    difference = row(found, BOOTSTRAP, "r")
    assert difference["lower"] < 0 < difference["upper"]


def test_difference_interval_against_scipy() -> None:
    first, second = table("a", 0.3), table("b", 0.4, seed=2)
    errors = [np.abs(t["estimated"] - t["measured"]).to_numpy() for t in (first, second)]
    oracle = stats.bootstrap(
        (errors[0] - errors[1],), np.mean, n_resamples=6000, rng=np.random.default_rng(0)
    ).confidence_interval
    found = row(compare(first, second, resamples=6000), BOOTSTRAP, "mae")
    assert (found["lower"], found["upper"]) == pytest.approx((oracle.low, oracle.high), abs=0.008)


def test_unpaired_scans_are_counted() -> None:
    found = compare(table("a", 0.3), table("b", 0.3).iloc[10:].copy())
    assert set(found["n"]) == {70}
    assert set(found["unpaired"]) == {10}


def test_holm_is_over_the_measures() -> None:
    both = [
        pd.concat([table(name, noise, seed=seed), table(name, noise, seed=seed).assign(measure="TLC")])
        for name, noise, seed in (("a", 0.3, 1), ("b", 0.4, 2))
    ]
    found = compare(*both)
    wilcoxon = found.loc[found["test"] == WILCOXON]
    assert len(wilcoxon) == 2
    assert wilcoxon["p_holm"].tolist() == pytest.approx([2 * p for p in wilcoxon["p"]])


def test_repeated_scans_count_a_patient_once() -> None:
    first, second = table("a", 0.3), table("b", 0.4, seed=2)
    doubled = [pd.concat([t, t.assign(scan_id=t["scan_id"] + "b")]) for t in (first, second)]
    once, twice = compare(first, second), compare(*doubled)
    assert row(twice, WILCOXON)["p"] == pytest.approx(row(once, WILCOXON)["p"])
    assert row(twice, BOOTSTRAP, "mae")["n"] == 160
    width = [row(t, BOOTSTRAP, "mae")["upper"] - row(t, BOOTSTRAP, "mae")["lower"] for t in (once, twice)]
    assert width[1] == pytest.approx(width[0], rel=0.1)


def test_undefined_differences_have_reasons() -> None:
    first = table("a", 0.3)
    found = compare(first, first.assign(model="none", lower=np.nan, upper=np.nan))
    assert "undefined in one" in row(found, BOOTSTRAP, "coverage")["reason"]
    assert "do not differ" in row(found, WILCOXON)["reason"]
    few = compare(first.iloc[:2], table("b", 0.3).iloc[:2])
    assert "needs three" in few.iloc[0]["reason"]


def test_other_measurements_are_refused() -> None:
    first, second = table("a", 0.3), table("b", 0.3)
    second.loc[3, "measured"] += 0.1
    with pytest.raises(InputError, match="scan s3"):
        compare(first, second)
    with pytest.raises(InputError, match="share no scan"):
        compare(first, second.assign(set="validation"))


def test_all_named_metrics_are_there() -> None:
    found = compare(table("a", 0.3), table("b", 0.4, seed=2))
    assert set(comparison.COMPARED) <= set(found["metric"])
