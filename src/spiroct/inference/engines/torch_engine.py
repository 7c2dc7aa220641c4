"""PyTorch in eager mode on the CPU: the reference that every other engine is held against."""

from __future__ import annotations

import torch

from spiroct.checkpoints.checkpoint import Checkpoint
from spiroct.networks.build import network_of
from spiroct.types import Float32Array, Float64Array


class TorchEngine:
    """Runs a checkpoint's network in float32.

    Parameters
    ----------
    checkpoint : Checkpoint
        Whose network.
    """

    name = "torch"

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._network = network_of(checkpoint.architecture, outputs=len(checkpoint.measures))
        state = {name: torch.from_numpy(value.copy()) for name, value in checkpoint.weights.items()}
        self._network.load_state_dict(
            {name: value.float() if value.is_floating_point() else value for name, value in state.items()}
        )
        self._network.eval()

    def run(self, batch: Float32Array) -> Float64Array:
        """Return outputs (batch, measures), standardised, of inputs (batch, channels, z, y, x)."""
        with torch.inference_mode():
            outputs = self._network(torch.from_numpy(batch))
        result: Float64Array = outputs.double().numpy()
        return result
