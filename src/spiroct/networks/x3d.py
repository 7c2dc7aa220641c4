"""X3D (Feichtenhofer 2020, doi 10.1109/CVPR42600.2020.00028) as a regression network on volumes.

State dictionaries are compatible key for key with PyTorchVideo's ``create_x3d``, so that its Kinetics weights load.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import nn
from torch.nn import functional

from spiroct.networks.convolution import Conv3d
from spiroct.networks.network import Network
from spiroct.networks.normalisation import Normalisation, normalisation

STEM_WIDTH, STAGE_WIDTHS = 24, (24, 48, 96, 192)
BASE_DEPTHS = (1, 2, 5, 3)
INNER_RATIO = 2.25
SQUEEZE_RATIO = 0.0625
HEAD_WIDTH, HEAD_OUT = 432, 2048

Size = Literal["XS", "S", "M", "L"]
Pooling = Literal["global", "authors"]
# Depth factor, and the pool of the video network: clip length, then crop / 32 rounded up.
_SIZES: dict[str, tuple[float, tuple[int, int, int]]] = {
    "XS": (2.2, (4, 5, 5)),
    "S": (2.2, (13, 5, 5)),
    "M": (2.2, (16, 7, 7)),
    "L": (5.0, (16, 10, 10)),
}


@dataclass(frozen=True)
class X3DSpec:
    """What an X3D looks like, as plain data.

    Parameters
    ----------
    size : {"XS", "S", "M", "L"}
        XS, S and M share one network and differ in their pool; L is deeper.
    inputs, outputs : int
        Input channels and outputs.
    z_stride : int
        Stride along z in the stem and every stage: 1 as in Jia 2023, 2 shrinks z as y and x.
    pooling : {"global", "authors"}
        Global average, or the authors' average over 16 x 7 x 7 at stride 1 (X3D-M).
    dropout : float
        Before the last layer.
    norm : {"batch", "group", "instance"}
        Normalisation; Kinetics weights belong to ``batch``.
    aux : int
        Covariates that enter beside the 2048 features of every position.
    """

    size: Size = "M"
    inputs: int = 1
    outputs: int = 4
    z_stride: int = 1
    pooling: Pooling = "global"
    dropout: float = 0.5
    norm: Normalisation = "batch"
    aux: int = 0

    def __post_init__(self) -> None:
        """Refuse a network that does not exist."""
        if self.size not in _SIZES:
            raise ValueError(f"X3D size {self.size!r} must be one of {', '.join(_SIZES)}")
        if self.pooling not in ("global", "authors"):
            raise ValueError(f"pooling {self.pooling!r} must be 'global' or 'authors'")


class X3D(Network):
    """The network: stem, four stages, head.

    Parameters
    ----------
    spec : X3DSpec
        What it looks like.
    """

    last_layer: ClassVar[str] = "blocks.5.proj"

    def __init__(self, spec: X3DSpec) -> None:
        super().__init__(spec.aux)
        self.spec = spec
        depth, pool = _SIZES[spec.size]
        blocks: list[nn.Module] = [_Stem(spec)]
        width = STEM_WIDTH
        for base, out in zip(BASE_DEPTHS, STAGE_WIDTHS, strict=True):
            blocks.append(_Stage(int(-(-base * depth // 1)), width, out, spec))
            width = out
        blocks.append(_Head(width, pool if spec.pooling == "authors" else None, spec))
        self.blocks = nn.ModuleList(blocks)

    def features(self, volume: torch.Tensor) -> torch.Tensor:
        """Return the feature maps (batch, 432, z, y, x) at the input of the head's pool."""
        for block in self.blocks[:-1]:
            for part in block.res_blocks if isinstance(block, _Stage) else (block,):
                volume = self.run(part, volume)
        head: _Head = self.blocks[-1]  # type: ignore[assignment]
        return head.pool.before(volume)

    def head(self, maps: torch.Tensor, aux: torch.Tensor | None = None) -> torch.Tensor:
        """Return the outputs (batch, outputs) of feature maps: linear at every position of the pool, then the mean."""
        head: _Head = self.blocks[-1]  # type: ignore[assignment]
        positions = head.dropout(head.pool.after(maps)).permute(0, 2, 3, 4, 1)
        result: torch.Tensor = head.proj(self.with_aux(positions, aux)).mean(dim=(1, 2, 3))
        return result


