"""Estimates of a prepared cohort by every member of an ensemble, through the path and the cache of training."""

from __future__ import annotations

import numpy as np

from spiroct.checkpoints.checkpoint import Checkpoint
from spiroct.inference.engines.engine import make_engine
from spiroct.preprocessing.network_input import to_input
from spiroct.types import AnyArray, Float64Array
from spiroct.workflows.training_data import TrainingData


def member_estimates(
    checkpoint: Checkpoint, data: TrainingData, rows: AnyArray | None = None, *, engine: str = "torch"
) -> Float64Array:
    """Estimate scans as ``predict`` would, rounded weights and all.

    Parameters
    ----------
    checkpoint : Checkpoint
        The ensemble.
    data : TrainingData
        Scans on its recipe's grid, and the readings that it may take beside them.
    rows : integer array (n,), optional
        Which scans; all by default.
    engine : str
        What runs the networks.

    Returns
    -------
    array (members, n, measures)
        In the checkpoint's quantity.
    """
    chosen = np.arange(len(data.scans)) if rows is None else np.asarray(rows)
    runs = make_engine(engine, checkpoint)
    values = np.empty((len(checkpoint.members), len(chosen), len(checkpoint.measures)))
    covariates = [member.covariates for member in checkpoint.members if member.covariates is not None]
    for i, row in enumerate(chosen):
        told = {name: readings[row] for name, readings in data.readings.items()}
        beside = tuple(one.standardised(told)[None].astype(np.float32) for one in covariates)
        outputs = runs.run(to_input(data.scans[row], checkpoint.recipe).array[None], beside or None).outputs[:, 0]
        for k, member in enumerate(checkpoint.members):
            values[k, i] = member.scaler.invert(outputs[k])
    return values
