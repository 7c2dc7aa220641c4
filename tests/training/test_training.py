"""Training on volumes small enough for a test: it learns, repeats itself, and refuses what cannot be learned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from spiroct.errors import InputError, OutputError
from spiroct.pft.measures import Measure
from spiroct.preprocessing.network_input import GridScan, to_input
from spiroct.preprocessing.recipe import InputRecipe
from spiroct.training.datasets import EpochOrder, ScanDataset
from spiroct.training.fit import Fit, Hardware, fit_network
from spiroct.training.recipe import Augmentation, FitRecipe, TrainingRecipe

RECIPE = TrainingRecipe(
    name="test",
    network={"name": "resnet3d", "width": 8, "depths": [1, 1], "dropout": 0.0},
    input=InputRecipe(spacing_mm=5.0, patch=(16, 16, 16), crop="image-centre", training_crop="image-centre"),
    fit=FitRecipe(epochs=16, batch=8, learning_rate=1e-2, weight_decay=1e-3),
    measures=(Measure.TLC,),
)


def scans_and_targets(n: int = 48) -> tuple[list[GridScan], np.ndarray]:
    """Return scans whose target is their mean brightness."""
    rng = np.random.default_rng(0)
    level = rng.uniform(-900, 300, n)
    scans = [GridScan((v + rng.normal(0, 60, (16, 16, 16))).astype(np.int16), None) for v in level]
    return scans, (5.0 + level[:, None] / 400.0)


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def fitted() -> Fit:
    scans, targets = scans_and_targets()
    return fit_network(scans, targets, RECIPE, training=np.arange(40), validation=np.arange(40, 48), seed=3)


def test_it_learns(fitted: Fit) -> None:
    first, last = fitted.history[0]["validation"], fitted.history[-1]["validation"]
    assert last < 0.45 < first  # 1 would be guessing the mean
    assert [int(row["epoch"]) for row in fitted.history] == list(range(1, 17))


def test_the_same_seed_gives_the_same_weights() -> None:
    scans, targets = scans_and_targets(20)
    recipe = replace(
        RECIPE, fit=replace(RECIPE.fit, epochs=2, augmentation=Augmentation(noise_hu=10.0, shift_voxels=1))
    )
    one, again, other = (
        fit_network(scans, targets, recipe, training=np.arange(16), validation=np.arange(16, 20), seed=seed)
        for seed in (3, 3, 4)
    )
    for name, value in one.state.items():
        assert np.array_equal(value, again.state[name]), name
    assert not np.array_equal(one.state["fc.weight"], other.state["fc.weight"])


def test_augmentation_follows_from_seed_epoch_and_scan() -> None:
    scans, targets = scans_and_targets(4)
    how = Augmentation(noise_hu=20.0, shift_voxels=2, offset_hu=5.0, blur_mm=4.0, mirror=True)
    recipe = replace(RECIPE, fit=replace(RECIPE.fit, augmentation=how))
    one, other = (ScanDataset(scans, targets, np.zeros((4, 0)), recipe, 7) for _ in range(2))
    assert np.array_equal(one[3, 2][0], other[3, 2][0])
    assert not np.array_equal(one[3, 2][0], other[4, 2][0])
    plain = ScanDataset(scans, targets, np.zeros((4, 0)), recipe, None)
    assert np.array_equal(plain[2][0], to_input(scans[2], recipe.input).array)


def test_every_epoch_has_its_order_and_devices_share_it_out() -> None:
    order = EpochOrder(9, 5)
    first = list(order)
    assert sorted(index for _, index in first) == list(range(9))
    order.set_epoch(1)
    assert [index for _, index in order] != [index for _, index in first]
    shares = [list(EpochOrder(9, 5, rank=rank, world=2)) for rank in (0, 1)]
    assert [pair for pairs in zip(*shares, strict=True) for pair in pairs] == first[:8]


def test_missing_values_are_left_out_of_the_loss() -> None:
    """With a quarter of the targets missing the rest is learned; one NaN in the loss would end it."""
    scans, targets = scans_and_targets()
    targets[::4] = np.nan
    found = fit_network(scans, targets, RECIPE, training=np.arange(40), validation=np.arange(40, 48))
    assert found.history[-1]["training"] < 0.4 < found.history[0]["training"]
    assert found.scaler.mean[0] == pytest.approx(float(np.nanmean(targets[:40])))


@pytest.mark.parametrize(
    ("change", "words"), [(lambda t: t * 0 + 4.0, "same in every patient"), (lambda t: t * np.nan, "0 values")]
)
def test_nothing_to_learn(change: object, words: str) -> None:
    scans, targets = scans_and_targets(12)
    with pytest.raises(InputError, match=words):
        fit_network(scans, change(targets), RECIPE, training=np.arange(10), validation=np.arange(10, 12))


def test_a_loss_that_explodes_is_told() -> None:
    scans, targets = scans_and_targets(12)
    recipe = replace(RECIPE, fit=replace(RECIPE.fit, learning_rate=1e30))
    with pytest.raises(InputError, match="lower the learning rate"):
        fit_network(scans, targets, recipe, training=np.arange(10), validation=np.arange(10, 12))


class TestResuming:
    RECIPE = replace(
        RECIPE, network={**RECIPE.network, "dropout": 0.2}, fit=replace(RECIPE.fit, epochs=4, keep="best-loss")
    )

    @staticmethod
    def fit(recipe: TrainingRecipe, folder: Path | None = None) -> Fit:
        scans, targets = scans_and_targets(24)
        return fit_network(
            scans, targets, recipe, training=np.arange(20), validation=np.arange(20, 24), seed=3, folder=folder
        )

    def test_stopped_in_mid_epoch_it_ends_as_if_nothing_had_happened(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from spiroct.training.regression import Regression

        whole, step = self.fit(self.RECIPE), Regression.training_step

        class PowerCutError(Exception):
            pass

        def cut(module: Regression, batch: tuple, index: int) -> torch.Tensor:
            if module.current_epoch == 2 and index == 1:
                raise PowerCutError
            return step(module, batch, index)

        monkeypatch.setattr(Regression, "training_step", cut)
        with pytest.raises(PowerCutError):
            self.fit(self.RECIPE, tmp_path)
        monkeypatch.undo()
        resumed = self.fit(self.RECIPE, tmp_path)
        assert [row["epoch"] for row in resumed.history] == [1, 2, 3, 4]
        assert resumed.best_epoch == whole.best_epoch
        for name, value in whole.state.items():
            assert np.array_equal(value, resumed.state[name]), name

    def test_an_early_end_stays_the_end(self, tmp_path: Path) -> None:
        impatient = replace(self.RECIPE, fit=replace(self.RECIPE.fit, epochs=30, patience=1, learning_rate=5e-2))
        first, again = self.fit(impatient, tmp_path), self.fit(impatient, tmp_path)
        assert len(first.history) < 30
        assert [r["epoch"] for r in first.history] == [r["epoch"] for r in again.history]

    def test_a_full_disk_is_told_and_the_epoch_before_is_kept(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import lightning.pytorch as pl

        save, saved = pl.Trainer.save_checkpoint, []

        def full(trainer: pl.Trainer, path: Path) -> None:
            if trainer.current_epoch == 2:
                raise OSError(28, "No space left on device")
            saved.append(1)
            save(trainer, path)

        monkeypatch.setattr(pl.Trainer, "save_checkpoint", full)
        with pytest.raises(OutputError, match="make room"):
            self.fit(self.RECIPE, tmp_path)
        monkeypatch.undo()
        assert len(saved) == 2
        assert [r["epoch"] for r in self.fit(self.RECIPE, tmp_path).history] == [1, 2, 3, 4]


def test_forgetting_activations_changes_no_weight() -> None:
    scans, targets = scans_and_targets(16)
    recipe = replace(RECIPE, network={"name": "x3d", "size": "XS", "z_stride": 2, "dropout": 0.0})
    recipes = (replace(recipe, fit=replace(recipe.fit, epochs=1, checkpoint_activations=c)) for c in (False, True))
    one, other = (fit_network(scans, targets, r, training=np.arange(12), validation=np.arange(12, 16)) for r in recipes)
    for name, value in one.state.items():
        assert np.array_equal(value, other.state[name]), name


@pytest.mark.slow
def test_two_processes_learn_as_one_with_twice_the_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without batch statistics: two devices in step are one device that adds up two batches."""
    from spiroct.training.regression import Regression

    def keep_the_first(module: Regression, _optimiser: object) -> None:
        kind = "two" if module.trainer.world_size > 1 else "one"
        if module.trainer.global_step == 0 and module.trainer.is_global_zero:
            torch.save({name: p.grad for name, p in module.network.named_parameters()}, tmp_path / kind)

    monkeypatch.setattr(Regression, "on_before_optimizer_step", keep_the_first, raising=False)
    scans, targets = scans_and_targets(24)
    network = {"name": "resnet3d", "width": 8, "depths": [1, 1], "norm": "group", "dropout": 0.0}
    recipe = replace(RECIPE, network=network, fit=replace(RECIPE.fit, epochs=2, batch=4, learning_rate=1e-3))
    alone = replace(recipe, fit=replace(recipe.fit, accumulate=2))
    rows = {"training": np.arange(16), "validation": np.arange(16, 24)}
    one = fit_network(scans, targets, alone, **rows, hardware=Hardware("cpu"))
    two = fit_network(scans, targets, recipe, **rows, folder=tmp_path, hardware=Hardware("cpu", 2))
    assert [r["epoch"] for r in two.history] == [1, 2]
    for name, value in one.state.items():
        np.testing.assert_allclose(two.state[name], value, atol=1e-3, err_msg=name)
    first, again = (torch.load(tmp_path / kind, weights_only=True) for kind in ("one", "two"))
    for name, gradient in first.items():
        torch.testing.assert_close(again[name], gradient, atol=1e-5, rtol=0, msg=lambda m, n=name: f"{n}: {m}")
    assert max(float(gradient.abs().max()) for gradient in first.values()) > 1e-2
