"""The table at the terminal and the tidy rows of predictions.csv."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from spiroct.inference.prediction import Interpreted, Prediction
from spiroct.pft.measures import Measure
from spiroct.quality.verdict import Outcome, Verdict
from spiroct.reporting.table import PREDICTION_COLUMNS, prediction_rows, prediction_table, write_predictions

Make = Callable[..., Prediction]
CONTRACT = "patient_id, scan_id, model, set, fold, measure, quantity, unit, measured, estimated, lower, upper, level"


def test_rows_follow_the_contract(make_prediction: Make) -> None:
    rows = prediction_rows(make_prediction())
    assert ", ".join(PREDICTION_COLUMNS) == CONTRACT
    assert all(tuple(row) == PREDICTION_COLUMNS for row in rows)
    keys = ("scan_id", "model", "set", "fold", "measure", "quantity")
    assert len({tuple(row[k] for k in keys) for row in rows}) == len(rows) == 8
    assert rows[0] == {
        "patient_id": "series-3f1c09a2b7de", "scan_id": "series-3f1c09a2b7de", "model": "demonstration-simulated",
        "set": "external", "fold": "ensemble", "measure": "DLCO", "quantity": "absolute", "unit": "mmol/min/kPa",
        "measured": None, "estimated": 4.62, "lower": None, "upper": None, "level": None,
    }  # fmt: skip


def test_percent_rows_rescale_the_interval_by_the_predicted_value(trained_on_patients: Prediction) -> None:
    row = next(
        r
        for r in prediction_rows(trained_on_patients, patient_id="p7", set_name="test", fold="2")
        if (r["measure"], r["quantity"]) == ("FVC", "percent_predicted")
    )
    assert (row["patient_id"], row["set"], row["fold"], row["unit"]) == ("p7", "test", "2", "%")
    assert (row["lower"], row["upper"]) == pytest.approx((100 * 1.99 / 3.55, 100 * 3.09 / 3.55))
    assert row["estimated"] == pytest.approx(70.1)
    assert row["measured"] == pytest.approx(70.1 * 1.04)
    assert row["level"] == 0.9


def test_without_a_reference_there_are_absolute_rows_only(without_reference: Prediction) -> None:
    assert {r["quantity"] for r in prediction_rows(without_reference)} == {"absolute"}


def test_the_file_reads_back_and_missing_is_empty(make_prediction: Make, tmp_path: Path) -> None:
    path = tmp_path / "predictions.csv"
    broken = {Measure.FVC: Interpreted(float("nan"), reason="no lungs")}
    write_predictions([make_prediction(), make_prediction(scan_id="b", estimates=broken)], path)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 9
    assert float(rows[0]["estimated"]) == 4.62
    assert rows[0]["measured"] == rows[-1]["estimated"] == ""
    assert b"\r" not in path.read_bytes()


def test_table_is_short_aligned_and_says_what_it_is_good_for(make_prediction: Make) -> None:
    lines = prediction_table(make_prediction()).splitlines()
    assert len(lines) <= 14
    assert lines[1].startswith("DEMONSTRATION ONLY")
    assert lines[2].split()[:3] == ["measure", "estimate", "unit"]
    assert " ".join(lines[3].split()) == "DLCO 4.62 mmol/min/kPa (= 13.8 mL/min/mmHg) \u2013 60 \u22123.05 5.86"
    ends = {line.rindex(line.split()[-1]) + len(line.split()[-1]) for line in lines[3:7]}
    assert len(ends) == 1
    assert "CT lung volume: 3.87 L (right 2.09 L, left 1.78 L)" in lines
    assert "quality: 1 warning, 3 passed" in lines
    assert lines[-1] == "interpretation: demonstration only"
    assert sum("no interval" in line for line in lines) == 1


def test_measured_values_get_a_column_of_their_own(trained_on_patients: Prediction) -> None:
    lines = prediction_table(trained_on_patients).splitlines()
    assert "DEMONSTRATION" not in "".join(lines)
    assert lines[1].split()[-1] == "measured"
    assert lines[2].split()[-1] == "4.80"
    assert "4.12 to 5.22" in lines[2]


def test_failures_and_overrides_are_told(make_prediction: Make) -> None:
    failed = Verdict("lungs_cut", Outcome.FAIL, 12.0, "at most 2 cm2", "The base is missing", "Scan it whole")
    table = prediction_table(make_prediction(quality=(failed, failed), overrides=("lungs_cut: 12 (limit: 2)",)))
    assert "quality: 2 failed, 0 passed" in table
    assert "  fail: The base is missing" in table
    assert "OVERRIDDEN with --force: lungs_cut: 12 (limit: 2)" in table


def test_reasons_name_the_measures_they_are_about(make_prediction: Make) -> None:
    base = make_prediction()
    old = dataclasses.replace(base.estimates[Measure.TLC], reason="GLI-2021 ends at 80 years.")
    table = prediction_table(make_prediction(estimates={**base.estimates, Measure.TLC: old}))
    assert "TLC: GLI-2021 ends at 80 years\n" in table
