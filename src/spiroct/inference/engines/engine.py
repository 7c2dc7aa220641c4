"""The contract of an engine, and which engines there are."""

from __future__ import annotations

from typing import Protocol

from spiroct.checkpoints.checkpoint import Checkpoint
from spiroct.errors import UsageError
from spiroct.types import Float32Array, Float64Array

ENGINES = ("torch",)


class Engine(Protocol):
    """Something that runs a checkpoint's networks."""

    name: str

    def run(self, batch: Float32Array, covariates: tuple[Float32Array, ...] | None = None) -> Float64Array:
        """Run every member of the ensemble.

        Parameters
        ----------
        batch : array (batch, channels, z, y, x)
            Inputs.
        covariates : tuple of arrays (batch, covariates), optional
            Standardised readings, one array for each member, where the network takes them.

        Returns
        -------
        array (members, batch, measures)
            Standardised outputs.
        """


def make_engine(name: str, checkpoint: Checkpoint) -> Engine:
    """Build an engine for a checkpoint.

    Parameters
    ----------
    name : str
        ``"auto"`` or one of ``ENGINES``.
    checkpoint : Checkpoint
        Whose network it runs.

    Raises
    ------
    UsageError
        If the engine is not known.
    """
    if name in ("auto", "torch"):
        from spiroct.inference.engines.torch_engine import TorchEngine

        return TorchEngine(checkpoint)
    raise UsageError(f"engine {name!r}", f"the engines are auto, {', '.join(ENGINES)}", "use one of these")
