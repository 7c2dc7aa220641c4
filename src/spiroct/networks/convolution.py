"""Convolutions that train faster on a processor, with the arithmetic of torch's own.

On a processor torch's backward pass of a depth-wise 3D convolution is an order of magnitude slower than the forward
pass, and 1 x 1 x 1 ones make a detour over unfolded copies. Here both are put as operations that are fast: the same
products and sums, in another order.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.nn.grad import conv2d_weight

_LAYOUT = torch.channels_last_3d


class Conv3d(nn.Conv3d):
    """``torch.nn.Conv3d`` in all but the time that it takes to train on a processor.

    Parameters and their names are the parent's, and so is the result wherever no gradient is asked for, on a GPU, and
    in mixed precision.
    """

    def forward(self, volume: torch.Tensor) -> torch.Tensor:
        """Return the convolution of a volume (batch, channels, z, y, x)."""
        if not self._quick(volume):
            return super().forward(volume)
        volume = volume.contiguous(memory_format=_LAYOUT)
        if self.kernel_size == (1, 1, 1) and self.groups == 1:
            return _pointwise(volume, self.weight, self.bias, self.stride)
        if self.kernel_size[1:] == (1, 1):
            return _along_z(volume, self.weight, self.stride[0], int(self.padding[0]))
        found: torch.Tensor = _Depthwise.apply(volume, self.weight, self.stride)  # type: ignore[no-untyped-call]
        return found

    def _quick(self, volume: torch.Tensor) -> bool:
        if not (torch.is_grad_enabled() and volume.device.type == "cpu" and volume.dtype == torch.float32):
            return False
        if torch.is_autocast_enabled("cpu"):
            return False
        if self.kernel_size == (1, 1, 1) and self.groups == 1:
            return True
        depthwise = self.groups == self.in_channels == self.out_channels > 1 and self.bias is None
        if depthwise and self.kernel_size[1:] == (1, 1) and self.stride[1:] == (1, 1):
            return True
        return depthwise and self.kernel_size == (3, 3, 3) and self.padding == (1, 1, 1) and max(self.stride) <= 2


def lay_out_channels_last(network: nn.Module) -> None:
    """Lay the kernels of a network's 3D convolutions out channels last: 1.5 times faster on CPUs, same results."""
    for part in network.modules():
        if isinstance(part, nn.Conv3d):
            part.to(memory_format=_LAYOUT)  # type: ignore[call-overload]


def _pointwise(
    volume: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, stride: tuple[int, ...]
) -> torch.Tensor:
    """Multiply the channels of every voxel by a matrix."""
    picked = volume[:, :, :: stride[0], :: stride[1], :: stride[2]]
    return functional.linear(picked.permute(0, 2, 3, 4, 1), weight.flatten(1), bias).permute(0, 4, 1, 2, 3)


def _along_z(volume: torch.Tensor, weight: torch.Tensor, stride: int, padding: int) -> torch.Tensor:
    """Convolve along z alone: as a picture whose rows are slices."""
    batch, channels, _, y, x = volume.shape
    rows = functional.conv2d(
        volume.flatten(3), weight.flatten(3), stride=(stride, 1), padding=(padding, 0), groups=channels
    )
    return rows.reshape(batch, channels, -1, y, x)


class _Depthwise(torch.autograd.Function):
    """Depth-wise 3 x 3 x 3 convolution with padding 1 and stride 1 or 2, of a volume that lies channels last."""

    @staticmethod
    def forward(ctx: Any, volume: torch.Tensor, weight: torch.Tensor, stride: tuple[int, ...]) -> torch.Tensor:
        ctx.save_for_backward(volume, weight)
        ctx.stride = stride
        return functional.conv3d(volume, weight, stride=stride, padding=1, groups=volume.shape[1])

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None, None]:
        volume, weight = ctx.saved_tensors
        gradient = gradients[0].contiguous(memory_format=_LAYOUT)
        of_volume = of_weight = None
        if ctx.needs_input_grad[0]:
            spread = gradient
            if max(ctx.stride) > 1:  # zeros between the steps: a convolution with stride 1 of what is left
                spread = torch.zeros_like(volume)
                spread[:, :, :: ctx.stride[0], :: ctx.stride[1], :: ctx.stride[2]] = gradient
            of_volume = functional.conv3d(spread, weight.flip((2, 3, 4)), padding=1, groups=volume.shape[1])
        if ctx.needs_input_grad[1]:
            of_weight = torch.stack([_of_plane(volume, gradient, ctx.stride, k) for k in range(3)], dim=2)
        return of_volume, of_weight, None


def _of_plane(volume: torch.Tensor, gradient: torch.Tensor, stride: tuple[int, ...], k: int) -> torch.Tensor:
    """Gradient (channels, 1, 3, 3) of one of the kernel's three planes: a sum over pairs of slices."""
    channels, slices, steps = volume.shape[1], volume.shape[2], gradient.shape[2]
    first = 1 if k == 0 else 0  # the step whose slice lies in the volume; k = 0 looks one slice back
    last = min(steps, (slices - k) // stride[0] + 1)  # one beyond the last step whose slice does
    seen = volume[:, :, first * stride[0] + k - 1 : (last - 1) * stride[0] + k : stride[0]]
    shape = (channels, 1, 3, 3)
    flat = [t.transpose(1, 2).flatten(0, 1) for t in (seen, gradient[:, :, first:last])]
    if flat[0].shape[0] == 0:
        return volume.new_zeros(shape)
    options = {"stride": stride[1:], "padding": 1, "groups": channels}
    found: torch.Tensor = conv2d_weight(flat[0], shape, flat[1], **options)  # type: ignore[no-untyped-call]
    return found
