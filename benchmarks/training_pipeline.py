"""A training step of X3D-M here and in its authors' pipeline, side by side: seconds, memory, equal arithmetic.

Theirs, by the facts of their code: PyTorchVideo's X3D-M as it is, arrays that were resampled, scaled and padded before
and are held as float32, a crop a step, batch 1, the default memory layout, Adam. Here: the same network and weights
through spiroct's cache (int16 memory map), crop, loader and module. Both in float32 without mixed precision or
checkpointing, with a global pool and without dropout, so that the losses can be compared; each side in a process of its
own, which tells its largest memory. Run: ``python -m benchmarks.training_pipeline [voxels a side] [steps] [threads]``.

``python -m benchmarks.training_pipeline whole [voxels a side] [steps]`` compares whole trainings. Here:
``spiroct train`` with recipe ``default`` as it is (4 folds, 20 epochs) on eight simulated patients, measured from start
to end: start-up, preparing, training, validating, estimates, figures. Theirs: as many patients shown to the network, as
the mean of some measured steps times their number; reading, preparing and validating are not counted for them. Their
grid is 240 voxels a side, which takes more than 15 GB; a smaller one gives a lower bound.
"""

from __future__ import annotations

import importlib.machinery
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import types
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from spiroct.checkpoints.checkpoint import TargetScaler
from spiroct.networks.build import network_of
from spiroct.networks.convolution import lay_out_channels_last
from spiroct.preprocessing.network_input import GridScan
from spiroct.preprocessing.recipe import InputRecipe
from spiroct.training.datasets import ScanDataset
from spiroct.training.prefetching import PrefetchingLoader
from spiroct.training.recipe import FitRecipe, TrainingRecipe, load_recipe
from spiroct.training.regression import Regression
from spiroct.workflows.simulate import simulate_cohort

LIMIT = 1.5
WHOLE_LIMIT = 5.0
PATIENTS, FOLDS = 8, 4
PAD = 1.5  # they pad to 1.5 times the patch
TARGETS = np.asarray([[5.0, 2.5, 3.3, 4.9]])
ARCHITECTURE = {"name": "x3d", "size": "M", "z_stride": 1, "pooling": "global", "dropout": 0.0}


def scan(size: int, index: int) -> np.ndarray:
    """Make a volume in Hounsfield units; what is in it does not matter for the time."""
    return np.random.default_rng(index).integers(-1500, 1500, (size, size, size)).astype(np.int16)


def theirs(size: int, steps: int) -> dict[str, Any]:
    """Train as the authors do."""
    for name in ("torchvision", "torchvision.ops"):  # imported there, and not needed by X3D
        stub = types.ModuleType(name)
        stub.__spec__ = importlib.machinery.ModuleSpec(name, None)
        stub.__path__ = []
        stub.RoIAlign = object
        sys.modules.setdefault(name, stub)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pytorchvideo.models.x3d import create_x3d
    network = create_x3d(
        input_channel=1, input_clip_length=16, input_crop_size=224, model_num_class=4, depth_factor=2.2,
        dropout_rate=0.0, head_activation=None, head_output_with_global_average=True,
    )  # fmt: skip
    network.blocks[5].pool.pool = torch.nn.AdaptiveAvgPool3d(1)
    network.load_state_dict(initial())
    large = round(size * PAD)
    cache = []
    for i in range(2):
        padded = np.full((large,) * 3, -1.0, dtype=np.float32)
        padded[:size, :size, :size] = scan(size, i) / 1500.0
        cache.append(padded)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-4, weight_decay=1e-3)
    target = torch.from_numpy(TARGETS).float()
    network.train()
    seconds, losses = [], []
    for step in range(steps):
        begun = time.process_time()
        volume = torch.from_numpy(np.ascontiguousarray(cache[step % 2][None, None, :size, :size, :size]))
        loss = (network(volume) - target).square().mean()
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        seconds.append(time.process_time() - begun)
        losses.append(loss.item())
    return {"seconds": seconds, "losses": losses}


