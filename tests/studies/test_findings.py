"""Verdicts on made-up predictions whose truth is known by construction."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spiroct.cohort.predictions import COLUMNS
from spiroct.evaluation.comparison import compare
from spiroct.evaluation.metric_table import metric_table
from spiroct.pft.measures import Measure
from spiroct.studies.contrasts import contrast_table
from spiroct.studies.findings import (
    biomarker_finding,
    contrast_findings,
    discrepancies,
    permuted_finding,
    repeatability_finding,
)
from spiroct.studies.transport import recalibrated

N = 80


def predictions(noise: dict[str, float], seed: int = 0) -> pd.DataFrame:
    """Estimates of models whose error has a known standard deviation, four folds each."""
    rng = np.random.default_rng(seed)
    truth = {m: rng.normal(5, 1.5, N) for m in Measure}
    rows = []
    for model, sd in noise.items():
        for m in Measure:
            estimated = truth[m] + rng.normal(0, sd, N)
            rows += [(f"p{i}", f"p{i}", model, "validation", str(i % 4 + 1), m.value, "absolute", m.unit,
                      truth[m][i], estimated[i], np.nan, np.nan, np.nan) for i in range(N)]  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


def found(noise: dict[str, float]) -> tuple[pd.DataFrame, dict[str, str]]:
    table = contrast_table({"patients": predictions(noise)}, seeds=1, resamples=200)
    return table, {f.question: f.verdict for f in contrast_findings(table)}


def test_a_much_better_network_is_as_in_the_paper() -> None:
    table, verdicts = found({"transfer, 4 outputs": 0.3, "from scratch, 4 outputs": 1.5})
    assert verdicts == {"Q2": "as in the paper"}
    assert discrepancies(table).empty
    mae = table.loc[table["metric"] == "mae"]
    assert (mae["upper"] < 0).all()
    assert mae.loc[mae["measure"] == "DLCO", ["published", "published_against"]].to_numpy().tolist() == [[1.04, 1.25]]


def test_a_much_worse_network_is_not_and_is_listed() -> None:
    table, verdicts = found({"transfer, 4 outputs": 1.5, "from scratch, 4 outputs": 0.3})
    assert verdicts == {"Q2": "not as in the paper"}
    listed = discrepancies(table)
    assert len(listed) == 4
    assert not listed["allowed"].any()


def test_equal_networks_are_equal_where_that_was_found_and_undecided_where_not() -> None:
    _, verdicts = found({"transfer, 4 outputs": 1.0, "transfer, 1 output": 1.0})
    assert verdicts == {"Q4": "as in the paper"}
    _, verdicts = found({"transfer, 4 outputs": 1.0, "transfer, 1 output": 3.0})
    assert verdicts == {"Q4": "not as in the paper"}


def test_seeds_are_told_beside_each_other() -> None:
    noise = {"whole CT": 0.5, "both lungs": 1.0, "whole CT, seed 2": 0.6, "both lungs, seed 2": 1.2}
    table = contrast_table({"patients": predictions(noise)}, seeds=3, resamples=200)
    assert set(table["seed"]) == {1, 2}  # the third is not there
    (one,) = contrast_findings(table)
    assert one.verdict == "as in the paper"
    assert "by seed" in one.sentence


def test_seeds_that_disagree_leave_it_undecided() -> None:
    noise = {"whole CT": 0.5, "both lungs": 1.0, "whole CT, seed 2": 1.0, "both lungs, seed 2": 0.5}
    (one,) = contrast_findings(contrast_table({"patients": predictions(noise)}, seeds=2, resamples=200))
    assert one.verdict == "undecided"


def test_numbers_are_those_of_the_comparison() -> None:
    noise = {"transfer, 4 outputs": 0.5, "from scratch, 4 outputs": 0.8}
    table = predictions(noise)
    ours = contrast_table({"patients": table}, seeds=1, resamples=200).set_index(["measure", "metric"])
    own, other = (table.loc[table["model"] == name] for name in noise)
    theirs = compare(own, other, resamples=200)
    boot = theirs.loc[(theirs["test"] == "paired bootstrap") & (theirs["metric"] == "mae")].set_index("measure")
    for m in Measure:
        for column in ("difference", "lower", "upper"):
            assert ours.loc[(m.value, "mae"), column] == pytest.approx(boot.loc[m.value, column], abs=1e-12)


def test_controls_tell_what_nothing_looks_like() -> None:
    rng = np.random.default_rng(1)
    table = predictions({"permuted PFTs": 1.0})
    table["estimated"] = rng.normal(5, 1, len(table))
    everyone = table.assign(set="test", fold="ensemble")
    metrics = metric_table(pd.concat([table, everyone]), resamples=100)
    sentence = permuted_finding(metrics).sentence
    assert "of 4 measures" in sentence
    assert permuted_finding(metric_table(pd.concat([table, everyone.assign(estimated=everyone["measured"] + 0.1)]),
                                         resamples=100)).sentence.endswith("0 of 4 measures")  # fmt: skip


def test_errors_above_repeatability() -> None:
    table = predictions({"x": 1.0}).assign(set="test", fold="ensemble")
    metrics = metric_table(table, resamples=100)
    high = repeatability_finding(metrics, dict.fromkeys((m.value for m in Measure), 1.0))
    low = repeatability_finding(metrics, dict.fromkeys((m.value for m in Measure), 99.0))
    assert (high.verdict, low.verdict) == ("as in the paper", "not as in the paper")


def test_biomarkers_that_could_not_be_measured_are_said_to_be() -> None:
    columns = [*Measure, *(f"{m}%pred" for m in Measure)]
    rows = [(b, str(c), np.nan if b == "beta" else 0.5, 0.4, 0.6, np.nan if b == "beta" else 0.001, 60)
            for b in ("V_lung", "Perc85", "beta") for c in columns]  # fmt: skip
    table = pd.DataFrame(rows, columns=["row", "column", "r", "lower", "upper", "p", "n"])
    one = biomarker_finding(table)
    assert one.verdict == "undecided"
    assert "beta could not be measured" in one.sentence


def test_recalibration_mends_a_straight_line() -> None:
    rng = np.random.default_rng(2)
    measured = rng.normal(4, 1, (30, 2))
    estimates = (measured - 1.0) / 2.0
    given = np.arange(30) < 10
    np.testing.assert_allclose(recalibrated(estimates, measured, given), measured, atol=1e-12)
