"""HeadAlone: what is trained of a network whose encoder is frozen."""

from __future__ import annotations

import torch

from spiroct.networks.network import Network


class HeadAlone(Network):
    """The head of a network, for mean maps (batch, width, 1, 1, 1) in the place of volumes.

    Its layers are those of the network, under the same names: what is learned here is learned there.

    Parameters
    ----------
    network : Network
        One whose head sees maps through their mean alone.
    layers : tuple of str
        Attributes of the network that its head uses.
    """

    def __init__(self, network: Network, layers: tuple[str, ...]) -> None:
        super().__init__(network.aux)
        self._head = network.head  # a method, not a module: the encoder stays out of the state dictionary
        for name in layers:
            setattr(self, name, getattr(network, name))

    def features(self, volume: torch.Tensor) -> torch.Tensor:
        """Return the mean maps as they came."""
        return volume

    def head(self, maps: torch.Tensor, aux: torch.Tensor | None = None) -> torch.Tensor:
        """Return the outputs (batch, outputs) of mean maps and covariates (batch, aux)."""
        return self._head(maps, aux)
