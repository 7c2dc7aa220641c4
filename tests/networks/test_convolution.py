"""Convolutions for training on a processor: torch's results and gradients, whatever the stride and layout."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from spiroct.networks.convolution import Conv3d

CASES = {
    "depth-wise": ((6, 6, 3), {"padding": 1, "groups": 6, "bias": False}),
    "depth-wise, plane stride": ((6, 6, 3), {"padding": 1, "groups": 6, "bias": False, "stride": (1, 2, 2)}),
    "depth-wise, stride": ((6, 6, 3), {"padding": 1, "groups": 6, "bias": False, "stride": 2}),
    "along z": ((6, 6, (5, 1, 1)), {"padding": (2, 0, 0), "groups": 6, "bias": False}),
    "along z, stride": ((6, 6, (5, 1, 1)), {"padding": (2, 0, 0), "groups": 6, "bias": False, "stride": (2, 1, 1)}),
    "point-wise": ((6, 4, 1), {}),
    "point-wise, stride": ((6, 4, 1), {"stride": (1, 2, 2), "bias": False}),
    "any other": ((6, 4, 3), {"padding": 1}),
}


@pytest.mark.parametrize(
    "layout", [torch.contiguous_format, torch.channels_last_3d], ids=["contiguous", "channels last"]
)
@pytest.mark.parametrize("shape", [(2, 6, 7, 9, 8), (1, 6, 8, 8, 8), (1, 6, 1, 5, 5), (2, 6, 2, 1, 3)])
@pytest.mark.parametrize("name", list(CASES))
def test_results_and_gradients_are_torchs(name: str, shape: tuple[int, ...], layout: torch.memory_format) -> None:
    arguments, options = CASES[name]
    torch.manual_seed(0)
    theirs, ours = nn.Conv3d(*arguments, **options), Conv3d(*arguments, **options)
    ours.load_state_dict(theirs.state_dict())
    volume = torch.randn(shape).contiguous(memory_format=layout)
    found = []
    for layer in (theirs, ours):
        leaf = volume.clone().requires_grad_()
        out = layer(leaf)
        (out * torch.arange(out.numel()).reshape(out.shape).remainder(7)).sum().backward()
        found.append((out, leaf.grad, *(p.grad for p in layer.parameters())))
    for a, b in zip(*found, strict=True):
        assert a.shape == b.shape
        scale = float(a.detach().abs().max())  # of sums of hundreds of products, some of which cancel
        torch.testing.assert_close(b, a, atol=1e-5 * scale, rtol=1e-4)


def test_without_gradients_it_is_torchs_to_the_bit() -> None:
    torch.manual_seed(0)
    theirs, ours = nn.Conv3d(6, 4, 1), Conv3d(6, 4, 1)
    ours.load_state_dict(theirs.state_dict())
    with torch.no_grad():
        volume = torch.randn(1, 6, 4, 5, 6)
        assert torch.equal(ours(volume), theirs(volume))
