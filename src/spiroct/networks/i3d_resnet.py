"""Inflated 3D ResNet-152, the image encoder of Merlin and Astra, whose weights were trained on CT and reports.

Layer names are those of the published encoders, so that their weights load key for key. The encoders were trained on
volumes scaled to [0, 1] with axes (superior, right, anterior); the network turns spiroct's input, [-1, 1] and
(superior, posterior, left), into that, and its feature maps back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional

from spiroct.networks.bottleneck import EXPANSION, bottleneck_stages
from spiroct.networks.head_alone import HeadAlone
from spiroct.networks.network import Network

CHANNELS = 3


@dataclass(frozen=True)
class I3DResNetSpec:
    """What an inflated ResNet looks like, as plain data.

    Parameters
    ----------
    depths : tuple of 4 ints
        Bottleneck blocks of each stage: (3, 8, 36, 3) is ResNet-152.
    width : int
        Channels of the stem.
    frozen : bool
        Keep the encoder as it is, batch statistics included, and train the head alone.
    hidden : int
        Units of a hidden layer between the pool and the last layer; 0 for none.
    outputs, aux : int
        Outputs, and covariates beside the pooled features. The input has one channel, which the stem sees thrice.
    dropout : float
        Before the last layer.
    """

    depths: tuple[int, int, int, int] = (3, 8, 36, 3)
    width: int = 64
    frozen: bool = False
    hidden: int = 0
    outputs: int = 4
    aux: int = 0
    dropout: float = 0.2

    def __post_init__(self) -> None:
        """Refuse a network that does not exist."""
        object.__setattr__(self, "depths", tuple(self.depths))
        if len(self.depths) != 4 or min(self.depths) < 1 or self.width < 1:
            raise ValueError(f"depths {self.depths} must be four positive numbers, and width {self.width} positive")


class I3DResNet(Network):
    """The network: stem, max pool, four stages of inflated bottlenecks, global average pool, linear layer.

    Parameters
    ----------
    spec : I3DResNetSpec
        What it looks like.
    """

    last_layer: ClassVar[str] = "fc"

    def __init__(self, spec: I3DResNetSpec) -> None:
        super().__init__(spec.aux)
        self.spec = spec
        self.conv1 = nn.Conv3d(CHANNELS, spec.width, (3, 7, 7), stride=(1, 2, 2), padding=(1, 3, 3), bias=False)
        self.bn1 = nn.BatchNorm3d(spec.width)
        self.layer1, self.layer2, self.layer3, self.layer4 = bottleneck_stages(3, spec.width, spec.depths)
        inputs = 8 * EXPANSION * spec.width
        self.hidden = nn.Linear(inputs, spec.hidden) if spec.hidden else None
        self.dropout = nn.Dropout(spec.dropout)
        self.fc = nn.Linear((spec.hidden or inputs) + spec.aux, spec.outputs)
        if spec.frozen:
            for module in self._encoder():
                module.requires_grad_(requires_grad=False)
            self.train()  # a trainer keeps the mode that it finds

    def _encoder(self) -> list[nn.Module]:
        return [self.conv1, self.bn1, self.layer1, self.layer2, self.layer3, self.layer4]

    def train(self, mode: bool = True) -> I3DResNet:  # noqa: FBT001, FBT002  # the signature of nn.Module
        """Set training mode; a frozen encoder keeps its batch statistics."""
        super().train(mode)
        if self.spec.frozen:
            for module in self._encoder():
                module.eval()
        return self

    def features(self, volume: torch.Tensor) -> torch.Tensor:
        """Return the feature maps (batch, 32 * width, z, y, x) that enter the pool."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.spec.frozen):
            maps = ((volume + 1) / 2).flip((3, 4)).transpose(3, 4).expand(-1, CHANNELS, -1, -1, -1)
            maps = functional.relu(self.bn1(self.conv1(maps)))
            maps = functional.max_pool3d(maps, 3, stride=2, padding=1)
            for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
                for block in stage:
                    maps = self.run(block, maps)
            return maps.transpose(3, 4).flip((3, 4))

    def head(self, maps: torch.Tensor, aux: torch.Tensor | None = None) -> torch.Tensor:
        """Return the outputs (batch, outputs) of feature maps and covariates (batch, aux)."""
        pooled = maps.mean(dim=(2, 3, 4))
        if self.hidden is not None:
            pooled = functional.relu(self.hidden(pooled))
        result: torch.Tensor = self.fc(self.with_aux(self.dropout(pooled), aux))
        return result

    def head_alone(self) -> Network | None:
        """Return the head on mean maps where the encoder is frozen, with this network's own layers."""
        return HeadAlone(self, ("hidden", "dropout", "fc")) if self.spec.frozen else None
