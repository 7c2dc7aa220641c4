"""Kinetics weights: a file with PyTorchVideo's layout and names (whose equality with the original test_x3d shows)."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from spiroct.checkpoints.initial_weights import load_initial_weights
from spiroct.checkpoints.kinetics import SPATIAL_STEM
from spiroct.errors import CheckpointError, InputError, UsageError
from spiroct.networks.x3d import X3D, X3DSpec

HEAD = ("blocks.5.proj.weight", "blocks.5.proj.bias")


@pytest.fixture(scope="module")
def video() -> X3D:
    """Return an X3D-M on red, green and blue with 400 actions."""
    torch.manual_seed(1)
    return X3D(X3DSpec(inputs=3, outputs=400)).eval()


@pytest.fixture(scope="module")
def file(video: X3D, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kinetics") / "X3D_M.pyth"
    torch.save({"model_state": video.state_dict(), "epoch": 300}, path)
    return path


def ours(**arguments: object) -> X3D:
    torch.manual_seed(2)
    return X3D(X3DSpec(**arguments)).eval()


def test_a_grey_film_is_seen_alike(video: X3D, file: Path) -> None:
    network = ours()
    report = load_initial_weights(network, "kinetics", weights=file)
    assert (len(report.loaded), set(report.missing), set(report.unexpected)) == (560, set(HEAD), set(HEAD))
    assert report.reshaped == {SPATIAL_STEM: "3 input channels summed, for 1"}
    film = torch.randn(1, 1, 8, 64, 64)
    with torch.no_grad():
        grey = film.expand(-1, 3, -1, -1, -1)
        torch.testing.assert_close(network.features(film), video.features(grey), atol=1e-4, rtol=1e-4)


def test_the_stem_may_be_dropped_as_the_authors_do(video: X3D, file: Path) -> None:
    network = ours()
    before = network.state_dict()[SPATIAL_STEM].clone()
    report = load_initial_weights(network, "kinetics", weights=file, stem="drop")
    assert set(report.missing) == {SPATIAL_STEM, *HEAD} == set(report.unexpected)
    assert torch.equal(network.state_dict()[SPATIAL_STEM], before)
    for name in report.loaded:
        assert torch.equal(network.state_dict()[name], video.state_dict()[name])


def test_covariates_and_strides_do_not_hinder(file: Path) -> None:
    report = load_initial_weights(ours(z_stride=2, aux=3, outputs=1), "kinetics", weights=file)
    assert set(report.missing) == set(HEAD)
    assert set(report.unexpected) == set(HEAD)


def test_the_last_layer_never_comes_over(file: Path) -> None:
    network = ours(outputs=400, inputs=3)
    before = network.state_dict()[HEAD[0]].clone()
    report = load_initial_weights(network, "kinetics", weights=file)
    assert set(report.missing) == set(HEAD)
    assert torch.equal(network.state_dict()[HEAD[0]], before)


def test_what_does_not_fit_is_refused(file: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"lacks \d+ tensors of X3D-L.*X3D_L\.pyth"):
        load_initial_weights(ours(size="L"), "kinetics", weights=file)
    with pytest.raises(UsageError, match="batch norm"):
        load_initial_weights(ours(norm="group"), "kinetics", weights=file)
    with pytest.raises(UsageError, match="'sum' or 'drop'"):
        load_initial_weights(ours(), "kinetics", weights=file, stem="mean")
    with pytest.raises(InputError, match="cannot be read"):
        load_initial_weights(ours(), "kinetics", weights=tmp_path / "absent.pyth")
    torch.save({"state": {}}, tmp_path / "other.pyth")
    with pytest.raises(CheckpointError, match="model_state"):
        load_initial_weights(ours(), "kinetics", weights=tmp_path / "other.pyth")
