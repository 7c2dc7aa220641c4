"""Weight files: fetched once, the hash of the first time holds, nothing in them runs."""

from __future__ import annotations

import hashlib
import io
import json
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import torch

from spiroct.checkpoints.weight_files import fetched, read_torch_file, weights_folder
from spiroct.errors import CheckpointError, InputError

ADDRESS = "https://weights.invalid/zoo/NET.pyth"


class Answer(io.BytesIO):
    """What a server sends."""

    def __init__(self, content: bytes, length: int | None = None) -> None:
        super().__init__(content)
        self.headers = {"Content-Length": str(len(content) if length is None else length)}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Serve b"weights" and list what was asked for."""
    addresses: list[str] = []

    def urlopen(address: str, timeout: float) -> Answer:
        assert timeout > 0
        addresses.append(address)
        return Answer(b"weights")

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return addresses


def test_fetched_once_and_recorded(asked: list[str], tmp_path: Path) -> None:
    digest = hashlib.sha256(b"weights").hexdigest()
    for _ in range(2):
        path, found = fetched(ADDRESS, tmp_path / "zoo")
        assert (path.read_bytes(), found) == (b"weights", digest)
    assert asked == [ADDRESS]
    record = json.loads((tmp_path / "zoo/NET.pyth.json").read_text())
    assert (record["sha256"], record["url"], record["bytes"]) == (digest, ADDRESS, 7)
    assert sorted(p.name for p in (tmp_path / "zoo").iterdir()) == ["NET.pyth", "NET.pyth.json"]


@pytest.mark.usefixtures("asked")
def test_a_file_that_changed_is_refused(tmp_path: Path) -> None:
    path, _ = fetched(ADDRESS, tmp_path)
    path.write_bytes(b"weightz")
    with pytest.raises(CheckpointError, match="does not change"):
        fetched(ADDRESS, tmp_path)
    path.unlink()
    assert fetched(ADDRESS, tmp_path)[0].read_bytes() == b"weights"


def test_half_a_file_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_a, **_k: Answer(b"wei", length=7))
    with pytest.raises(InputError, match=r"3 of 7 bytes.*--weights FILE"):
        fetched(ADDRESS, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_without_a_network_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_a: Any, **_k: Any) -> None:
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    with pytest.raises(InputError, match=r"no route.*--weights FILE"):
        fetched(ADDRESS, tmp_path)
    with pytest.raises(InputError, match="https only"):
        fetched(ADDRESS.replace("https", "http"), tmp_path)


def test_files_that_would_run_code_are_refused(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save({"model_state": Trap()}, tmp_path / "trap.pyth")
    (tmp_path / "text.pyth").write_text("no weights")
    (tmp_path / "empty.pyth").touch()
    for name in ("trap", "text", "empty"):
        with pytest.raises(CheckpointError, match=f"{name}.pyth cannot be read"):
            read_torch_file(tmp_path / f"{name}.pyth")
    assert not (tmp_path / "ran").exists()


def test_the_folder_of_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPIROCT_CACHE", str(tmp_path))
    assert weights_folder() == tmp_path / "weights"
    monkeypatch.delenv("SPIROCT_CACHE")
    assert weights_folder() == Path.home() / ".cache/spiroct/weights"
