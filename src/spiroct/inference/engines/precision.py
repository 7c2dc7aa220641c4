"""When bfloat16 may be the default: where a checkpoint's card records what it changes, and that is next to nothing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from spiroct.checkpoints.checkpoint import Checkpoint
from spiroct.types import Float64Array

RECORD = "bfloat16"
"""Key of the record in the provenance of a checkpoint's card."""
LEAST_SCANS = 32
LARGEST_RMS, LARGEST_MAXIMUM = 0.01, 0.03
BIAS_STANDARD_ERRORS = 2.58


@dataclass(frozen=True)
class Deviation:
    """How far an engine's outputs lie from the reference's, over scans and measures.

    Parameters
    ----------
    scans : int
        How many were compared.
    rms, maximum : float
        Of the measure that deviates most, in SDs of the measure (the checkpoint's target scaler).
    bias_standard_errors : float
        Largest mean deviation of a measure, in its standard errors.
    """

    scans: int
    rms: float
    maximum: float
    bias_standard_errors: float

    @property
    def negligible(self) -> bool:
        """At least 32 scans, rms at most 1 % and maximum at most 3 % of an SD, no bias at the 1 % level."""
        return (
            self.scans >= LEAST_SCANS
            and self.rms <= LARGEST_RMS
            and self.maximum <= LARGEST_MAXIMUM
            and self.bias_standard_errors <= BIAS_STANDARD_ERRORS
        )

    def to_document(self) -> dict[str, Any]:
        """Plain data for a card's provenance."""
        return asdict(self)


def deviation(outputs: Float64Array, reference: Float64Array) -> Deviation:
    """Compare two engines.

    Parameters
    ----------
    outputs, reference : arrays (scans, measures)
        Standardised estimates of the ensemble: means over its members.
    """
    errors = outputs - reference
    spread = errors.std(axis=0, ddof=1) / np.sqrt(len(errors))
    means = np.abs(errors.mean(axis=0))
    biases = np.divide(means, spread, out=np.where(means > 0, np.inf, 0.0), where=spread > 0)
    rms = np.sqrt((errors**2).mean(axis=0))
    return Deviation(len(errors), float(rms.max()), float(np.abs(errors).max()), float(biases.max()))


def bfloat16_is_recorded(checkpoint: Checkpoint) -> bool:
    """Whether the card records that bfloat16 changes next to nothing."""
    record = checkpoint.provenance.get(RECORD)
    return record is not None and Deviation(**record).negligible
