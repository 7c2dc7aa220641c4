"""What holds for every network: maps and head make the outputs, covariates enter, gradients reach every weight."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from spiroct.errors import UsageError
from spiroct.networks.build import NETWORKS, network_of

SMALL: dict[str, dict[str, Any]] = {
    "x3d": {"size": "XS", "z_stride": 2},
    "resnet3d": {"width": 8},
    "i3d": {},
    "i3d_resnet152": {"width": 8, "depths": [1, 2, 1, 1]},
    "resnet50_bilstm": {"width": 8, "depths": [1, 1, 1, 1], "hidden": 8, "slice_step": 16},
}
# Large enough for the last maps to vary, as batch statistics ask.
VOLUMES = dict.fromkeys(NETWORKS, (2, 1, 64, 64, 64)) | {"i3d": (2, 1, 40, 16, 40)}


@pytest.fixture(params=NETWORKS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_outputs_are_the_head_of_the_features(name: str) -> None:
    torch.manual_seed(0)
    network = network_of({"name": name, **SMALL[name]}, outputs=3).eval()
    volume = torch.randn(VOLUMES[name])
    with torch.no_grad():
        maps = network.features(volume)
        outputs = network(volume)
        assert maps.ndim == 5
        assert outputs.shape == (2, 3)
        torch.testing.assert_close(network.head(maps), outputs)
        # The head sees maps through their mean alone, or that of each slice: before it stands a global average pool.
        pooled = (3, 4) if name == "resnet50_bilstm" else (2, 3, 4)
        flat = maps.mean(dim=pooled, keepdim=True).expand_as(maps)
        torch.testing.assert_close(network.head(flat), outputs, atol=1e-5, rtol=1e-4)


def test_gradients_reach_every_weight(name: str) -> None:
    torch.manual_seed(0)
    network = network_of({"name": name, "aux": 2, **SMALL[name]}, outputs=3).train()
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-2)
    for _ in range(2):  # the first step wakes scales that start at zero
        optimiser.zero_grad()
        network(torch.randn(VOLUMES[name]), torch.randn(2, 2)).square().sum().backward()
        optimiser.step()
    dead = [key for key, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not dead


def test_checkpointing_saves_memory_and_changes_nothing(name: str) -> None:
    states, kept = [], []
    for checkpointing in (False, True):
        torch.manual_seed(0)
        network = network_of({"name": name, "dropout": 0.0, **SMALL[name]}, outputs=2).train()
        network.checkpointing = checkpointing
        optimiser = torch.optim.SGD(network.parameters(), lr=1e-2)
        volume, bytes_kept = torch.randn(VOLUMES[name]), []

        def keep(tensor: torch.Tensor, seen: list[int] = bytes_kept) -> torch.Tensor:
            seen.append(tensor.numel())
            return tensor

        for _ in range(2):
            optimiser.zero_grad()
            with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
                loss = network(volume).square().sum()
            loss.backward()
            optimiser.step()
        states.append(network.state_dict())
        kept.append(sum(bytes_kept))
    assert kept[1] < 0.6 * kept[0]
    for key, value in states[0].items():
        torch.testing.assert_close(states[1][key], value, atol=1e-6, rtol=1e-5)


def test_covariates_enter_linearly_beside_the_features(name: str) -> None:
    torch.manual_seed(0)
    network = network_of({"name": name, "aux": 2, **SMALL[name]}, outputs=3).eval()
    volume, aux = torch.randn(VOLUMES[name]), torch.tensor([[0.5, -1.0], [2.0, 0.0]])
    with torch.no_grad():
        weight = network.get_parameter(f"{network.last_layer}.weight")[:, -2:]
        difference = network(volume, aux) - network(volume, torch.zeros(2, 2))
        torch.testing.assert_close(difference, aux @ weight.T, atol=1e-5, rtol=1e-4)


def test_covariates_that_do_not_fit_are_refused(name: str) -> None:
    maps = torch.zeros(1, 4, 1, 1, 1)
    with_two, without = (network_of({"name": name, "aux": n, **SMALL[name]}, outputs=1) for n in (2, 0))
    for network, aux in ((with_two, None), (with_two, torch.zeros(1, 3)), (without, torch.zeros(1, 2))):
        with pytest.raises(ValueError, match="covariates"):
            network.with_aux(maps, aux)
    with pytest.raises(UsageError, match="aux -1"):
        network_of({"name": name, "aux": -1, **SMALL[name]}, outputs=1)


def test_architectures_that_do_not_exist(name: str) -> None:
    with pytest.raises(UsageError, match=r"has no breadth: its arguments are .*aux"):
        network_of({"name": name, "breadth": 2}, outputs=1)
    with pytest.raises(UsageError, match="resnet3d"):
        network_of({"name": "vgg"}, outputs=1)
