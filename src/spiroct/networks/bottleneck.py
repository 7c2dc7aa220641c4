"""Stages of bottleneck blocks (He 2016, doi 10.1109/CVPR.2016.90) in two or three dimensions.

The blocks are those of torchvision, with the stride in the 3 x 3 convolution; so are the names, so that weights of
ResNet-50 and of its inflated relatives load key for key.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn
from torch.nn import functional

EXPANSION = 4


def bottleneck_stages(dimensions: Literal[2, 3], width: int, depths: tuple[int, ...]) -> list[nn.Sequential]:
    """Build the stages of a residual network, from ``width`` channels on; all but the first halve every axis.

    Parameters
    ----------
    dimensions : {2, 3}
        Of the pictures.
    width : int
        Channels of the stem and of the first stage's 3 x 3 convolutions; doubled by each stage.
    depths : tuple of int
        Blocks of each stage.
    """
    stages, inputs = [], width
    for i, depth in enumerate(depths):
        inner = width * 2**i
        blocks = [_Bottleneck(dimensions, inputs, inner, 2 if i else 1)]
        inputs = EXPANSION * inner
        blocks += [_Bottleneck(dimensions, inputs, inner, 1) for _ in range(depth - 1)]
        stages.append(nn.Sequential(*blocks))
    return stages


class _Bottleneck(nn.Module):
    def __init__(self, dimensions: Literal[2, 3], inputs: int, width: int, stride: int) -> None:
        super().__init__()
        conv, norm = (nn.Conv2d, nn.BatchNorm2d) if dimensions == 2 else (nn.Conv3d, nn.BatchNorm3d)
        out = EXPANSION * width
        self.conv1 = conv(inputs, width, 1, bias=False)
        self.bn1 = norm(width)
        self.conv2 = conv(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = norm(width)
        self.conv3 = conv(width, out, 1, bias=False)
        self.bn3 = norm(out)
        self.downsample = None
        if inputs != out or stride != 1:
            self.downsample = nn.Sequential(conv(inputs, out, 1, stride=stride, bias=False), norm(out))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        shortcut = maps if self.downsample is None else self.downsample(maps)
        maps = functional.relu(self.bn1(self.conv1(maps)))
        maps = functional.relu(self.bn2(self.conv2(maps)))
        return functional.relu(self.bn3(self.conv3(maps)) + shortcut)
