"""``spiroct doctor``: facts, and what is in the way."""

from __future__ import annotations

import json

import pytest

from spiroct.workflows import doctor as room


def test_this_machine_can_predict() -> None:
    found = room.doctor()
    assert json.loads(json.dumps(found.to_document()))["schema"] == "spiroct.doctor"
    assert found.cores >= 1
    assert found.findings == []
    assert "nothing is in the way" in found.to_table()
    known = {"train", "equations", "dicom", "serve", "cluster", "atlas", "lungmask", "totalsegmentator", "astra"}
    assert set(found.extras) == known
    assert "[atlas] " in found.to_table()


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "REQUIRED", ("numpy", "no-such-library"))
    monkeypatch.setattr(room, "packaged", list)
    monkeypatch.setattr(room, "_memory_gib", lambda: 1.5)
    table = room.doctor().to_table()
    assert "the library no-such-library is missing" in table
    assert "no checkpoint is packaged" in table
    assert "1.5 GiB of memory" in table
