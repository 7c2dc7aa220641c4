"""Who is taken, who is permuted, who is given to fine-tuning and to pretraining."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spiroct.cohort.cohort import Cohort
from spiroct.cohort.folds import draw_folds, draw_split
from spiroct.errors import InputError
from spiroct.pft.measures import Measure
from spiroct.studies.characteristics import characteristics, table_one
from spiroct.studies.cohorts import permuted, pretraining_split, simulated_origin, tuning_split
from spiroct.studies.inclusion import INCOMPLETE, INTERVAL, QUALITY, cohort_measures, include, without_failures
from spiroct.workflows.simulate import simulate_cohort


@pytest.fixture
def cohort() -> Cohort:
    """Return forty patients, two scans of the first."""
    rng = np.random.default_rng(3)
    n = 41
    table = pd.DataFrame(
        {
            "patient_id": [f"p{max(i - 1, 0)}" for i in range(n)],
            "scan_id": [f"s{i}" for i in range(n)],
            "image": "x.nii.gz",
            "sex": np.where(np.arange(n) % 4 == 0, "M", "F"),
            "age": rng.uniform(30, 70, n),
            "height_cm": rng.uniform(155, 180, n),
            "DLCO": rng.uniform(3, 9, n),
            "FEV1": rng.uniform(1, 4, n),
            "FVC": rng.uniform(2, 5, n),
            "TLC": rng.uniform(3, 7, n),
            "ct_pft_interval_days": 2.0,
        }
    )
    return draw_folds(draw_split(Cohort(table, Path())))


def test_the_papers_rules_in_their_order(cohort: Cohort) -> None:
    table = cohort.table.copy()
    table.loc[0, "ct_pft_interval_days"] = -11.0
    table.loc[0, "DLCO"] = np.nan  # counted once, by the first rule
    table.loc[1, "ct_pft_interval_days"] = 10.0
    table.loc[2, "ct_pft_interval_days"] = np.nan
    table.loc[3, ["FVC", "TLC"]] = np.nan
    found = include(cohort.with_table(table))
    assert found.excluded.to_dict("records") == [
        {"scan_id": "s0", "rule": INTERVAL, "reason": "11 days"},
        {"scan_id": "s3", "rule": INCOMPLETE, "reason": "no FVC, TLC"},
    ]
    judged = without_failures(found, pd.DataFrame({"scan_id": ["s7"], "reason": ["cut lungs"]}))
    assert judged.counts() == {INTERVAL: 1, INCOMPLETE: 1, QUALITY: 1}
    assert len(judged.cohort) == judged.selected - 3
    with pytest.raises(InputError, match="patients are left"):
        without_failures(found, pd.DataFrame({"scan_id": [f"s{i}" for i in range(5, 41)], "reason": "bad"}))


def test_a_measure_that_nobody_has_is_no_incomplete_test(cohort: Cohort) -> None:
    table = cohort.table.assign(DLCO=np.nan, TLC=np.nan)
    assert cohort_measures(cohort.with_table(table)) == (Measure.FEV1, Measure.FVC)
    assert include(cohort.with_table(table)).counts()[INCOMPLETE] == 0


def test_permuted_function_is_another_patients(cohort: Cohort) -> None:
    names = [m.value for m in Measure]
    drawn = permuted(cohort, 5).table
    test = cohort.table["split"] == "test"
    for part in (test, ~test):
        before, after = cohort.table.loc[part, names].to_numpy(), drawn.loc[part, names].to_numpy()
        assert (before != after).all()  # nobody keeps his own
        assert sorted(map(tuple, before)) == sorted(map(tuple, after))  # whole rows, within the part
    pd.testing.assert_frame_equal(drawn.drop(columns=names), cohort.table.drop(columns=names))
    pd.testing.assert_frame_equal(drawn, permuted(cohort, 5).table)
    assert not drawn.equals(permuted(cohort, 6).table)


def test_fine_tuning_sees_some_patients_and_no_scan_of_the_others(cohort: Cohort) -> None:
    table = tuning_split(cohort, 1).table
    seen = set(table.loc[table["split"] == "train", "patient_id"])
    assert len(seen) == 20  # half of forty, for fifty would leave too few
    assert not seen & set(table.loc[table["split"] == "test", "patient_id"])
    assert table.loc[table["split"] == "train", "fold"].nunique() == 4
    assert table.loc[table["split"] == "test", "fold"].isna().all()


def test_pretraining_learns_from_nine_tenths_in_its_first_network(cohort: Cohort) -> None:
    table = pretraining_split(cohort, 1).table
    assert (table["split"] == "train").all()
    assert table.loc[table["fold"] == 1, "patient_id"].nunique() == 4
    assert set(table["fold"]) == {1, 2}


def test_table_one_counts_by_hand(cohort: Cohort) -> None:
    found = characteristics(cohort).set_index(["set", "characteristic"])
    assert found.loc[("all", "female"), "value"] == (cohort.table["sex"] == "F").sum()
    assert found.loc[("all", "FVC"), "value"] == pytest.approx(cohort.table["FVC"].mean(), abs=1e-12)
    assert found.loc[("test", "FVC"), "sd"] == pytest.approx(
        cohort.table.loc[cohort.table["split"] == "test", "FVC"].std(), abs=1e-12
    )
    rows = {row[0]: row for row in table_one(characteristics(cohort)).rows}
    assert rows["FVC"][-1] == "3.32±0.97"
    assert rows["FVC %pred"][-1] == "90.58±18.97"
    assert rows["patients"][2:] == ("40", *rows["patients"][3:5], "316")


def test_a_simulated_cohort_is_known_by_its_record(tmp_path: Path) -> None:
    simulate_cohort(tmp_path / "c", n=4, seed=3, spacing=8.0, images=False)
    found = simulated_origin(tmp_path / "c/cohort.csv")
    assert found == {"n": 4, "seed": 3, "site": "A", "preset": "ssc", "variant": 1, "spacing": 8.0}
    simulate_cohort(tmp_path / "p", n=4, seed=3, spacing=8.0, images=False, permute=True)
    with pytest.raises(InputError, match="permuted"):
        simulated_origin(tmp_path / "p/cohort.csv")
    (tmp_path / "real").mkdir()
    assert simulated_origin(tmp_path / "real/cohort.csv") is None
