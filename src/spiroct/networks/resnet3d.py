"""A plain 3D residual network (He 2016, doi 10.1109/CVPR.2016.90) for coarse grids and processors without a GPU.

X3D saves multiplications by depth-wise convolutions, which a processor runs at a fraction of its speed; here they are
dense and few, and the grid is halved along all axes at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import nn
from torch.nn import functional

from spiroct.networks.network import Network
from spiroct.networks.normalisation import Normalisation, normalisation


@dataclass(frozen=True)
class ResNet3DSpec:
    """What a 3D residual network looks like, as plain data.

    Parameters
    ----------
    width : int
        Channels of the stem and the first stage; each later stage doubles them.
    depths : tuple of int
        Residual blocks in each stage; the first may have none. The stem and every stage but the first halve the grid.
    stem : {"convolution", "fold"}
        A 3 x 3 x 3 convolution at stride 2; or cubes of 2 x 2 x 2 voxels folded into channels, then a 3 x 3 x 3
        convolution, which sees 6 x 6 x 6 voxels.
    norm : {"batch", "group", "instance"}
        Normalisation.
    hidden : int
        Units of a hidden layer between the pool and the last layer; 0 for none.
    inputs, outputs, aux : int
        Input channels, outputs, and covariates beside the pooled features.
    dropout : float
        Before the last layer.
    """

    width: int = 16
    depths: tuple[int, ...] = (1, 1, 1, 1)
    stem: Literal["convolution", "fold"] = "convolution"
    norm: Normalisation = "batch"
    hidden: int = 0
    inputs: int = 1
    outputs: int = 4
    aux: int = 0
    dropout: float = 0.2

    def __post_init__(self) -> None:
        """Refuse a network that does not exist."""
        object.__setattr__(self, "depths", tuple(self.depths))  # a list in a recipe or a card
        if self.width < 1 or not self.depths or self.depths[0] < 0 or min((1, *self.depths[1:])) < 1:
            raise ValueError(f"width {self.width} and depths {self.depths} must be positive, but for the first depth")
        if self.stem not in ("convolution", "fold"):
            raise ValueError(f"stem {self.stem!r} must be 'convolution' or 'fold'")


class ResNet3D(Network):
    """The network: stem, stages of basic residual blocks, global average pool, linear layer.

    Parameters
    ----------
    spec : ResNet3DSpec
        What it looks like.
    """

    last_layer: ClassVar[str] = "fc"

    def __init__(self, spec: ResNet3DSpec) -> None:
        super().__init__(spec.aux)
        self.spec = spec
        self.stem = _Stem(spec)
        width, stages = spec.width, list[nn.Sequential]()
        for i, depth in enumerate(spec.depths):
            out = spec.width * 2**i
            blocks = [_Block(width if j == 0 else out, out, 2 if i and not j else 1, spec.norm) for j in range(depth)]
            stages.append(nn.Sequential(*blocks))
            width = out
        self.stages = nn.ModuleList(stages)
        self.hidden = nn.Linear(width, spec.hidden) if spec.hidden else None
        self.dropout = nn.Dropout(spec.dropout)
        self.fc = nn.Linear((spec.hidden or width) + spec.aux, spec.outputs)

    def features(self, volume: torch.Tensor) -> torch.Tensor:
        """Return the feature maps (batch, width of the last stage, z, y, x) that enter the pool."""
        maps = self.run(self.stem, volume)
        for stage in self.stages:
            for block in stage.children():
                maps = self.run(block, maps)
        return maps

    def head(self, maps: torch.Tensor, aux: torch.Tensor | None = None) -> torch.Tensor:
        """Return the outputs (batch, outputs) of feature maps and covariates (batch, aux)."""
        pooled = maps.mean(dim=(2, 3, 4))
        if self.hidden is not None:
            pooled = functional.relu(self.hidden(pooled))
        result: torch.Tensor = self.fc(self.with_aux(self.dropout(pooled), aux))
        return result


class _Stem(nn.Module):
    def __init__(self, spec: ResNet3DSpec) -> None:
        super().__init__()
        self.fold = spec.stem == "fold"
        inputs, stride = (8 * spec.inputs, 1) if self.fold else (spec.inputs, 2)
        self.conv = nn.Conv3d(inputs, spec.width, 3, stride=stride, padding=1, bias=False)
        self.norm = normalisation(spec.norm, spec.width)

    def forward(self, volume: torch.Tensor) -> torch.Tensor:
        if self.fold:
            volume = _folded(volume)
        return functional.relu(self.norm(self.conv(volume)))


def _folded(volume: torch.Tensor) -> torch.Tensor:
    """Fold cubes of 2 x 2 x 2 voxels into channels; an odd axis repeats its last voxel."""
    odd = [side % 2 for side in volume.shape[:1:-1]]
    if any(odd):
        volume = functional.pad(volume, [value for side in odd for value in (0, side)], mode="replicate")
    b, c, z, y, x = volume.shape
    cubes = volume.reshape(b, c, z // 2, 2, y // 2, 2, x // 2, 2).permute(0, 1, 3, 5, 7, 2, 4, 6)
    return cubes.reshape(b, 8 * c, z // 2, y // 2, x // 2).contiguous(memory_format=torch.channels_last_3d)


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, norm: Normalisation) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.norm1 = normalisation(norm, outputs)
        self.conv2 = nn.Conv3d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = normalisation(norm, outputs)
        # Each block starts as its shortcut (Goyal 2017): the untrained network is shallow and its gradients are even.
        nn.init.zeros_(self.norm2.weight)  # type: ignore[arg-type]  # every normalisation here has a scale
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs or stride != 1:
            self.shortcut = nn.Sequential(
                nn.Conv3d(inputs, outputs, 1, stride=stride, bias=False), normalisation(norm, outputs)
            )

    def forward(self, volume: torch.Tensor) -> torch.Tensor:
        inner = functional.relu(self.norm1(self.conv1(volume)))
        return functional.relu(self.shortcut(volume) + self.norm2(self.conv2(inner)))
