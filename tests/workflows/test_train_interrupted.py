"""Trainings that are killed, run out of disk, or run on several nodes: what is finished stays, the end is the same."""

from __future__ import annotations

import csv
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from spiroct.errors import InputError, OutputError
from spiroct.training import sealed_arrays
from spiroct.training.regression import Regression
from spiroct.workflows.simulate import simulate_cohort
from spiroct.workflows.train import train

RECIPE = """
measures = ["TLC", "DLCO"]
[network]
name = "resnet3d"
width = 4
depths = [0, 1]
norm = "group"
dropout = {dropout}
[input]
spacing_mm = 12.0
patch = [24, 24, 32]
crop = "lung-centre"
[fit]
epochs = 3
batch = {batch}
accumulate = {accumulate}
learning_rate = 1e-3
weight_decay = 1e-2
[fit.augmentation]
noise_hu = 15.0
shift_voxels = 1
"""
KILLED_IN_FOLD_2 = """
import os, signal, sys
from spiroct.cli.main import main
from spiroct.training.regression import Regression
step = Regression.training_step
def struck(module, batch, index):
    if module.progress.place.position == 2 and module.current_epoch == 1 and index == 1:
        os.kill(os.getpid(), {signal})
    return step(module, batch, index)
Regression.training_step = struck
main(sys.argv[1:])
"""


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the table of 20 simulated patients in two folds."""
    folder = tmp_path_factory.mktemp("cohort")
    simulate_cohort(folder / "cohort", n=20, seed=3, spacing=8.0)
    table = pd.read_csv(folder / "cohort/cohort.csv")
    table["fold"] = (table["fold"] + 1).floordiv(2).astype("Int64")
    table.to_csv(folder / "cohort/cohort.csv", index=False)
    return folder / "cohort/cohort.csv"


def recipe(folder: Path, *, batch: int = 4, accumulate: int = 1, dropout: float = 0.2) -> Path:
    path = folder / "tiny.toml"
    path.write_text(RECIPE.format(batch=batch, accumulate=accumulate, dropout=dropout))
    return path


def spiroct(*arguments: str | Path, program: tuple[str, ...] = ("-m", "spiroct")) -> list[str]:
    return [sys.executable, *program, *(str(a) for a in arguments)]


@pytest.mark.slow
@pytest.mark.parametrize("stroke", [signal.SIGKILL, signal.SIGTERM], ids=["kill -9", "kill -15, as Slurm does"])
def test_killed_in_mid_epoch_the_same_command_ends_with_the_same_bytes(
    cohort: Path, tmp_path: Path, stroke: signal.Signals
) -> None:
    command = ("train", cohort, "--recipe", recipe(tmp_path), "--seed", "5", "--accelerator", "cpu")
    killer = ("-c", KILLED_IN_FOLD_2.format(signal=int(stroke)))
    interrupted = spiroct(*command, "--out", tmp_path / "out", program=killer)
    first = subprocess.run(interrupted, check=False, capture_output=True, text=True)
    assert first.returncode in (-stroke, 128 + stroke), first.stderr
    (work,) = (tmp_path / "out").glob(".partial-*")
    assert (work / "fold-1/checkpoint/checkpoint.json").is_file()
    assert (work / "fold-2/.last.ckpt").is_file()
    assert not (work / "fold-2/checkpoint").exists()
    begun = (work / "fold-1/checkpoint/checkpoint.json").stat().st_mtime_ns
    second = subprocess.run(spiroct(*command, "--out", tmp_path / "out"), check=True, capture_output=True, text=True)
    assert "fold 2 (2 of 2), epoch 3 of 3" in second.stderr
    assert "epoch 1 of 3" not in second.stderr
    assert (tmp_path / "out/fold-1/checkpoint/checkpoint.json").stat().st_mtime_ns == begun
    train(cohort, out=tmp_path / "whole", recipe=str(tmp_path / "tiny.toml"), seed=5, accelerator="cpu")
    for name in ("predictions.csv", "checkpoint/checkpoint.json"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def estimates(path: Path) -> dict[tuple[str, ...], float]:
    with path.open(encoding="utf-8") as file:
        rows = [
            row for row in csv.DictReader(file) if row["quantity"] == "absolute" and row["model"].startswith("tiny")
        ]
    return {tuple(r[k] for k in ("scan_id", "set", "fold", "measure")): float(r["estimated"]) for r in rows}


@pytest.mark.slow
def test_two_nodes_as_slurm_starts_them_are_one_device_with_twice_the_batch(cohort: Path, tmp_path: Path) -> None:
    """Two processes with Slurm's variables: the leader alone writes the folder, and both finish."""
    port = str(free_port())
    shared = {
        "SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "train", "SLURM_NTASKS": "2", "SLURM_NNODES": "2", "MASTER_PORT": port,
        "SLURM_NTASKS_PER_NODE": "1", "SLURM_NODELIST": "127.0.0.1", "SLURM_LOCALID": "0", "MASTER_ADDR": "127.0.0.1",
    }  # fmt: skip
    (tmp_path / "two").mkdir()
    command = spiroct(
        *("train", cohort, "--recipe", recipe(tmp_path / "two", batch=2, dropout=0.0), "--out", tmp_path / "two/out"),
        *("--seed", "5", "--accelerator", "cpu", "--nodes", "2"),
    )
    ranks = [
        subprocess.Popen(
            command,
            env=os.environ | shared | {"SLURM_PROCID": str(rank), "SLURM_NODEID": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in (1, 0)  # the follower first: it must wait for its leader, not take the folder
    ]
    told = [rank.communicate(timeout=300) for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], told
    assert "checkpoint:" in told[1][0]
    assert "checkpoint:" not in told[0][0]
    alone = recipe(tmp_path, batch=2, accumulate=2, dropout=0.0)
    train(cohort, out=tmp_path / "one", recipe=str(alone), seed=5, accelerator="cpu")
    one, two = (estimates(tmp_path / folder / "predictions.csv") for folder in ("one", "two/out"))
    assert one.keys() == two.keys()
    for key, value in one.items():
        assert two[key] == pytest.approx(value, abs=1e-3), key
    assert not list((tmp_path / "two/out").glob(".partial-*"))


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """Let writes beyond a size fail as they do on a full disk: the system refuses them."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class TestFinishedFoldsAreKept:
    """A full disk, an image that is gone, and a NaN stop in fold 2 with a sentence; fold 1 is not trained again."""

    @pytest.fixture
    def folder(self, cohort: Path, tmp_path: Path) -> Path:
        shutil.copytree(cohort.parent, tmp_path / "cohort")
        recipe(tmp_path)
        return tmp_path

    def train(self, folder: Path) -> None:
        train(
            folder / "cohort/cohort.csv",
            out=folder / "out",
            recipe=str(folder / "tiny.toml"),
            accelerator="cpu",
        )

    def finish(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Repeat the command; only fold 2 may be trained."""
        from spiroct.workflows import train as verb

        original, trained = verb.fit_network, []

        def counted(*arguments: Any, **options: Any) -> Any:
            trained.append(options["place"].position)
            return original(*arguments, **options)

        monkeypatch.setattr(verb, "fit_network", counted)
        (work,) = (folder / "out").glob(".partial-*")
        assert (work / "fold-1/checkpoint/checkpoint.json").is_file()
        self.train(folder)
        assert trained == [2]

    def test_full_disk(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        step = Regression.training_step
        with monkeypatch.context() as patch, files_no_larger_than(resource.RLIM_INFINITY):

            def filling(module: Regression, batch: Any, index: int) -> torch.Tensor:
                if module.progress.place is not None and module.progress.place.position == 2:
                    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
                return step(module, batch, index)

            patch.setattr(Regression, "training_step", filling)
            with pytest.raises(OutputError, match="make room"):
                self.train(folder)
        self.finish(folder, monkeypatch)

    def test_full_disk_at_the_end_of_a_fold(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from spiroct.checkpoints.checkpoint import Checkpoint

        save, saved = Checkpoint.save, []

        def full(checkpoint: Checkpoint, path: Path) -> None:
            saved.append(path)
            with files_no_larger_than(1024 if len(saved) == 2 else resource.RLIM_INFINITY):
                save(checkpoint, path)

        with monkeypatch.context() as patch:
            patch.setattr(Checkpoint, "save", full)
            with pytest.raises(OutputError, match="make room"):
                self.train(folder)
        self.finish(folder, monkeypatch)

    def test_image_gone(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stopped in fold 2, an image lost meanwhile is named; brought back, the training goes on."""
        step = Regression.training_step
        with monkeypatch.context() as patch:

            def nothing(module: Regression, batch: Any, index: int) -> torch.Tensor:
                if module.progress.place is not None and module.progress.place.position == 2:
                    raise KeyboardInterrupt
                return step(module, batch, index)

            patch.setattr(Regression, "training_step", nothing)
            with pytest.raises((KeyboardInterrupt, SystemExit)):
                self.train(folder)
        image = min((folder / "cohort/images").iterdir())
        image.rename(folder / "elsewhere")
        with pytest.raises(InputError, match=image.name.split(".", 1)[0]):
            self.train(folder)
        (folder / "elsewhere").rename(image)
        self.finish(folder, monkeypatch)

    def test_nan(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        forward = Regression.forward
        with monkeypatch.context() as patch:

            def broken(module: Regression, batch: Any) -> torch.Tensor:
                found = forward(module, batch)
                fold_2 = module.progress.place is not None and module.progress.place.position == 2
                return found * float("nan") if fold_2 and module.current_epoch == 1 else found

            patch.setattr(Regression, "forward", broken)
            with pytest.raises(InputError, match="the loss became nan in epoch 2"):
                self.train(folder)
        self.finish(folder, monkeypatch)

    def test_full_disk_while_the_cache_is_filled(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SPIROCT_CACHE", str(folder / "cache"))
        write = sealed_arrays._write

        def full(*arguments: Any) -> None:
            with files_no_larger_than(1000):
                write(*arguments)

        monkeypatch.setattr(sealed_arrays, "_write", full)
        with pytest.raises(InputError, match="make room"):
            self.train(folder)
