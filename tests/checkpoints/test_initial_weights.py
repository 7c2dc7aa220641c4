"""--init PATH: the trunk comes over, the last layer only where it means the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from spiroct.checkpoints.checkpoint import Checkpoint, TargetScaler
from spiroct.checkpoints.initial_weights import load_initial_weights
from spiroct.errors import CheckpointError, UsageError
from spiroct.networks.build import network_of
from spiroct.networks.network import Network
from spiroct.pft.measures import Measure

HEAD = ("blocks.5.proj.weight", "blocks.5.proj.bias")
VOLUME = torch.randn(2, 1, 32, 32, 32, generator=torch.Generator().manual_seed(5))


@pytest.fixture
def saved(checkpoint: Checkpoint, tmp_path: Path) -> str:
    checkpoint.save(tmp_path / "first")
    return str(tmp_path / "first")


def fresh(checkpoint: Checkpoint, outputs: int = 4, **arguments: object) -> Network:
    torch.manual_seed(9)
    return network_of({**checkpoint.architecture, **arguments}, outputs=outputs).eval()


def litres(network: Network, scaler: TargetScaler, aux: torch.Tensor | None = None) -> np.ndarray:
    with torch.no_grad():
        return scaler.invert(network(VOLUME, aux).double().numpy())


def test_scratch_leaves_the_network_alone(checkpoint: Checkpoint) -> None:
    network = fresh(checkpoint)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    report = load_initial_weights(network, "scratch")
    assert set(report.missing) == set(before)
    assert not report.loaded
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_the_same_measures_take_everything(checkpoint: Checkpoint, saved: str) -> None:
    network = fresh(checkpoint)
    report = load_initial_weights(network, saved, measures=checkpoint.measures)
    assert (report.missing, report.unexpected, report.reshaped) == ((), (), {})
    assert report.sha256 == checkpoint.hash
    for name, value in network.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), checkpoint.members[0].weights[name].astype(value.numpy().dtype))


@pytest.mark.parametrize(
    ("outputs", "measures"),
    [(1, None), (1, [Measure.DLCO]), (4, [Measure.TLC, Measure.FVC, Measure.FEV1, Measure.DLCO])],
)
def test_other_measures_drop_the_last_layer(
    checkpoint: Checkpoint, saved: str, outputs: int, measures: list[Measure] | None
) -> None:
    network = fresh(checkpoint, outputs)
    before = network.state_dict()[HEAD[0]].clone()
    report = load_initial_weights(network, saved, measures=measures)
    assert set(report.missing) == set(report.unexpected) == set(HEAD)
    assert torch.equal(network.state_dict()[HEAD[0]], before)


def test_estimates_stay_in_litres_when_targets_are_scaled_anew(checkpoint: Checkpoint, saved: str) -> None:
    first, second = fresh(checkpoint), fresh(checkpoint)
    load_initial_weights(first, saved)
    new = TargetScaler((6.0, 2.0, 3.0, 5.5), (1.0, 0.5, 2.0, 1.5))
    report = load_initial_weights(second, saved, measures=checkpoint.measures, scaler=new)
    assert set(report.reshaped) == set(HEAD)
    assert not report.missing
    np.testing.assert_allclose(litres(second, new), litres(first, checkpoint.members[0].scaler), atol=1e-5)


def test_new_covariates_start_without_effect(checkpoint: Checkpoint, saved: str) -> None:
    first, second = fresh(checkpoint), fresh(checkpoint, aux=2)
    load_initial_weights(first, saved)
    report = load_initial_weights(second, saved, scaler=checkpoint.members[0].scaler)
    assert report.reshaped == {HEAD[0]: "0 columns of covariates dropped, 2 set to zero"}
    aux = torch.tensor([[1.0, -2.0], [0.5, 3.0]])
    scaler = checkpoint.members[0].scaler
    np.testing.assert_allclose(litres(second, scaler, aux), litres(first, scaler), atol=1e-5)


def test_what_does_not_fit_is_refused(checkpoint: Checkpoint, saved: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no tensor in common"):
        load_initial_weights(network_of({"name": "resnet3d"}, outputs=4), saved)
    with pytest.raises(CheckpointError, match="neither a known name nor a folder"):
        load_initial_weights(fresh(checkpoint), "best")
    with pytest.raises(UsageError, match="--weights"):
        load_initial_weights(fresh(checkpoint), saved, weights=tmp_path / "w")
