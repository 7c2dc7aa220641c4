"""Training on volumes small enough for a test: it learns, repeats itself, and refuses what cannot be learned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from spiroct.errors import InputError, UsageError
from spiroct.pft.measures import Measure
from spiroct.preprocessing.network_input import GridScan, to_input
from spiroct.preprocessing.recipe import InputRecipe
from spiroct.training.fit import Fit, ScanDataset, fit_network
from spiroct.training.input_cache import cached_scan
from spiroct.training.recipe import FitRecipe, TrainingRecipe, load_recipe, recipe_names

RECIPE = TrainingRecipe(
    name="test",
    network={"name": "x3d", "size": "XS", "z_stride": 2, "dropout": 0.0},
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


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Use one thread: for volumes this small more of them only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def fitted() -> Fit:
    scans, targets = scans_and_targets()
    return fit_network(scans, targets, RECIPE, training=np.arange(40), validation=np.arange(40, 48), seed=3)


def test_it_learns(fitted: Fit) -> None:
    first, last = fitted.history[0]["validation"], fitted.history[-1]["validation"]
    assert last < 0.3 < first
    assert [int(row["epoch"]) for row in fitted.history] == list(range(1, 17))


def test_the_same_seed_gives_the_same_weights() -> None:
    scans, targets = scans_and_targets(20)
    recipe = replace(RECIPE, fit=replace(RECIPE.fit, epochs=2, noise_hu=10.0, shift_voxels=1))
    one, again, other = (
        fit_network(scans, targets, recipe, training=np.arange(16), validation=np.arange(16, 20), seed=seed)
        for seed in (3, 3, 4)
    )
    for name, value in one.state.items():
        assert np.array_equal(value, again.state[name]), name
    assert not np.array_equal(one.state["blocks.5.proj.weight"], other.state["blocks.5.proj.weight"])


def test_augmentation_follows_from_seed_epoch_and_sample() -> None:
    scans, targets = scans_and_targets(4)
    recipe = replace(RECIPE, fit=replace(RECIPE.fit, noise_hu=20.0, shift_voxels=2))
    one, other = (ScanDataset(scans, targets, recipe, 7) for _ in range(2))
    assert np.array_equal(one[2][0], other[2][0])
    other.epoch = 1
    assert not np.array_equal(one[2][0], other[2][0])
    plain = ScanDataset(scans, targets, recipe, None)
    assert np.array_equal(plain[2][0], to_input(scans[2], recipe.input).array)


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


class TestCache:
    @staticmethod
    def key(tmp_path: Path, content: bytes = b"scan") -> tuple[Path, ...]:
        (tmp_path / "scan.bin").write_bytes(content)
        return (tmp_path / "scan.bin",)

    def test_made_once_and_trusted_only_whole(self, tmp_path: Path) -> None:
        made = []

        def make() -> GridScan:
            made.append(1)
            return scans_and_targets(1)[0][0]

        key, folder = self.key(tmp_path), tmp_path / "cache"
        first = cached_scan(key, RECIPE.input, folder, make)
        assert np.array_equal(cached_scan(key, RECIPE.input, folder, make).hu, first.hu)
        assert len(made) == 1
        (entry,) = folder.glob("*.hu.npy")
        raw = bytearray(entry.read_bytes())
        raw[-1] ^= 1
        entry.write_bytes(bytes(raw))
        assert np.array_equal(cached_scan(key, RECIPE.input, folder, make).hu, first.hu)
        assert len(made) == 2

    def test_another_scan_or_grid_is_another_entry(self, tmp_path: Path) -> None:
        folder = tmp_path / "cache"
        for content, recipe in (
            (b"a", RECIPE.input),
            (b"b", RECIPE.input),
            (b"a", replace(RECIPE.input, spacing_mm=4.0)),
        ):
            cached_scan(self.key(tmp_path, content), recipe, folder, lambda: scans_and_targets(1)[0][0])
        assert len(list(folder.glob("*.json"))) == 3


class TestRecipes:
    @pytest.mark.parametrize("name", recipe_names())
    def test_packaged_recipes_build(self, name: str) -> None:
        from spiroct.networks.build import network_of

        recipe = load_recipe(name)
        assert recipe.name == name
        network_of(recipe.network, outputs=len(recipe.measures))

    def test_unknown_names_list_the_known(self) -> None:
        with pytest.raises(UsageError, match="demonstration"):
            load_recipe("best")

    @pytest.mark.parametrize(
        "text", ["[network]\nname='x3d'", "not toml [", "[network]\n[input]\nspace=1\n[fit]\nepochs=1"]
    )
    def test_files_that_are_no_recipe(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "r.toml").write_text(text)
        with pytest.raises(InputError, match=r"\[network\], \[input\] and \[fit\]"):
            load_recipe(str(tmp_path / "r.toml"))

    def test_a_recipe_that_trains_nothing(self) -> None:
        with pytest.raises(ValueError, match="at least 1"):
            FitRecipe(epochs=0, batch=1, learning_rate=1e-3, weight_decay=0.0)
