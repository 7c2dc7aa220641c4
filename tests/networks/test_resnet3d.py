"""ResNet3D: its size, the grid it makes, what each option changes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from spiroct.networks.resnet3d import ResNet3D, ResNet3DSpec


def test_parameters_are_those_of_its_convolutions() -> None:
    """Of width w: stem 27 w, a stage from a to b channels 27 (ab + bb) and a shortcut ab; norms 2 a channel."""
    network = ResNet3D(ResNet3DSpec(width=8, depths=(1, 1), outputs=3, aux=2))
    convolutions = 27 * 8 + 27 * (8 * 8 + 8 * 8) + 27 * (8 * 16 + 16 * 16) + 8 * 16
    norms = 2 * (8 + 8 + 8 + 16 + 16 + 16)
    assert sum(p.numel() for p in network.parameters()) == convolutions + norms + (16 + 2) * 3 + 3


@pytest.mark.parametrize("stem", ["convolution", "fold"])
@pytest.mark.parametrize(("side", "left"), [(32, 2), (37, 3)])
def test_every_axis_shrinks_sixteenfold(stem: str, side: int, left: int) -> None:
    network = ResNet3D(ResNet3DSpec(width=8, stem=stem)).eval()
    with torch.no_grad():
        assert network.features(torch.zeros(1, 1, side, 32, 48)).shape == (1, 64, left, 2, 3)


def test_first_stage_may_be_empty() -> None:
    network = ResNet3D(ResNet3DSpec(width=8, depths=[0, 1], hidden=5, outputs=1)).eval()
    with torch.no_grad():
        assert network(torch.zeros(2, 1, 16, 16, 16)).shape == (2, 1)
    assert network.spec.depths == (0, 1)


def test_folded_stem_can_do_what_the_convolution_does() -> None:
    """Cubes of 2 x 2 x 2 voxels hold the taps of a 3 x 3 x 3 kernel at stride 2: its weights can be moved over."""
    torch.manual_seed(0)
    direct, folded = (ResNet3D(ResNet3DSpec(width=4, stem=s)).stem for s in ("convolution", "fold"))
    with torch.no_grad():
        folded.conv.weight.zero_()
        taps = {-1: (0, 1), 0: (1, 0), 1: (1, 1)}  # offset of a voxel: its cube's tap, its place in the cube
        for z, (cz, pz) in taps.items():
            for y, (cy, py) in taps.items():
                for x, (cx, px) in taps.items():
                    place = 4 * pz + 2 * py + px
                    folded.conv.weight[:, place, cz, cy, cx] = direct.conv.weight[:, 0, z + 1, y + 1, x + 1]
        volume = torch.randn(2, 1, 8, 10, 12)
        torch.testing.assert_close(folded(volume), direct(volume), atol=1e-5, rtol=1e-5)


def test_untrained_blocks_are_their_shortcuts() -> None:
    block = ResNet3D(ResNet3DSpec(width=8)).stages[0][0].eval()
    volume = torch.rand(1, 8, 4, 4, 4)
    torch.testing.assert_close(block(volume), volume)


@pytest.mark.parametrize("norm", ["group", "instance"])
def test_without_batch_statistics_a_batch_is_its_patients(norm: str) -> None:
    torch.manual_seed(0)
    network = ResNet3D(ResNet3DSpec(width=8, norm=norm, dropout=0.0)).train()
    volume = torch.randn(3, 1, 32, 32, 32)
    one_by_one = torch.cat([network(v[None]) for v in volume])
    torch.testing.assert_close(network(volume), one_by_one, atol=1e-5, rtol=1e-4)


def test_batch_norm_depends_on_the_batch() -> None:
    torch.manual_seed(0)
    network = ResNet3D(ResNet3DSpec(width=8, dropout=0.0)).train()
    volume = torch.randn(3, 1, 32, 32, 32)
    assert not torch.allclose(network(volume)[:1], network(volume[:1]), atol=1e-3)


def test_norms_by_name() -> None:
    kinds = {
        norm: {type(m) for m in ResNet3D(ResNet3DSpec(norm=norm)).modules() if "Norm" in type(m).__name__}
        for norm in ("batch", "group", "instance")
    }
    assert kinds == {"batch": {nn.BatchNorm3d}, "group": {nn.GroupNorm}, "instance": {nn.GroupNorm}}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"depths": (1, 0)}, "depths"), ({"stem": "maxpool"}, "maxpool"), ({"norm": "layer"}, "layer")],
)
def test_networks_that_do_not_exist(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ResNet3D(ResNet3DSpec(**arguments))
