"""A head on a CT encoder that stays as it is: from the file to a checkpoint that predicts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from spiroct.networks.build import network_of
from spiroct.workflows.train import train

PATIENTS = 12
RECIPE = """
measures = ["TLC"]
[network]
name = "i3d_resnet152"
width = 4
depths = [1, 1, 1, 1]
frozen = true
[input]
spacing_mm = 8.0
window_hu = [-1000, 200]
patch = [24, 16, 16]
crop = "lung-centre"
training_crop = "lung-centre"
[fit]
epochs = 4
batch = 4
learning_rate = 1e-2
weight_decay = 1e-3
"""

pytestmark = pytest.mark.usefixtures("one_thread")


def test_every_scan_is_looked_at_once_for_all_folds(
    box_patients: Callable[[int], pd.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPIROCT_CACHE", str(tmp_path / "cache"))
    box_patients(PATIENTS).assign(split="train", fold=[1, 2] * 6).to_csv(tmp_path / "cohort.csv", index=False)
    (tmp_path / "frozen.toml").write_text(RECIPE)
    torch.manual_seed(5)
    architecture = {"name": "i3d_resnet152", "width": 4, "depths": [1, 1, 1, 1]}
    state = {k: v for k, v in network_of(architecture, outputs=1).state_dict().items() if not k.startswith("fc.")}
    torch.save({"state_dict": state}, tmp_path / "encoder.pt")
    out = tmp_path / "out"
    found = train(
        tmp_path / "cohort.csv", out=out, recipe=str(tmp_path / "frozen.toml"), init="ct",
        weights=tmp_path / "encoder.pt", accelerator="cpu",
    )  # fmt: skip
    assert found is not None
    assert len(list((tmp_path / "cache").glob("*.maps.npy"))) == PATIENTS
    for member in found.members:
        for name, value in state.items():
            np.testing.assert_array_equal(member.weights[name], value.numpy().astype(member.weights[name].dtype))
    assert not np.array_equal(found.members[0].weights["fc.weight"], found.members[1].weights["fc.weight"])
    # What the head was told in training is what the whole network says of the scan afterwards.
    history = pd.read_csv(out / "history.csv").groupby("fold").last()
    told = pd.read_csv(out / "predictions.csv").query("model == 'frozen-TLC' and quantity == 'absolute'")
    error = (told["measured"] - told["estimated"]).abs().groupby(told["fold"].astype(int)).mean()
    np.testing.assert_allclose(history["validation_mae"], error, atol=2e-3)  # weights are stored as float16
