"""The words of ``spiroct train``."""

from __future__ import annotations

from pathlib import Path

import pytest

from spiroct.errors import CheckpointError
from spiroct.workflows.training_options import origin


@pytest.mark.parametrize("source", ["scratch", "kinetics", "imagenet", "ct"])
def test_a_named_source_needs_no_checkpoint_of_its_name(source: str, tmp_path: Path) -> None:
    assert origin(source, None) == source
    (tmp_path / "weights").write_bytes(b"one")
    one = origin(source, tmp_path / "weights")
    (tmp_path / "weights").write_bytes(b"two")
    assert one != origin(source, tmp_path / "weights")


def test_any_other_source_is_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nowhere"):
        origin(str(tmp_path / "nowhere"), None)
