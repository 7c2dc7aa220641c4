"""The networks of a checkpoint as PyTorch modules, for the engines that run them and the one that converts them."""

from __future__ import annotations

import torch
from torch import nn

from spiroct.checkpoints.checkpoint import Checkpoint, Member
from spiroct.networks.build import network_of
from spiroct.networks.network import Network


def networks_of(checkpoint: Checkpoint) -> list[Network]:
    """Build every member's network in float32, ready to predict."""
    return [_network(checkpoint, member) for member in checkpoint.members]


class Ensemble(nn.Module):
    """All members as one module.

    Parameters
    ----------
    networks : list of Network
        The members.
    """

    def __init__(self, networks: list[Network]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(
        self, volume: torch.Tensor, covariates: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return outputs (members, batch, measures) and features (members, batch, width, z, y, x).

        Covariates are (members, batch, covariates).
        """
        maps = [network.features(volume) for network in self.networks]  # type: ignore[operator]
        beside = [None] * len(maps) if covariates is None else covariates
        heads = zip(self.networks, maps, beside, strict=True)
        return torch.stack([network.head(m, aux) for network, m, aux in heads]), torch.stack(maps)  # type: ignore[operator]


def _network(checkpoint: Checkpoint, member: Member) -> Network:
    network = network_of(checkpoint.architecture, outputs=len(checkpoint.measures))
    state = {name: torch.from_numpy(value.copy()) for name, value in member.weights.items()}
    network.load_state_dict(
        {name: value.float() if value.is_floating_point() else value for name, value in state.items()}
    )
    return network.eval()
