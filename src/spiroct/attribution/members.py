"""The networks of a checkpoint as its engine runs them, without PyTorch: covariates, and outputs of many inputs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from spiroct.checkpoints.checkpoint import Member
from spiroct.inference.predictor import Predictor
from spiroct.types import Float32Array, Float64Array

BATCH = 4  # inputs that are in memory at once


def aux_of(member: Member, readings: Mapping[str, float]) -> Float64Array | None:
    """Standardised covariates (covariates,) of one network; None where it takes none."""
    if member.covariates is None:
        return None
    known = dict.fromkeys(member.covariates.names, float("nan")) | dict(readings)
    return member.covariates.standardised(known)


def outputs_of(predictor: Predictor, arrays: Float32Array, readings: Mapping[str, float]) -> Float64Array:
    """Standardised outputs (members, inputs, measures) of several inputs (inputs, channels, z, y, x), by its engine."""
    members = predictor.checkpoint.members
    each = [aux_of(member, readings) for member in members]
    beside = tuple(np.repeat(a[None].astype(np.float32), len(arrays), axis=0) for a in each if a is not None)
    found = [
        predictor.engine.run(arrays[i : i + BATCH], tuple(b[i : i + BATCH] for b in beside) or None)
        for i in range(0, len(arrays), BATCH)
    ]
    return np.concatenate([f.outputs for f in found], axis=1)
