"""ImageNet weights: a file with torchvision's layout (whose arithmetic test_resnet50_bilstm checks)."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from spiroct.checkpoints.imagenet import STEM
from spiroct.checkpoints.initial_weights import load_initial_weights
from spiroct.checkpoints.weight_files import weights_folder
from spiroct.errors import CheckpointError, UsageError
from spiroct.networks.build import network_of
from spiroct.networks.resnet50_bilstm import SliceEncoder

SMALL = {"name": "resnet50_bilstm", "width": 4, "depths": [1, 2, 1, 1], "hidden": 4}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    torch.manual_seed(1)
    encoder = SliceEncoder(3, 4, (1, 2, 1, 1))
    path = tmp_path / "resnet.pth"
    torch.save({**encoder.state_dict(), "fc.weight": torch.ones(1000, 128), "fc.bias": torch.ones(1000)}, path)
    return path


@pytest.mark.parametrize(("windows_as", "inputs"), [("embeddings", 1), ("channels", 2)])
def test_the_encoder_comes_over(file: Path, windows_as: str, inputs: int) -> None:
    network = network_of({**SMALL, "windows_as": windows_as}, outputs=2).eval()
    report = load_initial_weights(network, "imagenet", weights=file)
    assert report.reshaped == {STEM: f"3 input channels summed, for {inputs}"}
    assert set(report.unexpected) == {"encoder.fc.weight", "encoder.fc.bias"}
    assert {name.split(".")[0] for name in report.missing} == {"lstm", "fc"}
    theirs = SliceEncoder(3, 4, (1, 2, 1, 1)).eval()
    theirs.load_state_dict(torch.load(file, weights_only=True), strict=False)
    picture = torch.randn(1, 1, 40, 40)
    with torch.no_grad():
        ours = network.encoder.stem(picture.expand(-1, inputs, -1, -1))
        torch.testing.assert_close(ours, theirs.stem(picture.expand(-1, 3, -1, -1)), atol=1e-5, rtol=1e-4)
        assert torch.equal(network.encoder.layer2[1].conv2.weight, theirs.layer2[1].conv2.weight)


def test_what_does_not_fit_is_refused(file: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="resnet50_bilstm"):
        load_initial_weights(network_of({"name": "resnet3d"}, outputs=1), "imagenet", weights=file)
    with pytest.raises(CheckpointError, match=r"lacks \d+ tensors"):
        load_initial_weights(network_of({**SMALL, "depths": [1, 2, 2, 1]}, outputs=1), "imagenet", weights=file)
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(CheckpointError, match="no state dictionary"):
        load_initial_weights(network_of(SMALL, outputs=1), "imagenet", weights=tmp_path / "list.pth")


def test_a_fetched_file_must_have_torchvisions_hash(
    monkeypatch: pytest.MonkeyPatch, file: Path, tmp_path: Path
) -> None:
    monkeypatch.setenv("SPIROCT_CACHE", str(tmp_path))
    weights_folder().mkdir()
    (weights_folder() / "resnet50-0676ba61.pth").write_bytes(file.read_bytes())
    with pytest.raises(CheckpointError, match=r"publisher says 0676ba61"):
        load_initial_weights(network_of(SMALL, outputs=1), "imagenet")
