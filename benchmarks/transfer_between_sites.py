"""Start from another site's network, or from nothing.

Run: ``python -m benchmarks.transfer_between_sites TRAIN TEST MODEL [KEPT]``.

TRAIN and TEST are cohorts of ``spiroct simulate cohort``, of one site and two seeds; MODEL is a checkpoint of another
site, a folder or a packaged one's name. For two cohort sizes and three seeds, recipe ``default`` is trained on the same
patients, once from scratch and once from the checkpoint, and judged on the patients of TEST. Prints one JSON document a
training and a summary with 95 % intervals over the test patients. What is trained is kept in the file KEPT, and an
interrupted run goes on.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from spiroct.checkpoints.checkpoint import TargetScaler
from spiroct.checkpoints.initial_weights import load_initial_weights
from spiroct.cohort.table import read_cohort
from spiroct.evaluation.bootstrap import bca_limits, resampled_weights
from spiroct.evaluation.sums import metrics_of, pair_sums
from spiroct.networks.build import network_of
from spiroct.networks.network import Network
from spiroct.preprocessing.network_input import to_input
from spiroct.training.fit import fit_network
from spiroct.training.recipe import TrainingRecipe, load_recipe
from spiroct.types import Float64Array
from spiroct.workflows.training_data import TrainingData, measured_targets, training_data

EPOCHS = {50: 60, 250: 20}  # about as many steps in both
SEEDS = (1, 2, 3)
WATCHED = 60
STARTS = ("scratch", "transfer")


def start_from(checkpoint: str, network: Network, scaler: TargetScaler, *, recipe: TrainingRecipe) -> None:
    """Give a network the checkpoint's weights, its last layer included."""
    load_initial_weights(network, checkpoint, measures=recipe.measures, scaler=scaler)


def train(
    data: TrainingData, targets: Float64Array, patients: int, seed: int, checkpoint: str | None, test: TrainingData
) -> dict[str, object]:
    """Train once; give the losses of validation by epoch and the estimates on the test patients."""
    recipe = load_recipe("default")
    recipe = replace(recipe, fit=replace(recipe.fit, epochs=EPOCHS[patients]))
    order = np.random.default_rng(seed).permutation(len(data.scans))
    rows = {"training": order[WATCHED : WATCHED + patients], "validation": order[:WATCHED]}
    first = None if checkpoint is None else partial(start_from, checkpoint, recipe=recipe)
    fit = fit_network(data.scans, targets, recipe, **rows, seed=seed, initialise=first)
    network = network_of(recipe.architecture, outputs=len(recipe.measures))
    network.load_state_dict({name: torch.from_numpy(value) for name, value in fit.state.items()})
    network.eval()
    with torch.inference_mode():
        inputs = (torch.from_numpy(to_input(scan, recipe.input).array[None]) for scan in test.scans)
        outputs = np.concatenate([network(batch).double().numpy() for batch in inputs])
    return {
        "validation": [float(epoch["validation"]) for epoch in fit.history],
        "estimates": fit.scaler.invert(outputs).tolist(),
    }


def epochs_needed(losses: list[float], goal: float) -> int | None:
    """Give the first epoch, from 1, whose loss of validation is as low as the goal; None if there is none."""
    return next((i + 1 for i, loss in enumerate(losses) if loss <= goal), None)


def summarise(runs: dict[str, dict[str, object]], measured: Float64Array, measures: list[str]) -> dict[str, object]:
    """Compare the two starts: mean ICC over the seeds with the interval of its gain, and epochs to the same loss."""
    found: dict[str, object] = {}
    for patients in EPOCHS:
        pairs = [tuple(runs.get(f"{patients} {seed} {start}") for start in STARTS) for seed in SEEDS]
        if any(run is None for pair in pairs for run in pair):
            continue
        found[str(patients)] = {
            "epochs to scratch's best loss": [
                [np.argmin(s["validation"]).item() + 1, epochs_needed(t["validation"], min(s["validation"]))]
                for s, t in pairs
            ],
            **{m: _gain(pairs, measured[:, j], j) for j, m in enumerate(measures)},
        }
    return found


def _gain(pairs: list[tuple[dict[str, object], ...]], measured: Float64Array, column: int) -> dict[str, object]:
    sums = [[pair_sums(measured, np.asarray(run["estimates"])[:, column]) for run in pair] for pair in pairs]
    centre = sums[0][0].centre
    weights = np.concatenate(list(resampled_weights(len(measured))))

    def gains(table_of: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:  # mean over the seeds
        icc = [[metrics_of(table_of(s.table), centre)["icc_a1"] for s in pair] for pair in sums]
        return np.mean([transfer - scratch for scratch, transfer in icc], axis=0)

    drawn = gains(lambda table: weights @ table)
    left_out = gains(lambda table: table.sum(axis=0) - table)
    value = float(gains(lambda table: table.sum(axis=0)))
    each = [[round(float(metrics_of(s.table.sum(axis=0), centre)["icc_a1"]), 3) for s in pair] for pair in sums]
    lower, upper = bca_limits(value, drawn, left_out)
    return {"scratch, transfer by seed": each, "gain": [round(v, 3) for v in (value, lower, upper)]}


def main() -> int:
    """Train what is missing, print what there is."""
    cohort, others, checkpoint = read_cohort(Path(sys.argv[1])), read_cohort(Path(sys.argv[2])), sys.argv[3]
    kept = Path(sys.argv[4]) if len(sys.argv) > 4 else Path("transfer_between_sites.json")
    recipe = load_recipe("default")
    data, test = (training_data(c, recipe.input) for c in (cohort, others))
    targets, measured = (measured_targets(c, recipe.measures, "absolute") for c in (cohort, others))
    runs = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
    for patients in EPOCHS:
        for seed in SEEDS:
            for start in STARTS:
                key = f"{patients} {seed} {start}"
                if key not in runs:
                    runs[key] = train(data, targets, patients, seed, checkpoint if start == "transfer" else None, test)
                    kept.write_text(json.dumps(runs), encoding="utf-8")
                    print(key, min(runs[key]["validation"]), flush=True)
    print(json.dumps(summarise(runs, measured, [m.value for m in recipe.measures]), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
