"""A model is converted once, kept where it can be, and made again when it is damaged or no longer the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spiroct.checkpoints.checkpoint import Checkpoint
from spiroct.inference.engines import conversion
from spiroct.inference.engines.openvino_engine import OpenVinoEngine

ARCHITECTURE = {"name": "resnet3d", "width": 4, "depths": [1]}


@pytest.fixture
def conversions(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return the list of files that were converted."""
    made: list[Path] = []
    original = conversion.convert

    def counted(checkpoint: Checkpoint, path: Path) -> None:
        made.append(path)
        original(checkpoint, path)

    monkeypatch.setattr(conversion, "convert", counted)
    return made


@pytest.fixture
def checkpoint(make_checkpoint: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkpoint:
    monkeypatch.setenv("SPIROCT_CACHE", str(tmp_path / "own-cache"))  # none that another test has filled
    return make_checkpoint(ARCHITECTURE, patch=(8, 8, 8), folder=tmp_path / "checkpoint")


def outputs(checkpoint: Checkpoint) -> np.ndarray:
    return OpenVinoEngine(checkpoint).run(np.full((1, 1, 8, 8, 8), 0.3, np.float32)).outputs


def test_it_is_converted_once_beside_the_checkpoint(checkpoint: Checkpoint, conversions: list[Path]) -> None:
    first = outputs(checkpoint)
    assert np.array_equal(outputs(checkpoint), first)
    assert len(conversions) == 1
    (kept,) = (checkpoint.folder / ".converted").glob("*.xml")
    assert sorted(p.suffix for p in kept.parent.iterdir()) == [".bin", ".xml"]


def test_a_read_only_checkpoint_is_converted_into_the_cache(
    checkpoint: Checkpoint, conversions: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPIROCT_CACHE", str(tmp_path / "cache"))
    checkpoint.folder.mkdir()
    (checkpoint.folder / ".converted").write_text("in the way", encoding="utf-8")
    first = outputs(checkpoint)
    assert list((tmp_path / "cache/converted").glob("*.xml"))
    assert np.array_equal(outputs(checkpoint), first)
    assert len(conversions) == 1


def test_without_any_place_it_works_all_the_same(
    checkpoint: Checkpoint, conversions: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    monkeypatch.setenv("SPIROCT_CACHE", str(tmp_path / "file"))
    nowhere = replace(checkpoint, folder=tmp_path / "file")
    assert np.array_equal(outputs(nowhere), outputs(nowhere))
    assert len(conversions) == 2


def test_a_damaged_file_is_made_again(checkpoint: Checkpoint, conversions: list[Path]) -> None:
    first = outputs(checkpoint)
    (kept,) = (checkpoint.folder / ".converted").glob("*.xml")
    kept.write_bytes(kept.read_bytes()[:500])
    assert np.array_equal(outputs(checkpoint), first)
    assert len(conversions) == 2
    outputs(checkpoint)
    assert len(conversions) == 2


def test_other_weights_are_another_model(checkpoint: Checkpoint, conversions: list[Path]) -> None:
    first = outputs(checkpoint)
    member = checkpoint.members[0]
    louder = replace(member, weights={**member.weights, "fc.bias": member.weights["fc.bias"] + np.float16(1)})
    other = outputs(replace(checkpoint, members=(louder, *checkpoint.members[1:])))
    assert len(conversions) == 2
    np.testing.assert_allclose(other[0] - first[0], 1.0, atol=2e-3)
    np.testing.assert_allclose(other[1], first[1])
