"""Cells laid onto voxels: nothing is lost, and each lies where the network looks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from spiroct.attribution.cells import cell_centres, interpolate, spread
from spiroct.attribution.differentiable import watched
from spiroct.imaging.volume import Geometry
from spiroct.networks.build import network_of


@given(st.tuples(*(st.integers(1, 4),) * 3), st.integers(0, 2**31))
def test_the_mean_is_kept(cells: tuple, seed: int) -> None:
    rng = np.random.default_rng(seed)
    maps, patch = rng.normal(size=(2, *cells)), tuple(8 * c for c in cells)
    centres = cell_centres({"name": "resnet3d", "stem": "fold"}, patch, cells)
    for weights in (None, rng.uniform(0.1, 1, (2, *patch))):
        laid = spread(maps, centres, patch, weights=weights)
        np.testing.assert_allclose(laid.mean(axis=(1, 2, 3)), maps.mean(axis=(1, 2, 3)), atol=1e-5)


@pytest.mark.parametrize(
    ("architecture", "layer", "size"),
    [
        ({"name": "resnet3d", "width": 1, "depths": [1, 1], "stem": "convolution"}, "stages.1.0", 32),
        ({"name": "resnet3d", "width": 1, "depths": [0, 1, 1], "stem": "fold"}, "stages.2.0", 64),
        ({"name": "x3d", "size": "XS", "z_stride": 2}, "blocks.1.res_blocks.2", 64),
        ({"name": "x3d", "size": "XS", "z_stride": 1}, "blocks.1.res_blocks.2", 64),
    ],
)
def test_a_cell_is_centred_where_its_gradient_is(architecture: dict, layer: str, size: int) -> None:
    """With equal weights the gradient of a cell is even about the voxel that it is centred on."""
    network = network_of(architecture, outputs=1).eval()
    for module in network.modules():
        if isinstance(module, nn.Conv3d):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())
        if isinstance(module, nn.BatchNorm3d):
            nn.init.constant_(module.weight, 1.0)
        if type(module).__name__ == "_SqueezeExcitation":  # looks at the whole volume
            module.forward = lambda volume: volume
    volume = torch.ones(1, 1, size, size, size, requires_grad=True)
    with watched(network, (layer,)) as seen:
        network.features(volume)
    maps = seen[layer]
    cells = maps.shape[2:]
    middle = tuple(c // 2 for c in cells)
    maps[(0, 0, *middle)].backward()
    slope = volume.grad[0, 0].abs().double().numpy()
    centres = cell_centres(architecture, (size,) * 3, tuple(cells))
    for axis in range(3):
        along = slope.sum(axis=tuple(a for a in range(3) if a != axis))
        assert (along * np.arange(size)).sum() / along.sum() == pytest.approx(centres[axis][middle[axis]], abs=0.05)


def test_interpolation_keeps_planes_and_is_zero_outside() -> None:
    source = Geometry((4, 5, 6), (5.0, 5.0, 5.0), (10.0, 20.0, 30.0))
    z, y, x = np.indices(source.shape)
    plane = (2.0 * z - y + 0.5 * x).astype(np.float32)
    first = source.point((1.2, 0.4, 2.6))
    target = Geometry((3, 3, 3), (2.0, 1.5, 3.0), tuple(float(v) for v in first))
    at = source.index(target.point(np.stack(np.indices(target.shape), axis=-1).astype(float)))
    found = interpolate(plane, source, target)
    np.testing.assert_allclose(found, at @ np.array([2.0, -1.0, 0.5]), atol=1e-4)
    far = Geometry((2, 2, 2), (1.0, 1.0, 1.0), (500.0, 500.0, 500.0))
    assert not interpolate(plane + 7, source, far).any()