def ours(size: int, steps: int) -> dict[str, Any]:
    """Train through spiroct's cache, crop, loader and module."""
    recipe = TrainingRecipe(
        name="benchmark",
        network=ARCHITECTURE,
        input=InputRecipe(spacing_mm=1.5, patch=(size,) * 3, crop="image-centre", training_crop="image-centre"),
        fit=FitRecipe(epochs=1, batch=1, learning_rate=1e-4, weight_decay=1e-3, targets="raw"),
    )
    with tempfile.TemporaryDirectory() as folder:
        scans = []
        for i in range(2):
            path = Path(folder) / f"{i}.npy"
            np.save(path, scan(size, i))
            scans.append(GridScan(np.load(path, mmap_mode="r"), None))
        rows = [scans[step % 2] for step in range(steps)]
        data = ScanDataset(rows, np.repeat(TARGETS, steps, axis=0), np.zeros((steps, 0)), recipe, None)
        network = network_of(ARCHITECTURE, outputs=4)
        network.load_state_dict(initial())
        lay_out_channels_last(network)
        module = Regression(network, recipe.fit, TargetScaler((0.0,) * 4, (1.0,) * 4), data, data, 0)
        optimiser = torch.optim.Adam(network.parameters(), lr=1e-4, weight_decay=1e-3)
        seconds, losses, begun = [], [], time.process_time()
        network.train()
        for batch in PrefetchingLoader(data, 1):
            loss = (module(batch) - batch[2]).square().mean()
            loss.backward()
            optimiser.step()
            optimiser.zero_grad()
            now = time.process_time()  # of all threads: the loader's work counts
            seconds.append(now - begun)
            losses.append(loss.item())
            begun = now
    return {"seconds": seconds, "losses": losses}


def initial() -> dict[str, torch.Tensor]:
    """Return the weights that both begin with."""
    torch.manual_seed(0)
    return network_of(ARCHITECTURE, outputs=4).state_dict()


def measure(size: int = 96, steps: int = 4, threads: int = 1) -> tuple[dict[str, Any], bool]:
    """Run each side in a process of its own; tell CPU seconds a step and memory, and whether we are too slow."""
    found = {}
    for side in ("theirs", "ours"):
        words = [sys.executable, "-m", "benchmarks.training_pipeline", side, str(size), str(steps), str(threads)]
        found[side] = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    best = {side: min(result["seconds"][1:]) for side, result in found.items()}
    apart = max(abs(a - b) / max(abs(a), 1e-9) for a, b in zip(*(found[s]["losses"] for s in found), strict=True))
    result = {
        "voxels a side": size, "threads": threads, "processor seconds a step": best,
        "times faster": best["theirs"] / best["ours"], "largest relative difference of the losses": apart,
        "peak memory, MiB": {side: r["memory"] for side, r in found.items()},
        "memory before the first step, MiB": {side: r["before"] for side, r in found.items()},
    }  # fmt: skip
    return result, result["times faster"] < LIMIT


def whole(size: int = 128, steps: int = 2) -> tuple[dict[str, Any], bool]:
    """Compare whole trainings in processor seconds, one thread; tell whether ``default`` is too slow."""
    passes = PATIENTS * (FOLDS - 1) * load_recipe("default").fit.epochs
    with tempfile.TemporaryDirectory() as folder:
        cohort = Path(folder) / "cohort"
        simulate_cohort(cohort, n=PATIENTS, seed=1, spacing=5.0)
        table = pd.read_csv(cohort / "cohort.csv")
        fold = [1 + i % FOLDS for i in range(PATIENTS)]
        table.assign(split="train", fold=fold).to_csv(cohort / "cohort.csv", index=False)
        words = ["-m", "spiroct", "train", str(cohort / "cohort.csv"), "--out", f"{folder}/out", "--accelerator", "cpu"]
        ours_took = _processor_seconds(words, SPIROCT_CACHE=f"{folder}/cache")
    words = [sys.executable, "-m", "benchmarks.training_pipeline", "theirs", str(size), str(steps), "1"]
    found = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    step = float(np.mean(found["seconds"]))
    result = {
        "voxels a side of theirs": size, "their steps, processor seconds": found["seconds"],
        "their peak memory, MiB": found["memory"], "patients shown": passes,
        "theirs, processor seconds (measured step times patients shown)": step * passes,
        "spiroct train, recipe default, processor seconds (measured)": ours_took,
        "times faster": step * passes / ours_took,
    }  # fmt: skip
    return result, result["times faster"] < WHOLE_LIMIT


def _processor_seconds(words: list[str], **variables: str) -> float:
    """Run Python to the end with one thread and return its user and system time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **variables}
    subprocess.run([sys.executable, *words], check=True, capture_output=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _memory() -> int:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main(words: list[str]) -> int:
    """Print one JSON document; fail when the step is not faster by the limit."""
    if words and words[0] in ("theirs", "ours"):
        size, steps, threads = (int(w) for w in words[1:])
        torch.set_num_threads(threads)
        before = _memory()
        result = (theirs if words[0] == "theirs" else ours)(size, steps)
        print(json.dumps({**result, "before": before, "memory": _memory()}))
        return 0
    if words and words[0] == "whole":
        result, slow = whole(*(int(w) for w in words[1:]))
    else:
        result, slow = measure(*(int(w) for w in words))
    print(json.dumps(result, indent=2))
    return int(slow)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
