"""What every network is: maps of a volume, then a head that may take covariates beside them (late fusion)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn

from spiroct.networks.checkpointing import checkpointed


class Network(nn.Module):
    """A network in two parts, so that what stands between them can be looked at.

    ``forward(volume, aux)`` is ``head(features(volume), aux)``. In a network with ``aux`` covariates, these enter
    beside the pooled features, right before the last linear layer. Set ``checkpointing`` to True to train with less
    memory: what is inside a block is computed again in the backward pass, with the same result.

    Parameters
    ----------
    aux : int
        Number of covariates, which the caller standardises; 0 for none.
    """

    last_layer: ClassVar[str]
    """Name of the last linear layer in the state dictionary, such as ``"fc"``."""

    def __init__(self, aux: int) -> None:
        super().__init__()
        if aux < 0:
            raise ValueError(f"aux {aux} must be 0 or the number of covariates")
        self.aux = aux
        self.checkpointing = False

    def features(self, volume: torch.Tensor) -> torch.Tensor:
        """Return the feature maps (batch, width, z, y, x) at the input of the global average pool."""
        raise NotImplementedError

    def head(self, maps: torch.Tensor, aux: torch.Tensor | None = None) -> torch.Tensor:
        """Return the outputs (batch, outputs) of feature maps and covariates (batch, aux)."""
        raise NotImplementedError

    def forward(self, volume: torch.Tensor, aux: torch.Tensor | None = None) -> torch.Tensor:
        """Return outputs (batch, outputs) of volumes (batch, inputs, z, y, x) and covariates (batch, aux)."""
        return self.head(self.features(volume), aux)

    def head_alone(self) -> Network | None:
        """Return the head as a network of its own on mean maps where the encoder is frozen; None where it is not."""
        return None

    def run(self, block: nn.Module, maps: torch.Tensor) -> torch.Tensor:
        """Run one block of the network, with or without checkpointing."""
        if self.checkpointing and torch.is_grad_enabled():
            return checkpointed(block, maps)
        result: torch.Tensor = block(maps)
        return result

    def with_aux(self, features: torch.Tensor, aux: torch.Tensor | None) -> torch.Tensor:
        """Put the covariates (batch, aux) beside features (batch, ..., width), the same at every position.

        Raises
        ------
        ValueError
            If the covariates are not the ones that this network was built for.
        """
        found = 0 if aux is None else aux.shape[-1]
        if found != self.aux:
            raise ValueError(f"{found} covariates came to a network that takes {self.aux}")
        if aux is None:
            return features
        at_each = aux.to(features).reshape(aux.shape[0], *[1] * (features.ndim - 2), found)
        return torch.cat([features, at_each.expand(*features.shape[:-1], found)], dim=-1)
