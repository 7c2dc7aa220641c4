"""``spiroct train``: a cohort in, a checkpoint that predicts out."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from spiroct.cohort.table import read_cohort
from spiroct.errors import InputError
from spiroct.imaging.image_files import read_image
from spiroct.imaging.reading import read_ct
from spiroct.imaging.volume import LabelMap
from spiroct.inference.predictor import Predictor
from spiroct.workflows.simulate import simulate_cohort
from spiroct.workflows.train import train

RECIPE = """
[network]
name = "x3d"
size = "XS"
z_stride = 2
[input]
spacing_mm = 12.0
patch = [24, 24, 32]
crop = "lung-centre"
[fit]
epochs = 2
batch = 4
learning_rate = 1e-3
weight_decay = 1e-2
"""


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a simulated cohort, a recipe, and what training made of them."""
    folder = tmp_path_factory.mktemp("train")
    simulate_cohort(folder / "cohort", n=12, seed=1, spacing=6.0)
    (folder / "tiny.toml").write_text(RECIPE)
    train(folder / "cohort/cohort.csv", out=folder / "out", recipe=str(folder / "tiny.toml"), seed=5)
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_everything_is_written(trained: Path) -> None:
    files = {str(p.relative_to(trained / "out")) for p in (trained / "out").rglob("*") if p.is_file()}
    assert files == {
        *("checkpoint/weights.safetensors", "checkpoint/checkpoint.json"),
        *("predictions.csv", "history.csv", "cohort.csv", "run.json"),
    }
    assert read_cohort(trained / "out/cohort.csv").scan_ids == read_cohort(trained / "cohort/cohort.csv").scan_ids
    assert [row["epoch"] for row in rows(trained / "out/history.csv")] == ["1.0", "2.0"]


def test_predictions_equal_what_the_checkpoint_says_of_the_same_files(trained: Path) -> None:
    from spiroct.checkpoints.checkpoint import Checkpoint

    predictor = Predictor(Checkpoint.load(trained / "out/checkpoint"))
    written = rows(trained / "out/predictions.csv")
    scan_id = written[0]["scan_id"]
    volume = read_ct(trained / f"cohort/images/{scan_id}.nii.gz")
    values, geometry = read_image(trained / f"cohort/masks/{scan_id}.nii.gz")
    found = predictor.estimate(predictor.prepare(volume, LabelMap(values.astype(np.uint8), geometry)))
    expected = {row["measure"]: float(row["estimated"]) for row in written if row["scan_id"] == scan_id}
    assert {m.value: v for m, v in found.items()} == pytest.approx(expected, abs=1e-4)


def test_a_network_of_simulated_patients_says_so(trained: Path) -> None:
    from spiroct.checkpoints.checkpoint import Checkpoint

    found = Checkpoint.load(trained / "out/checkpoint")
    assert found.demonstration_only
    assert "simulated patients" in found.trained_on


def test_test_patients_are_predicted_and_never_trained_on(trained: Path) -> None:
    table = {row["scan_id"]: row for row in rows(trained / "out/cohort.csv")}
    sets = {row["scan_id"]: row["set"] for row in rows(trained / "out/predictions.csv")}
    for scan_id, part in sets.items():
        assert part == ("test" if table[scan_id]["split"] == "test" else "validation")
        assert part == "test" or table[scan_id]["fold"] == "1"
    assert "test" in sets.values()


def test_the_same_command_again_does_nothing(trained: Path) -> None:
    before = (trained / "out/run.json").stat().st_mtime_ns
    again = train(trained / "cohort/cohort.csv", out=trained / "out", recipe=str(trained / "tiny.toml"), seed=5)
    assert again.demonstration_only
    assert (trained / "out/run.json").stat().st_mtime_ns == before


def test_a_cohort_without_images_is_refused(tmp_path: Path) -> None:
    simulate_cohort(tmp_path / "cohort", n=12, seed=1, images=False)
    with pytest.raises(InputError, match="image"):
        train(tmp_path / "cohort/cohort.csv", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