def round_width(width: float, multiple: int = 8) -> int:
    """Round a width to a multiple of eight, never down by more than a tenth (Howard 2017, MobileNets)."""
    rounded = max(multiple, int(width + multiple / 2) // multiple * multiple)
    return rounded + multiple if rounded < 0.9 * width else rounded


class _Stem(nn.Module):
    def __init__(self, spec: X3DSpec) -> None:
        super().__init__()
        inputs, width, z_stride = spec.inputs, STEM_WIDTH, spec.z_stride
        # Names as in PyTorchVideo, where the spatial convolution is called conv_t.
        self.conv = nn.Sequential()
        self.conv.add_module(
            "conv_t", Conv3d(inputs, width, (1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1), bias=False)
        )
        self.conv.add_module(
            "conv_xy",
            Conv3d(width, width, (5, 1, 1), stride=(z_stride, 1, 1), padding=(2, 0, 0), groups=width, bias=False),
        )
        self.norm = normalisation(spec.norm, width)

    def forward(self, volume: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.norm(self.conv(volume)))


class _Stage(nn.Module):
    def __init__(self, depth: int, inputs: int, outputs: int, spec: X3DSpec) -> None:
        super().__init__()
        self.res_blocks = nn.ModuleList(
            _ResBlock(
                inputs if i == 0 else outputs,
                outputs,
                stride=(spec.z_stride, 2, 2) if i == 0 else (1, 1, 1),
                squeeze=i % 2 == 0,
                norm=spec.norm,
            )
            for i in range(depth)
        )


class _ResBlock(nn.Module):
    def __init__(
        self, inputs: int, outputs: int, *, stride: tuple[int, int, int], squeeze: bool, norm: Normalisation
    ) -> None:
        super().__init__()
        self.branch1_conv = self.branch1_norm = None
        if inputs != outputs or stride != (1, 1, 1):
            self.branch1_conv = Conv3d(inputs, outputs, 1, stride=stride, bias=False)
        if inputs != outputs:
            self.branch1_norm = normalisation(norm, outputs)
        inner = int(INNER_RATIO * outputs)
        self.branch2 = _Bottleneck(inputs, inner, outputs, stride=stride, squeeze=squeeze, norm=norm)

    def forward(self, volume: torch.Tensor) -> torch.Tensor:
        shortcut = volume if self.branch1_conv is None else self.branch1_conv(volume)
        if self.branch1_norm is not None:
            shortcut = self.branch1_norm(shortcut)
        return functional.relu(shortcut + self.branch2(volume))


class _Bottleneck(nn.Module):
    def __init__(
        self,
        inputs: int,
        inner: int,
        outputs: int,
        *,
        stride: tuple[int, int, int],
        squeeze: bool,
        norm: Normalisation,
    ) -> None:
        super().__init__()
        self.conv_a = Conv3d(inputs, inner, 1, bias=False)
        self.norm_a = normalisation(norm, inner)
        self.conv_b = Conv3d(inner, inner, 3, stride=stride, padding=1, groups=inner, bias=False)
        self.norm_b = nn.Sequential(
            normalisation(norm, inner), _SqueezeExcitation(inner, SQUEEZE_RATIO) if squeeze else nn.Identity()
        )
        self.conv_c = Conv3d(inner, outputs, 1, bias=False)
        self.norm_c = normalisation(norm, outputs)

    def forward(self, volume: torch.Tensor) -> torch.Tensor:
        volume = functional.relu(self.norm_a(self.conv_a(volume)))
        volume = functional.silu(self.norm_b(self.conv_b(volume)))
        result: torch.Tensor = self.norm_c(self.conv_c(volume))
        return result


class _SqueezeExcitation(nn.Module):
    def __init__(self, width: int, ratio: float) -> None:
        super().__init__()
        reduced = round_width(ratio * width)
        self.block = nn.Sequential(Conv3d(width, reduced, 1), nn.ReLU(), Conv3d(reduced, width, 1), nn.Sigmoid())

    def forward(self, volume: torch.Tensor) -> torch.Tensor:
        gate: torch.Tensor = self.block(volume.mean(dim=(2, 3, 4), keepdim=True))
        return volume * gate


class _ProjectedPool(nn.Module):
    def __init__(self, inputs: int, kernel: tuple[int, int, int] | None, norm: Normalisation) -> None:
        super().__init__()
        self.kernel = kernel
        self.pre_conv = Conv3d(inputs, HEAD_WIDTH, 1, bias=False)
        self.pre_norm = normalisation(norm, HEAD_WIDTH)
        self.post_conv = Conv3d(HEAD_WIDTH, HEAD_OUT, 1, bias=False)

    def before(self, volume: torch.Tensor) -> torch.Tensor:
        """Return the maps that enter the pool."""
        return functional.relu(self.pre_norm(self.pre_conv(volume)))

    def after(self, maps: torch.Tensor) -> torch.Tensor:
        """Pool and project the maps."""
        if self.kernel is None:
            pooled = maps.mean(dim=(2, 3, 4), keepdim=True)
        else:
            pooled = functional.avg_pool3d(maps, self.kernel, stride=1)
        return functional.relu(self.post_conv(pooled))


class _Head(nn.Module):
    def __init__(self, inputs: int, kernel: tuple[int, int, int] | None, spec: X3DSpec) -> None:
        super().__init__()
        self.pool = _ProjectedPool(inputs, kernel, spec.norm)
        self.dropout = nn.Dropout(spec.dropout)
        self.proj = nn.Linear(HEAD_OUT + spec.aux, spec.outputs)
