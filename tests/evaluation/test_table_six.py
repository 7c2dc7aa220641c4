"""Table 6 from tidy tables: which columns meet, what is said of each measure, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spiroct.biomarkers.vocabulary import VOCABULARY
from spiroct.errors import InputError, UsageError
from spiroct.evaluation.table_six import PAPER_BIOMARKERS, regression_table, table_six


def cohort(n: int = 64, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tidy predictions and biomarkers of a made-up cohort whose DLCO depends on lung volume beyond the network."""
    rng = np.random.default_rng(seed)
    ids = [f"p{i:03}" for i in range(n)]
    values = {name: rng.normal(size=n) for name in PAPER_BIOMARKERS}
    predictions, biomarkers = [], []
    for measure in ("DLCO", "TLC"):
        estimate = rng.normal(5, 1.5, n)
        measured = estimate + (0.9 * values["V_lung"] if measure == "DLCO" else 0) + rng.normal(0, 0.8, n)
        predictions += [
            {"patient_id": i, "scan_id": i, "measure": measure, "quantity": "absolute", "measured": m, "estimated": e}
            for i, m, e in zip(ids, measured, estimate, strict=True)
        ]
    for name, (region, biomarker) in PAPER_BIOMARKERS.items():
        biomarkers += [
            {"scan_id": i, "region": region, "biomarker": biomarker, "value": v, "unit": "", "grid": "native"}
            for i, v in zip(ids, values[name], strict=True)
        ]
    # rows in another order, and another region with the same name: only the identifiers may join them
    noise = [{**row, "region": "right_lung", "value": 99.0} for row in biomarkers[:5]]
    return pd.DataFrame(predictions), pd.DataFrame([*biomarkers[::-1], *noise])


def test_the_names_are_those_that_are_measured() -> None:
    assert {name for _, name in PAPER_BIOMARKERS.values()} <= set(VOCABULARY)
    assert {region for region, _ in PAPER_BIOMARKERS.values()} == {"lungs"}


def test_one_row_a_scan_joined_by_its_name() -> None:
    predictions, biomarkers = cohort()
    table = regression_table(predictions, biomarkers, "DLCO")
    assert list(table.columns) == ["patient_id", "scan_id", "measured", "NetDLCO", *PAPER_BIOMARKERS]
    rows = biomarkers.loc[(biomarkers["region"] == "lungs") & (biomarkers["biomarker"] == "volume")].set_index(
        "scan_id"
    )
    assert table["V_lung"].tolist() == rows.loc[table["scan_id"], "value"].tolist()


def test_what_the_cohort_was_made_of_is_found() -> None:
    predictions, biomarkers = cohort()
    found = table_six(predictions, biomarkers, repeats=3)
    dlco = found.steps.loc[found.steps["measure"] == "DLCO", "predictors"].tolist()
    assert dlco[:2] == ["NetDLCO", "NetDLCO, V_lung"]
    assert found.steps.loc[found.steps["measure"] == "TLC", "predictor"].iloc[0] == "NetTLC"
    honest = found.honest.set_index(["measure", "method"])
    assert set(honest.index) == {(m, k) for m in ("DLCO", "TLC") for k in ("stepwise", "lasso")}
    assert (honest["optimism"] > 0).all()
    assert honest.loc[("DLCO", "stepwise"), "gain"] > 0.05
    assert honest.loc[("TLC", "stepwise"), "gain"] < 0.02
    assert honest["sentence"].str.contains("64 patients").all()
    often = found.frequency.set_index(["measure", "method", "predictor"])["chosen"]
    assert often["DLCO", "stepwise", "V_lung"] == 1
    assert {"vif", "standardised"} <= set(found.coefficients.columns)
    assert not found.reasons


def test_a_measure_that_cannot_be_regressed_says_why() -> None:
    predictions, biomarkers = cohort()
    predictions.loc[predictions["measure"] == "TLC", "measured"] = np.nan
    found = table_six(predictions, biomarkers, repeats=1)
    assert set(found.steps["measure"]) == {"DLCO"}
    assert "0 patients with all of measured, NetTLC" in found.reasons["TLC"]
    predictions["measured"] = np.nan
    assert table_six(predictions, biomarkers).steps.empty


def test_percent_predicted_is_not_mixed_in() -> None:
    predictions, biomarkers = cohort()
    both = pd.concat([predictions, predictions.assign(quantity="percent_predicted", estimated=80.0)])
    pd.testing.assert_frame_equal(
        regression_table(both, biomarkers, "TLC"), regression_table(predictions, biomarkers, "TLC")
    )


def test_refusals() -> None:
    predictions, biomarkers = cohort()
    with pytest.raises(UsageError, match="scan p000 has several estimates of DLCO"):
        table_six(pd.concat([predictions, predictions]), biomarkers)
    with pytest.raises(InputError, match="predictions without column quantity"):
        table_six(predictions.drop(columns="quantity"), biomarkers)
    with pytest.raises(InputError, match="biomarkers without column grid"):
        table_six(predictions, biomarkers.drop(columns="grid"))
    with pytest.raises(InputError, match="no biomarker alpha of lungs"):
        table_six(predictions, biomarkers.loc[biomarkers["biomarker"] != "alpha"])
    other = pd.concat([biomarkers, biomarkers.assign(grid="1.5 mm", value=biomarkers["value"] + 1)])
    with pytest.raises(InputError, match=r"several values of perc85 of lungs.*name the grid"):
        table_six(predictions, other)
    table = regression_table(predictions, other, "DLCO", grid="1.5 mm")
    assert table["beta"].iloc[0] == pytest.approx(regression_table(predictions, biomarkers, "DLCO")["beta"].iloc[0] + 1)
