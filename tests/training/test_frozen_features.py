"""A frozen encoder looks once: the same head as from looking in every epoch, from entries that can be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from spiroct.networks.i3d_resnet import I3DResNet
from spiroct.networks.network import Network
from spiroct.pft.measures import Measure
from spiroct.preprocessing.network_input import GridScan
from spiroct.preprocessing.recipe import InputRecipe
from spiroct.training.fit import Fit, fit_network
from spiroct.training.recipe import Augmentation, FitRecipe, TrainingRecipe

RECIPE = TrainingRecipe(
    name="frozen",
    network={"name": "i3d_resnet152", "width": 4, "depths": [1, 1, 1, 1], "frozen": True, "hidden": 8},
    input=InputRecipe(spacing_mm=5.0, patch=(32, 32, 32), crop="image-centre", training_crop="image-centre"),
    fit=FitRecipe(epochs=3, batch=4, learning_rate=1e-2, weight_decay=1e-3, keep="best-loss"),
    measures=(Measure.TLC, Measure.FVC),
    aux="demographics",
)
# Scans without a lung mask lie about the centre of the image whatever the crop: the same inputs, drawn in every epoch.
VARIED = replace(RECIPE, input=replace(RECIPE.input, training_crop="covering-lungs"))
HEAD = {"hidden.weight", "hidden.bias", "fc.weight", "fc.bias"}

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Return a list that grows by the batch whenever an encoder looks at volumes."""
    seen: list[int] = []
    features = I3DResNet.features

    def counted(network: I3DResNet, volume: torch.Tensor) -> torch.Tensor:
        seen.append(len(volume))
        return features(network, volume)

    monkeypatch.setattr(I3DResNet, "features", counted)
    return seen


def fit(
    recipe: TrainingRecipe,
    cache: Path | None = None,
    folder: Path | None = None,
    mean: float = 0.0,
    seed: int = 3,
) -> Fit:
    rng = np.random.default_rng(0)
    level = rng.uniform(-900, 300, 12)
    scans = [GridScan((v + rng.normal(0, 60, (32, 32, 32))).astype(np.int16), None) for v in level]
    targets = np.stack([5 + level / 400, 3 + rng.normal(0, 1, 12)], axis=1)
    targets[2, 1] = np.nan

    def initialise(network: Network, _scaler: object) -> None:
        """Give the encoder a batch statistic to keep."""
        torch.nn.init.constant_(network.bn1.running_mean, mean)

    return fit_network(
        scans, targets, recipe, training=np.arange(8), validation=np.arange(8, 12), seed=seed, initialise=initialise,
        covariates=rng.normal(size=(12, 3)), cache=cache, folder=folder,
    )  # fmt: skip


def test_the_head_is_that_of_looking_in_every_epoch(tmp_path: Path, looks: list[int]) -> None:
    once = fit(RECIPE, tmp_path)
    assert looks == [1] * 12
    always = fit(VARIED)
    assert sum(looks) == 12 + 3 * 12
    assert once.best_epoch == always.best_epoch
    for a, b in zip(once.history, always.history, strict=True):
        assert [a["training"], a["validation"]] == pytest.approx([b["training"], b["validation"]], rel=1e-4)
    assert once.history[-1]["training"] != once.history[0]["training"]
    assert once.state.keys() == always.state.keys()
    for name, value in always.state.items():
        if name in HEAD:
            np.testing.assert_allclose(once.state[name], value, atol=1e-5, err_msg=name)
        else:
            assert np.array_equal(once.state[name], value), name  # batch statistics too
    assert np.all(once.state["bn1.running_mean"] == 0)


def test_other_weights_are_looked_with_again_and_the_same_are_not(tmp_path: Path, looks: list[int]) -> None:
    first = fit(RECIPE, tmp_path)
    again = fit(RECIPE, tmp_path)
    assert len(looks) == 12
    assert all(np.array_equal(again.state[name], value) for name, value in first.state.items())
    fit(RECIPE, tmp_path, mean=0.1)  # a batch statistic, the rest the same
    assert len(looks) == 24
    fit(RECIPE, tmp_path, seed=4)  # all weights
    assert len(looks) == 36
    fit(replace(RECIPE, input=replace(RECIPE.input, window_hu=(-1000.0, 200.0))), tmp_path)  # other inputs
    assert len(looks) == 48


def test_a_damaged_entry_is_made_again(tmp_path: Path, looks: list[int]) -> None:
    whole = fit(RECIPE, tmp_path)
    damaged, cut, *_ = sorted(tmp_path.glob("*.maps.npy"))
    raw = bytearray(damaged.read_bytes())
    raw[-2] ^= 1
    damaged.write_bytes(bytes(raw))
    cut.write_bytes(cut.read_bytes()[:-4])
    next(iter(tmp_path.glob("*.json"))).unlink()
    again = fit(RECIPE, tmp_path)
    assert 12 + 2 <= len(looks) <= 12 + 3
    assert all(np.array_equal(again.state[name], value) for name, value in whole.state.items())
    fit(RECIPE, tmp_path)
    assert len(looks) <= 12 + 3


@pytest.mark.parametrize("how", [{"noise_hu": 5.0}, {"shift_voxels": 1}, {"mirror": True}])
def test_varied_inputs_are_looked_at_in_every_epoch_and_that_is_told(
    how: dict[str, float], looks: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    recipe = replace(RECIPE, fit=replace(RECIPE.fit, epochs=2, augmentation=Augmentation(**how)))
    fit(recipe)
    assert sum(looks) == 2 * 12
    assert f"({next(iter(how))})" in caplog.text


def test_a_resumed_training_ends_as_an_uninterrupted_one(tmp_path: Path) -> None:
    short = replace(RECIPE, fit=replace(RECIPE.fit, schedule="constant"))
    whole = fit(short)
    fit(replace(short, fit=replace(short.fit, epochs=2)), folder=tmp_path)
    assert (tmp_path / ".last.ckpt").stat().st_size < 100_000  # the head's state, not the encoder's
    resumed = fit(short, folder=tmp_path)
    assert [row["epoch"] for row in resumed.history] == [1, 2, 3]
    for name, value in whole.state.items():
        np.testing.assert_array_equal(resumed.state[name], value, err_msg=name)
