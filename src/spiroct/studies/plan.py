"""What a study will do and how long it will take, measured on a few optimiser steps of each kind of network."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch

from spiroct.documents import to_json
from spiroct.networks.build import network_of
from spiroct.networks.convolution import lay_out_channels_last
from spiroct.studies.steps import Step, is_done
from spiroct.training.recipe import TrainingRecipe
from spiroct.types import Float64Array

MEASURED_STEPS = 3


@dataclass(frozen=True)
class Pace:
    """Seconds that one scan takes, in a step of training and in validation."""

    training: float
    validation: float


def measured_pace(recipe: TrainingRecipe, *, device: str = "cpu") -> Pace:
    """Time three optimiser steps and three estimates on noise of the recipe's size, after one of each to warm up."""
    network = network_of(recipe.architecture, outputs=len(recipe.measures)).to(device)
    lay_out_channels_last(network)
    optimiser = torch.optim.AdamW(network.parameters(), recipe.fit.learning_rate)
    batch = recipe.fit.batch
    volume = torch.randn(batch, 1, *recipe.input.patch, device=device).contiguous(memory_format=torch.channels_last_3d)
    beside = torch.randn(batch, network.aux, device=device)
    seconds: list[float] = []
    for _ in range(1 + MEASURED_STEPS):
        started = time.perf_counter()
        optimiser.zero_grad()
        outputs = network(volume, beside) if network.aux else network(volume)
        outputs.square().mean().backward()
        optimiser.step()
        _wait(device)
        seconds.append(time.perf_counter() - started)
    network.eval()
    watched: list[float] = []
    with torch.inference_mode():
        for _ in range(1 + MEASURED_STEPS):
            started = time.perf_counter()
            _ = network(volume, beside) if network.aux else network(volume)
            _wait(device)
            watched.append(time.perf_counter() - started)
    per_scan = [sum(times[1:]) / MEASURED_STEPS / batch for times in (seconds, watched)]
    return Pace(*per_scan)


def _wait(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize()


def seconds_of(recipe: TrainingRecipe, pace: Pace, folds: Sequence[int], test: int) -> float:
    """Predict how long a cross-validated training takes.

    Parameters
    ----------
    recipe : TrainingRecipe
        Every epoch counts: a training that ends early takes less.
    pace : Pace
    folds : sequence of int
        Scans in each fold.
    test : int
        Scans for the test, which every fold's network estimates.
    """
    total = 0.0
    for watched in folds:
        learned = sum(folds) - watched
        checks = -(-recipe.fit.epochs // recipe.fit.validate_every)
        total += recipe.fit.epochs * learned * pace.training + (checks * watched + watched + test) * pace.validation
    return total


def plan_table(steps: Sequence[Step], sizes: dict[str, tuple[list[int], int]], folder: Path) -> pd.DataFrame:
    """List the trainings: ``step, rows, cohort, scans, epochs, minutes, state``.

    Parameters
    ----------
    steps : sequence of Step
    sizes : dict
        Of each cohort, the scans in each fold and in the test.
    folder : Path
        ``OUT/steps``, for what is done already.
    """
    paces: dict[str, Pace] = {}
    device = "cuda" if torch.cuda.is_available() else "cpu"
    rows = []
    for step in steps:
        recipe = step.training
        key = to_json(
            [recipe.architecture, recipe.input.to_document()["patch"], recipe.fit.batch, len(recipe.measures)]
        )
        if key not in paces:
            paces[key] = measured_pace(recipe, device=device)
        folds, test = sizes[step.cohort]
        rows.append(
            {
                "step": step.name,
                "answers": ", ".join(dict.fromkeys(q for row in step.rows for q in row.questions)),
                "cohort": step.cohort,
                "scans": sum(folds),
                "epochs": recipe.fit.epochs,
                "minutes": seconds_of(recipe, paces[key], folds, test) / 60,
                "state": "done" if is_done(step, folder) else "to do",
            }
        )
    return pd.DataFrame(rows)


def folds_of(count: int, folds: int) -> list[int]:
    """Sizes of folds that a count of scans is dealt into."""
    sizes: Float64Array = pd.Series(range(count)).mod(folds).value_counts().to_numpy(dtype="float64")
    return [int(size) for size in sizes]
