"""X3D against PyTorchVideo: the same keys, the same weights, the same outputs."""

from __future__ import annotations

import importlib.machinery
import sys
import types
import warnings

import pytest
import torch

from spiroct.networks.x3d import X3D, X3DSpec, round_width


@pytest.fixture(scope="module")
def oracle() -> types.ModuleType:
    """Return pytorchvideo.models.x3d; torchvision, which it imports and X3D does not use, is stubbed."""
    stubs = {}
    for name in ("torchvision", "torchvision.ops"):
        if name not in sys.modules:
            stub = types.ModuleType(name)
            stub.__spec__ = importlib.machinery.ModuleSpec(name, None)
            stub.__path__ = []
            stub.RoIAlign = object
            stubs[name] = sys.modules[name] = stub
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a package that is no longer maintained
            yield pytest.importorskip("pytorchvideo.models.x3d", reason="the oracle comes with the extra [tests]")
    finally:
        for name in stubs:
            sys.modules.pop(name, None)


def shuffled(network: torch.nn.Module) -> torch.nn.Module:
    """Give batch norms running statistics that are not the identity."""
    generator = torch.Generator().manual_seed(1)
    for name, value in network.state_dict().items():
        if name.endswith("running_mean"):
            value.copy_(torch.randn(value.shape, generator=generator) * 0.1)
        if name.endswith("running_var"):
            value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
    return network.eval()


@pytest.mark.parametrize("size", ["XS", "S", "M", pytest.param("L", marks=pytest.mark.slow)])
def test_outputs_equal_pytorchvideo(oracle: types.ModuleType, size: str) -> None:
    clip, crop, depth = {"XS": (4, 160, 2.2), "S": (13, 160, 2.2), "M": (16, 224, 2.2), "L": (16, 312, 5.0)}[size]
    torch.manual_seed(0)
    theirs = shuffled(
        oracle.create_x3d(
            input_clip_length=clip, input_crop_size=crop, model_num_class=4, depth_factor=depth, head_activation=None
        )
    )
    ours = X3D(X3DSpec(size=size, inputs=3, outputs=4, pooling="authors"))
    ours.load_state_dict(theirs.state_dict(), strict=True)
    volume = torch.randn(1, 3, clip, crop, crop)
    with torch.no_grad():
        torch.testing.assert_close(ours.eval()(volume), theirs(volume), atol=1e-5, rtol=1e-5)


def test_x3d_m_has_the_published_size() -> None:
    video = X3D(X3DSpec(size="M", inputs=3, outputs=400, pooling="authors"))
    assert sum(p.numel() for p in video.parameters()) == 3_794_274
    assert len(video.state_dict()) == 563
    ours = sum(p.numel() for p in X3D(X3DSpec()).parameters())
    assert ours == pytest.approx(2.98e6, rel=0.002)


@pytest.mark.parametrize(("z_stride", "depth"), [(1, 32), (2, 1)])
def test_strides_shrink_the_grid_as_the_paper_says(z_stride: int, depth: int) -> None:
    with torch.no_grad():
        maps = X3D(X3DSpec(z_stride=z_stride)).eval().features(torch.zeros(1, 1, 32, 48, 48))
    assert maps.shape == (1, 432, depth, 2, 2)


def test_global_pooling_takes_any_size_and_any_channels() -> None:
    network = X3D(X3DSpec(inputs=2, outputs=1)).eval()
    with torch.no_grad():
        assert network(torch.zeros(1, 2, 9, 33, 65)).shape == (1, 1)


def test_authors_pool_equals_the_global_one_when_the_map_is_as_large() -> None:
    torch.manual_seed(0)
    pooled, averaged = (X3D(X3DSpec(pooling=p)).eval() for p in ("authors", "global"))
    averaged.load_state_dict(pooled.state_dict())
    volume = torch.randn(1, 1, 16, 224, 224)
    with torch.no_grad():
        torch.testing.assert_close(pooled(volume), averaged(volume), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    ("width", "rounded"), [(54 * 0.0625, 8), (108 * 0.0625, 8), (216 * 0.0625, 16), (432 * 0.0625, 32)]
)
def test_widths_round_to_eights(width: float, rounded: int) -> None:
    assert round_width(width) == rounded


def test_a_network_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="XXL"):
        X3DSpec(size="XXL")
    with pytest.raises(ValueError, match="median"):
        X3DSpec(pooling="median")


@pytest.mark.parametrize("norm", ["group", "instance"])
def test_without_batch_statistics_a_batch_is_its_patients(norm: str) -> None:
    torch.manual_seed(0)
    network = X3D(X3DSpec(size="XS", z_stride=2, norm=norm, dropout=0.0)).train()
    assert not any(isinstance(module, torch.nn.BatchNorm3d) for module in network.modules())
    volume = torch.randn(2, 1, 64, 64, 64)
    with torch.no_grad():
        one_by_one = torch.cat([network(v[None]) for v in volume])
        torch.testing.assert_close(network(volume), one_by_one, atol=1e-5, rtol=1e-4)
