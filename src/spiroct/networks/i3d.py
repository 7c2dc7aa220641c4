"""I3D (Carreira 2017, arXiv 1705.07750) as Park 2023 (doi 10.1148/radiol.221488) used it: an inflated Inception-v1.

Park's published code has the Keras network without its top, random weights, a global average pool, a hidden layer of
500 units and one linear output; the volume goes in as coronal frames. Names are those of the common PyTorch port
(``Mixed_3b.b1a.conv3d.weight``), which are DeepMind's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import nn
from torch.nn import functional

from spiroct.networks.network import Network

FEATURES = 1024
# Channels of branch 0; of the reduction and the 3 x 3 x 3 convolution of branches 1 and 2; of branch 3 (Szegedy 2015).
_MIXED: dict[str, tuple[int, int, int, int, int, int]] = {
    "3b": (64, 96, 128, 16, 32, 32),
    "3c": (128, 128, 192, 32, 96, 64),
    "4b": (192, 96, 208, 16, 48, 64),
    "4c": (160, 112, 224, 24, 64, 64),
    "4d": (128, 128, 256, 24, 64, 64),
    "4e": (112, 144, 288, 32, 64, 64),
    "4f": (256, 160, 320, 32, 128, 128),
    "5b": (256, 160, 320, 32, 128, 128),
    "5c": (384, 192, 384, 48, 128, 128),
}
# Before these, the grid shrinks by a max pool of this size and stride (frames, rows, columns).
_POOLS: dict[str, tuple[tuple[int, int, int], tuple[int, int, int]]] = {
    "3b": ((1, 3, 3), (1, 2, 2)),
    "4b": ((3, 3, 3), (2, 2, 2)),
    "5b": ((2, 2, 2), (2, 2, 2)),
}


@dataclass(frozen=True)
class I3DSpec:
    """What an I3D looks like, as plain data.

    Parameters
    ----------
    frames : {"coronal", "axial"}
        Which planes of the volume are the film's frames; along them the grid shrinks eightfold, within them
        thirty-twofold.
    hidden : int
        Units of the hidden layer behind the pool; 0 for none.
    inputs, outputs, aux : int
        Input channels, outputs, and covariates beside the hidden units. Park trained one network per measure.
    dropout : float
        Before the last layer; Park had none.
    """

    frames: Literal["coronal", "axial"] = "coronal"
    hidden: int = 500
    inputs: int = 1
    outputs: int = 4
    aux: int = 0
    dropout: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a network that does not exist."""
        if self.frames not in ("coronal", "axial"):
            raise ValueError(f"frames {self.frames!r} must be 'coronal' or 'axial'")


class I3D(Network):
    """The network: three convolutions, nine inception modules, global average pool, hidden layer, linear layer.

    Parameters
    ----------
    spec : I3DSpec
        What it looks like.
    """

    last_layer: ClassVar[str] = "fc"

    def __init__(self, spec: I3DSpec) -> None:
        super().__init__(spec.aux)
        self.spec = spec
        self.Conv3d_1a_7x7 = _Unit(spec.inputs, 64, 7, stride=2)
        self.Conv3d_2b_1x1 = _Unit(64, 64, 1)
        self.Conv3d_2c_3x3 = _Unit(64, 192, 3)
        width = 192
        for name, channels in _MIXED.items():
            module = _Mixed(width, channels)
            self.add_module(f"Mixed_{name}", module)
            width = module.width
        self.hidden = nn.Linear(FEATURES, spec.hidden) if spec.hidden else None
        self.dropout = nn.Dropout(spec.dropout)
        self.fc = nn.Linear((spec.hidden or FEATURES) + spec.aux, spec.outputs)

    def features(self, volume: torch.Tensor) -> torch.Tensor:
        """Return the feature maps (batch, 1024, z, y, x) that enter the pool."""
        coronal = self.spec.frames == "coronal"
        film = volume.transpose(2, 3) if coronal else volume
        film = _pooled(self.run(self.Conv3d_1a_7x7, film), (1, 3, 3), (1, 2, 2))
        film = self.run(self.Conv3d_2c_3x3, self.run(self.Conv3d_2b_1x1, film))
        for name in _MIXED:
            if name in _POOLS:
                film = _pooled(film, *_POOLS[name])
            film = self.run(self.get_submodule(f"Mixed_{name}"), film)
        return film.transpose(2, 3) if coronal else film

    def head(self, maps: torch.Tensor, aux: torch.Tensor | None = None) -> torch.Tensor:
        """Return the outputs (batch, outputs) of feature maps and covariates (batch, aux)."""
        pooled = maps.mean(dim=(2, 3, 4))
        if self.hidden is not None:
            pooled = functional.relu(self.hidden(pooled))
        result: torch.Tensor = self.fc(self.with_aux(self.dropout(pooled), aux))
        return result


class _Unit(nn.Module):
    """Convolution, batch norm, ReLU; batch norm as in Keras, but with PyTorch's momentum, for cohorts of hundreds."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(inputs, outputs, kernel, stride=stride, padding=kernel // 2 * (stride == 1), bias=False)
        self.bn = nn.BatchNorm3d(outputs, eps=1e-3)

    def forward(self, film: torch.Tensor) -> torch.Tensor:
        if self.conv3d.stride != (1, 1, 1):
            film = functional.pad(film, _padding(film, self.conv3d.kernel_size, self.conv3d.stride))
        return functional.relu(self.bn(self.conv3d(film)))


class _Mixed(nn.Module):
    def __init__(self, inputs: int, channels: tuple[int, int, int, int, int, int]) -> None:
        super().__init__()
        direct, reduce1, out1, reduce2, out2, pooled = channels
        self.width = direct + out1 + out2 + pooled
        self.b0 = _Unit(inputs, direct, 1)
        self.b1a, self.b1b = _Unit(inputs, reduce1, 1), _Unit(reduce1, out1, 3)
        self.b2a, self.b2b = _Unit(inputs, reduce2, 1), _Unit(reduce2, out2, 3)
        self.b3b = _Unit(inputs, pooled, 1)

    def forward(self, film: torch.Tensor) -> torch.Tensor:
        branches = [self.b0(film), self.b1b(self.b1a(film)), self.b2b(self.b2a(film))]
        return torch.cat([*branches, self.b3b(functional.max_pool3d(film, 3, stride=1, padding=1))], dim=1)


def _pooled(film: torch.Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> torch.Tensor:
    """Max pool of values that are not negative, padded as TensorFlow does."""
    return functional.max_pool3d(functional.pad(film, _padding(film, kernel, stride)), kernel, stride)


def _padding(film: torch.Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> list[int]:
    """TensorFlow's "same" padding, last axis first: the odd voxel goes behind."""
    sides: list[int] = []
    for size, k, s in zip(film.shape[:1:-1], kernel[::-1], stride[::-1], strict=True):
        total = max((-(-size // s) - 1) * s + k - size, 0)
        sides += [total // 2, total - total // 2]
    return sides
