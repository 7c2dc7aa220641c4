"""``spiroct explain``: from a scan to maps, accounting, verdicts and a page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from jsonschema import Draft202012Validator

from spiroct.workflows.schemas import schemas


def test_maps_lie_on_the_scan_and_the_document_adds_up(spiroct: Callable, nifti: Path, tmp_path: Path) -> None:
    out = tmp_path / "why"
    words = ("explain", nifti, "--out", out, "--vessels", "none")
    answer = spiroct(*words)
    assert answer.code == 0
    assert "left over" in answer.out
    document = json.loads((out / "explanation.json").read_text(encoding="utf-8"))
    Draft202012Validator(schemas()["explanation.schema.json"]).validate(document)
    scan = sitk.ReadImage(str(nifti))
    for measure in ("DLCO", "FEV1", "FVC", "TLC"):
        found = document["measures"][measure]
        assert found["completeness_error"] < 1e-4
        parts = sum(r["contribution"] or 0.0 for r in found["regions"].values() if r["part"])
        assert parts + found["bias"] == pytest.approx(found["estimate"], rel=1e-4)
        written = sitk.ReadImage(str(out / found["file"]))
        for place in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
            np.testing.assert_allclose(getattr(written, place)(), getattr(scan, place)(), atol=1e-4)
        assert np.ptp(sitk.GetArrayFromImage(written)) > 0
    page = (out / "explanation.html").read_text(encoding="utf-8")
    assert document["how_not_to_read"] in page
    assert "http" not in page.replace("http-equiv", "")
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    assert spiroct(*words).code == 0
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before


def test_refusals(spiroct: Callable, nifti: Path, tmp_path: Path) -> None:
    assert "the methods are ram" in spiroct("explain", nifti, "--out", tmp_path / "a", "--method", "lime").sentence
    assert "known methods are" in spiroct("explain", nifti, "--out", tmp_path / "b", "--vessels", "all").sentence
    refused = spiroct("explain", nifti, "--out", tmp_path / "c", "--vessels", "none", "--layer", "stages.9")
    assert refused.code == 2
    assert "stages.9" in refused.sentence
    assert not list(tmp_path.iterdir())
