"""ResNet-50 and BiLSTM: torchvision's names and arithmetic, the windows, the order of slices.

Compared once with torchvision 0.28.0, which does not load beside a processor-only torch: same keys, equal maps.
"""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from spiroct.networks.resnet50_bilstm import ResNet50BiLSTM, ResNet50BiLSTMSpec, SliceEncoder

SMALL = {"width": 4, "depths": (1, 1, 1, 1), "hidden": 8}


def small(**arguments: object) -> ResNet50BiLSTM:
    torch.manual_seed(0)
    return ResNet50BiLSTM(ResNet50BiLSTMSpec(**{**SMALL, **arguments})).eval()


def test_resnet_50_has_its_published_size() -> None:
    """25,557,032 parameters with the last layer (2048 x 1000 + 1000), in 320 tensors with it."""
    encoder = SliceEncoder(3, 64, (3, 4, 6, 3))
    assert sum(p.numel() for p in encoder.parameters()) + 2_049_000 == 25_557_032
    assert len(encoder.state_dict()) + 2 == 320


def resnet_from_names(state: dict[str, torch.Tensor], slices: torch.Tensor) -> torch.Tensor:
    """ResNet-50's trunk, written from torchvision's names alone (version 1.5: the stride is in conv2)."""

    def conv(name: str, x: torch.Tensor, **arguments: int) -> torch.Tensor:
        return functional.conv2d(x, state[f"{name}.weight"], **arguments)

    def norm(name: str, x: torch.Tensor) -> torch.Tensor:
        parts = (state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        return functional.batch_norm(x, *parts)

    x = norm("bn1", conv("conv1", slices, stride=2, padding=3)).relu()
    x = functional.max_pool2d(x, 3, 2, 1)
    for layer, depth in enumerate((3, 4, 6, 3), start=1):
        for i in range(depth):
            name, stride = f"layer{layer}.{i}", 2 if layer > 1 and i == 0 else 1
            y = norm(f"{name}.bn1", conv(f"{name}.conv1", x)).relu()
            y = norm(f"{name}.bn2", conv(f"{name}.conv2", y, stride=stride, padding=1)).relu()
            y = norm(f"{name}.bn3", conv(f"{name}.conv3", y))
            if i == 0:
                x = norm(f"{name}.downsample.1", conv(f"{name}.downsample.0", x, stride=stride))
            x = (x + y).relu()
    return x


def test_the_encoder_is_resnet_50() -> None:
    torch.manual_seed(0)
    encoder = SliceEncoder(3, 64, (3, 4, 6, 3)).eval()
    slices = torch.randn(1, 3, 65, 80)
    with torch.no_grad():
        maps = encoder.stem(slices)
        for block in encoder.blocks():
            maps = block(maps)
        assert maps.shape == (1, 2048, 3, 3)
        torch.testing.assert_close(maps, resnet_from_names(encoder.state_dict(), slices), atol=1e-4, rtol=1e-4)


def test_windows_in_hounsfield_units() -> None:
    network = small(input_window_hu=(-1000.0, 200.0), windows_hu=[[-1000, 0], [-100, 100]])
    hu = torch.tensor([-1000.0, -500.0, -100.0, 0.0, 50.0, 200.0])
    seen = network._windows(((hu + 1000) / 600 - 1).reshape(1, 1, 1, 6)).reshape(2, 6)
    torch.testing.assert_close(seen[0], torch.tensor([-1.0, 0.0, 0.8, 1.0, 1.0, 1.0]), atol=1e-5, rtol=0)
    torch.testing.assert_close(seen[1], torch.tensor([-1.0, -1.0, -1.0, 0.0, 0.5, 1.0]), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("windows_as", "width"), [("embeddings", 256), ("channels", 128)])
def test_each_slice_is_seen_by_itself(windows_as: str, width: int) -> None:
    network = small(windows_as=windows_as)
    volume = torch.rand(2, 1, 5, 40, 48) * 2 - 1
    with torch.no_grad():
        maps = network.features(volume)
        assert maps.shape == (2, width, 5, 2, 2)
        torch.testing.assert_close(maps[1:, :, 3:4], network.features(volume[1:, :, 3:4]), atol=1e-5, rtol=1e-4)
        stepped = small(windows_as=windows_as, slice_step=2).features(volume)
        torch.testing.assert_close(stepped, maps[:, :, ::2], atol=1e-5, rtol=1e-4)


def test_embeddings_of_the_windows_stand_side_by_side() -> None:
    both = small()
    volume = torch.rand(1, 1, 2, 40, 40) * 2 - 1
    with torch.no_grad():
        maps = both.features(volume)
        for i, window in enumerate(both.spec.windows_hu):
            one = small(windows_hu=(window,))
            one.encoder.load_state_dict(both.encoder.state_dict())
            torch.testing.assert_close(maps[:, 128 * i : 128 * (i + 1)], one.features(volume), atol=1e-5, rtol=1e-4)


def test_the_order_of_slices_matters() -> None:
    network = small()
    volume = torch.rand(1, 1, 6, 40, 40) * 2 - 1
    with torch.no_grad():
        assert not torch.allclose(network(volume), network(volume.flip(2)), atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"windows_hu": ()}, "windows"),
        ({"windows_hu": ((0, -100),)}, "lower end"),
        ({"windows_as": "colours"}, "colours"),
        ({"slice_step": 0}, "slice_step"),
    ],
)
def test_networks_that_do_not_exist(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ResNet50BiLSTMSpec(**arguments)
