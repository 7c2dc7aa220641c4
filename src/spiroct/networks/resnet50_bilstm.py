"""ResNet-50 slice by slice, then a bidirectional LSTM over slices, after Choi 2022 (doi 10.1109/BHI56158.2022.9926796).

Their abstract says: embeddings of axial slices from a ResNet-50 in a mediastinal and a lung window, combined, and a
bidirectional LSTM as regressor, for several measures at once. Not published with us, and chosen here: the windows, the
LSTM's width, and that its states are averaged over the slices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import nn
from torch.nn import functional

from spiroct.networks.bottleneck import EXPANSION, bottleneck_stages
from spiroct.networks.network import Network

LUNG_WINDOW_HU = (-1350.0, 150.0)
"""Level -600, width 1500: usual on a reading screen."""
MEDIASTINAL_WINDOW_HU = (-160.0, 240.0)
"""Level 40, width 400: usual on a reading screen."""


@dataclass(frozen=True)
class ResNet50BiLSTMSpec:
    """What the network looks like, as plain data.

    Parameters
    ----------
    input_window_hu : tuple of 2 floats
        What -1 and 1 of the input are: the recipe's ``window_hu``; it should contain both windows.
    windows_hu : tuple of 2-tuples of float
        The windows that each slice is seen in.
    windows_as : {"embeddings", "channels"}
        One embedding per window, put side by side (as their abstract says); or the windows as channels of one
        picture, at half the cost.
    slice_step : int
        See every n-th slice.
    hidden : int
        Units of the LSTM in each direction.
    depths : tuple of 4 ints
        Bottleneck blocks of each stage: (3, 4, 6, 3) is ResNet-50.
    width : int
        Channels of the stem; 64 in ResNet-50.
    outputs, aux : int
        Outputs, and covariates beside the averaged states.
    dropout : float
        Before the last layer.
    """

    input_window_hu: tuple[float, float] = (-1500.0, 1500.0)
    windows_hu: tuple[tuple[float, float], ...] = (LUNG_WINDOW_HU, MEDIASTINAL_WINDOW_HU)
    windows_as: Literal["embeddings", "channels"] = "embeddings"
    slice_step: int = 1
    hidden: int = 256
    depths: tuple[int, int, int, int] = (3, 4, 6, 3)
    width: int = 64
    outputs: int = 4
    aux: int = 0
    dropout: float = 0.2

    def __post_init__(self) -> None:
        """Accept lists, and refuse a network that does not exist."""
        object.__setattr__(self, "depths", tuple(self.depths))
        object.__setattr__(self, "input_window_hu", tuple(float(v) for v in self.input_window_hu))
        object.__setattr__(self, "windows_hu", tuple(tuple(float(v) for v in w) for w in self.windows_hu))
        windows = (self.input_window_hu, *self.windows_hu)
        if len(windows) < 2 or any(len(w) != 2 or w[0] >= w[1] for w in windows):
            raise ValueError(f"windows {windows} must each have a lower end below its upper end")
        if self.windows_as not in ("embeddings", "channels"):
            raise ValueError(f"windows_as {self.windows_as!r} must be 'embeddings' or 'channels'")
        if len(self.depths) != 4 or min(*self.depths, self.width, self.hidden, self.slice_step) < 1:
            raise ValueError(f"depths {self.depths}, width, hidden and slice_step must be positive")


class ResNet50BiLSTM(Network):
    """The network: windows, ResNet-50 of each slice, average in plane, bidirectional LSTM, average over slices.

    Parameters
    ----------
    spec : ResNet50BiLSTMSpec
        What it looks like.
    """

    last_layer: ClassVar[str] = "fc"

    def __init__(self, spec: ResNet50BiLSTMSpec) -> None:
        super().__init__(spec.aux)
        self.spec = spec
        n = len(spec.windows_hu)
        self.encoder = SliceEncoder(n if spec.windows_as == "channels" else 1, spec.width, spec.depths)
        embedding = self.encoder.width * (1 if spec.windows_as == "channels" else n)
        self.lstm = nn.LSTM(embedding, spec.hidden, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(spec.dropout)
        self.fc = nn.Linear(2 * spec.hidden + spec.aux, spec.outputs)

    def features(self, volume: torch.Tensor) -> torch.Tensor:
        """Return each slice's feature maps (batch, embedding, slices, y, x) at the input of the pool in plane."""
        slices = self._windows(volume[:, 0, :: self.spec.slice_step])
        batch, n, z = slices.shape[:3]
        if self.spec.windows_as == "channels":
            maps = self._encoded(slices.transpose(1, 2).flatten(0, 1))  # (batch * z, embedding, y, x)
            return maps.reshape(batch, z, *maps.shape[1:]).transpose(1, 2)
        maps = self._encoded(slices.flatten(0, 2)[:, None])  # (batch * n * z, embedding / n, y, x)
        return maps.reshape(batch, n, z, *maps.shape[1:]).transpose(2, 3).flatten(1, 2)

    def head(self, maps: torch.Tensor, aux: torch.Tensor | None = None) -> torch.Tensor:
        """Return the outputs (batch, outputs) of feature maps and covariates (batch, aux)."""
        states, _ = self.lstm(maps.mean(dim=(3, 4)).transpose(1, 2))
        result: torch.Tensor = self.fc(self.with_aux(self.dropout(states.mean(dim=1)), aux))
        return result

    def _encoded(self, slices: torch.Tensor) -> torch.Tensor:
        maps = self.encoder.stem(slices)
        for block in self.encoder.blocks():
            maps = self.run(block, maps)
        return maps

    def _windows(self, slices: torch.Tensor) -> torch.Tensor:
        """Scale slices (batch, z, y, x) to [-1, 1] in each window: (batch, windows, z, y, x)."""
        low, high = self.spec.input_window_hu
        hu = (slices + 1) * ((high - low) / 2) + low
        seen = [((hu - lower) * (2 / (upper - lower)) - 1).clamp(-1, 1) for lower, upper in self.spec.windows_hu]
        return torch.stack(seen, dim=1)


class SliceEncoder(nn.Module):
    """ResNet-50 without its last layer; names as in torchvision.

    Parameters
    ----------
    inputs, width : int
        Input channels, channels of the stem.
    depths : tuple of 4 ints
        Bottleneck blocks of each stage.
    """

    def __init__(self, inputs: int, width: int, depths: tuple[int, ...]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1, self.layer2, self.layer3, self.layer4 = bottleneck_stages(2, width, depths)
        self.width = 8 * EXPANSION * width

    def stem(self, slices: torch.Tensor) -> torch.Tensor:
        """Return what enters the blocks, of slices (n, inputs, y, x)."""
        maps = functional.relu(self.bn1(self.conv1(slices)))
        return functional.max_pool2d(maps, 3, stride=2, padding=1)

    def blocks(self) -> list[nn.Module]:
        """Return the bottleneck blocks in order; maps (n, width, y, x) leave the last."""
        return [*self.layer1, *self.layer2, *self.layer3, *self.layer4]
