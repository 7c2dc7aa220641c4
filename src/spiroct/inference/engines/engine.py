"""The contract of an engine, and which engines there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from spiroct.checkpoints.checkpoint import Checkpoint
from spiroct.errors import UsageError
from spiroct.inference.engines.precision import bfloat16_is_recorded
from spiroct.types import Float32Array, Float64Array

ENGINES = ("openvino", "openvino-bf16", "torch", "torch-fused", "cuda")


@dataclass(frozen=True, eq=False)
class NetworkOutputs:
    """What the networks of an ensemble make of a batch, in one pass.

    Parameters
    ----------
    outputs : array (members, batch, measures)
        Standardised outputs.
    features : array (members, batch, width, z, y, x), float32
        Maps at the input of the global average pool, where regression activation maps are read.
    """

    outputs: Float64Array
    features: Float32Array


class Engine(Protocol):
    """Something that runs a checkpoint's networks."""

    name: str
    description: str
    """Library, version and precision, as in ``prediction.json``: what decides the last digits."""

    def run(self, batch: Float32Array, covariates: tuple[Float32Array, ...] | None = None) -> NetworkOutputs:
        """Run every member of the ensemble.

        Parameters
        ----------
        batch : array (batch, channels, z, y, x)
            Inputs.
        covariates : tuple of arrays (batch, covariates), optional
            Standardised readings, one array for each member, where the network takes them.
        """


def require_engine(name: str) -> None:
    """Refuse, before anything is read, an engine that does not exist or that this machine cannot run.

    Raises
    ------
    UsageError
        With the way out.
    """
    if name not in ("auto", *ENGINES):
        raise UsageError.unknown("engine", name, ("auto", *ENGINES))
    if name == "openvino-bf16":
        from spiroct.inference.engines.openvino_runtime import has_bfloat16

        if not has_bfloat16():
            raise UsageError("engine 'openvino-bf16'", "this processor has no bfloat16", "use --engine openvino")
    if name == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise UsageError(
                "engine 'cuda'", "it needs an NVIDIA GPU and a PyTorch built for it", "use --engine openvino"
            )


def make_engine(name: str, checkpoint: Checkpoint, *, threads: int | None = None) -> Engine:
    """Build an engine for a checkpoint.

    Parameters
    ----------
    name : str
        One of ``ENGINES``; or ``"auto"``: OpenVINO, in bfloat16 only where the checkpoint's card records that this
        changes next to nothing and the processor has it (:mod:`spiroct.inference.engines.precision`).
    checkpoint : Checkpoint
        Whose networks it runs.
    threads : int, optional
        Threads of the processor; all by default.

    Raises
    ------
    UsageError
        If the engine is not known, or this machine cannot run it.
    """
    require_engine(name)
    if name in ("auto", "openvino", "openvino-bf16"):
        from spiroct.inference.engines.openvino_engine import OpenVinoEngine
        from spiroct.inference.engines.openvino_runtime import has_bfloat16

        bfloat16 = name == "openvino-bf16" or (name == "auto" and bfloat16_is_recorded(checkpoint) and has_bfloat16())
        return OpenVinoEngine(checkpoint, bfloat16=bfloat16, threads=threads)
    if name == "torch":
        from spiroct.inference.engines.torch_engine import TorchEngine

        return TorchEngine(checkpoint, threads=threads)
    if name == "torch-fused":
        from spiroct.inference.engines.torch_engine import FusedTorchEngine

        return FusedTorchEngine(checkpoint, threads=threads)
    from spiroct.inference.engines.torch_engine import CudaEngine

    return CudaEngine(checkpoint)
