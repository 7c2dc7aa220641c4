"""An epoch of a head on a frozen CT encoder: looking at every scan in every epoch, and once before the first.

Run: ``python -m benchmarks.frozen_encoder [patients]``. ``i3d_resnet152`` as it is, with a made weights file of the
published size and names; simulated patients at 5 mm, half to train on, half to watch; processor seconds, one thread.
Both ways keep the state after every epoch, as ``spiroct train`` does. What an epoch takes is the difference of a long
and a short training over the difference of their epochs.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from spiroct.checkpoints.checkpoint import TargetScaler
from spiroct.checkpoints.initial_weights import load_initial_weights
from spiroct.cohort.table import read_cohort
from spiroct.networks.build import network_of
from spiroct.networks.network import Network
from spiroct.pft.measures import Measure
from spiroct.preprocessing.recipe import InputRecipe
from spiroct.training.fit import Hardware, fit_network
from spiroct.training.recipe import FitRecipe, TrainingRecipe
from spiroct.workflows.simulate import simulate_cohort
from spiroct.workflows.training_data import measured_targets, training_data

NETWORK = {"name": "i3d_resnet152", "frozen": True}
ONCE = TrainingRecipe(
    name="once",
    network=NETWORK,
    input=InputRecipe(5.0, (-1000.0, 200.0), (64, 64, 80), crop="lung-centre", training_crop="lung-centre"),
    fit=FitRecipe(epochs=1, batch=4, learning_rate=1e-3, weight_decay=1e-3, schedule="constant"),
)
EVERY = replace(ONCE, name="every", input=replace(ONCE.input, training_crop="covering-lungs"))
EPOCHS = {"every": (1, 3), "once": (1, 1001)}


def measure(patients: int = 8) -> dict[str, Any]:
    """Processor seconds of an epoch both ways, and of looking once."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        simulate_cohort(home / "cohort", n=patients, seed=1, spacing=5.0)
        cohort = read_cohort(home / "cohort" / "cohort.csv")
        scans, targets = training_data(cohort, ONCE.input).scans, measured_targets(cohort, tuple(Measure), "absolute")
        torch.manual_seed(0)
        state = network_of(NETWORK, outputs=4).state_dict()
        torch.save({"state_dict": {k: v for k, v in state.items() if not k.startswith("fc.")}}, home / "made.pt")

        def begin(network: Network, _scaler: TargetScaler) -> None:
            load_initial_weights(network, "ct", weights=home / "made.pt")

        def seconds(recipe: TrainingRecipe, epochs: int) -> float:
            begun = time.process_time()
            with tempfile.TemporaryDirectory(dir=home) as work:
                fit_network(
                    scans, targets, replace(recipe, fit=replace(recipe.fit, epochs=epochs)),
                    training=np.arange(0, patients, 2), validation=np.arange(1, patients, 2),
                    initialise=begin,
                    folder=Path(work), cache=home / "features", hardware=Hardware("cpu"),
                )  # fmt: skip
            return time.process_time() - begun

        cold = seconds(ONCE, 1)
        found = {}
        for recipe in (EVERY, ONCE):
            few, many = EPOCHS[recipe.name]
            short = seconds(recipe, few)
            found[recipe.name] = {"first epoch": short, "an epoch": (seconds(recipe, many) - short) / (many - few)}
    return {
        "patients": patients, "processor seconds": found,
        "looking once, processor seconds a scan": (cold - found["once"]["first epoch"]) / patients,
        "times faster": found["every"]["an epoch"] / found["once"]["an epoch"],
    }  # fmt: skip


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(measure(*(int(word) for word in sys.argv[1:])), indent=2))
