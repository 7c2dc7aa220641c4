"""Loading: every tensor of network and file is accounted for; nothing changes that was not loaded."""

from __future__ import annotations

import pytest
import torch

from spiroct.errors import CheckpointError
from spiroct.networks.loading import fewer_channels, load_state
from spiroct.networks.resnet3d import ResNet3D, ResNet3DSpec


def network(**arguments: object) -> ResNet3D:
    return ResNet3D(ResNet3DSpec(**{"width": 4, "depths": (1, 1), **arguments}))


def test_every_tensor_is_in_one_list() -> None:
    torch.manual_seed(0)
    ours, theirs = network(outputs=4), network(outputs=3)
    state = {**theirs.state_dict(), "decoder.weight": torch.zeros(2)}
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    report = load_state(ours, state, source="there", reshaped={"stem.conv.weight": "turned", "fc.bias": "turned"})
    assert report.missing == ("fc.weight", "fc.bias")
    assert report.unexpected == ("decoder.weight", "fc.bias", "fc.weight")
    assert report.reshaped == {"stem.conv.weight": "turned"}  # what did not fit was not taken
    assert {*report.loaded, *report.missing, *report.reshaped} == set(ours.state_dict())
    for name, value in ours.state_dict().items():
        torch.testing.assert_close(value, before[name] if name in report.missing else state[name])


def test_the_report_speaks() -> None:
    ours = network()
    report = load_state(ours, {"stem.conv.weight": torch.ones(4, 1, 3, 3, 3), "x": torch.ones(1)}, source="there")
    told = "\n".join(report.lines())
    assert "there: 1 tensors loaded" in told
    assert "not loaded, as initialised: stem.norm.weight" in told
    assert f"and {len(report.missing) - 6} more" in told
    assert "not used: x" in told
    assert report.to_document()["loaded"] == 1


def test_numbers_keep_the_networks_type() -> None:
    ours = network()
    load_state(ours, {"stem.conv.weight": torch.full((4, 1, 3, 3, 3), 0.5, dtype=torch.bfloat16)}, source="there")
    assert ours.stem.conv.weight.dtype == torch.float32
    assert ours.stem.conv.weight.requires_grad
    assert float(ours.stem.conv.weight.detach().mean()) == 0.5


def test_another_networks_weights_are_refused() -> None:
    with pytest.raises(CheckpointError, match="no tensor in common"):
        load_state(network(), {"blocks.0.weight": torch.zeros(1)}, source="there")


@pytest.mark.parametrize("inputs", [1, 2, 3, 5])
def test_a_grey_picture_is_answered_alike(inputs: int) -> None:
    torch.manual_seed(0)
    weight, picture = torch.randn(4, 3, 1, 3, 3), torch.randn(1, 1, 2, 8, 8)
    ours = fewer_channels(weight, inputs)
    assert ours.shape == (4, inputs, 1, 3, 3)
    answers = [torch.nn.functional.conv3d(picture.expand(-1, w.shape[1], -1, -1, -1), w) for w in (weight, ours)]
    torch.testing.assert_close(answers[0], answers[1], atol=1e-5, rtol=1e-5)
