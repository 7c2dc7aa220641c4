"""Negative control: a network trained on lung function that belongs to other patients knows nothing of anybody else.

It learns by heart those whom it was taught: were one of the unseen among them, it would show.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spiroct.workflows.train import train

RECIPE = """
[network]
name = "resnet3d"
width = 8
depths = [0, 1]
dropout = 0.0
[input]
spacing_mm = 8.0
patch = [24, 16, 16]
crop = "image-centre"
training_crop = "image-centre"
[fit]
epochs = 60
batch = 16
learning_rate = 1e-2
weight_decay = 0.0
"""
TAUGHT, TESTED = 100, 150
BOUND = 0.4  # 4 standard errors of R in 100 validation patients, 5 in 150 test patients
LEARNED, BY_HEART = 0.6, 0.9
MEASURES = ["DLCO", "FEV1", "FVC", "TLC"]


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def cohort(box_patients: Callable[[int], pd.DataFrame]) -> pd.DataFrame:
    """Return patients to be taught, in two folds, and patients to be tested."""
    table = box_patients(TAUGHT + TESTED)
    taught = table.index < TAUGHT
    return table.assign(split=np.where(taught, "train", "test"), fold=(1 + table.index % 2).where(taught)).astype(
        {"fold": "Int64"}
    )


def correlations(table: pd.DataFrame, folder: Path) -> pd.Series:
    """Train, and return R by (model, set, measure).

    The mean of the folds' for validation; the ensemble's for test; and for ``taught``, the mean of the folds' again,
    in copies of the patients that a fold's network was trained on, which come as other patients of the test set.
    """
    taught = table[table["split"] == "train"]
    copies = taught.assign(patient_id="copy-" + taught["patient_id"], split="test", fold=pd.NA)
    pd.concat([table, copies]).to_csv(folder / "cohort.csv", index=False)
    (folder / "tiny.toml").write_text(RECIPE)
    train(folder / "cohort.csv", out=folder / "out", recipe=str(folder / "tiny.toml"), seed=2, accelerator="cpu")
    told = pd.read_csv(folder / "out/predictions.csv")
    told = told[(told["quantity"] == "absolute") & ~told["model"].isin(["cohort_mean", "demographics"])]
    original = told["patient_id"].str.removeprefix("copy-")
    is_copy, home = original != told["patient_id"], original.map(taught.set_index("patient_id")["fold"]).astype(str)
    told = told.assign(set=told["set"].where(~is_copy, "taught"))
    told = told[
        (told["set"] == "validation")
        | ((told["set"] == "test") & (told["fold"] == "ensemble"))
        | (is_copy & (told["fold"] != "ensemble") & (told["fold"] != home))
    ]
    keys = ["model", "set", "measure", "fold"]
    # Within folds: each fold's constant leans away from its own patients' mean, which pooled would be a negative R.
    each = told.groupby(keys)[["measured", "estimated"]].apply(lambda rows: rows.corr().iloc[0, 1])
    return each.groupby(keys[:3]).mean()


def permuted(table: pd.DataFrame) -> pd.DataFrame:
    """Give every patient the four PFTs of another one, across folds and split."""
    order = np.random.default_rng(3).permutation(len(table))
    return table.assign(**{m: table[m].to_numpy()[order] for m in MEASURES})


@pytest.mark.slow
def test_permuted_lung_function_gives_no_correlation(cohort: pd.DataFrame, tmp_path: Path) -> None:
    found = correlations(permuted(cohort), tmp_path)
    unseen = found[found.index.get_level_values("set") != "taught"]
    assert {part for _, part, _ in unseen.index} == {"validation", "test"}
    assert float(unseen.abs().max()) < BOUND, found
    assert float(found["tiny", "taught"].min()) > BY_HEART, found


@pytest.mark.slow
def test_the_control_sees_what_can_be_learned(cohort: pd.DataFrame, tmp_path: Path) -> None:
    found = correlations(cohort, tmp_path)
    assert float(found["tiny"].min()) > LEARNED, found
