"""PyTorch in eager mode on the CPU: the reference that every other engine is held against."""

from __future__ import annotations

import torch
from torch import nn

from spiroct.checkpoints.checkpoint import Checkpoint, Member
from spiroct.networks.build import network_of
from spiroct.types import Float32Array, Float64Array


class TorchEngine:
    """Runs a checkpoint's networks in float32.

    Parameters
    ----------
    checkpoint : Checkpoint
        Whose networks.
    """

    name = "torch"

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._networks = [_network(checkpoint, member) for member in checkpoint.members]

    def run(self, batch: Float32Array, covariates: tuple[Float32Array, ...] | None = None) -> Float64Array:
        """Return standardised outputs (members, batch, measures) of inputs (batch, channels, z, y, x)."""
        volume = torch.from_numpy(batch)
        with torch.inference_mode():
            if covariates is None:
                outputs = [network(volume) for network in self._networks]
            else:
                pairs = zip(self._networks, covariates, strict=True)
                outputs = [network(volume, torch.from_numpy(beside)) for network, beside in pairs]
        result: Float64Array = torch.stack(outputs).double().numpy()
        return result


def _network(checkpoint: Checkpoint, member: Member) -> nn.Module:
    network = network_of(checkpoint.architecture, outputs=len(checkpoint.measures))
    state = {name: torch.from_numpy(value.copy()) for name, value in member.weights.items()}
    network.load_state_dict(
        {name: value.float() if value.is_floating_point() else value for name, value in state.items()}
    )
    return network.eval()
