"""``spiroct explain``: from a scan to maps, accounting, verdicts and a page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from jsonschema import Draft202012Validator

from spiroct.imaging.reading import read_ct
from spiroct.inference.predictor import Predictor
from spiroct.segmentation.lungs import segment_lungs
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


def test_a_prediction_is_explained_in_one_go(
    spiroct: Callable, nifti: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    estimate = Predictor.estimate

    def noted(self: Predictor, *given: object) -> object:
        seen.append("shipped" if self.checkpoint.folder else "scrambled")
        return estimate(self, *given)

    monkeypatch.setattr(Predictor, "estimate", noted)
    person = ("--sex", "F", "--age", "50", "--height", "165")
    answer = spiroct("predict", nifti, "--out", tmp_path / "both", *person, "--explain")
    assert answer.code == 0
    assert "explanation.html" in answer.out
    assert seen == ["shipped", "scrambled"]  # the maps come from the pass that made the estimates
    monkeypatch.undo()
    spiroct("explain", nifti, "--out", tmp_path / "why", *person, "--vessels", "none")
    spiroct("predict", nifti, "--out", tmp_path / "bare", *person)
    both, why, bare = (tmp_path / name for name in ("both", "why", "bare"))
    documents = [json.loads((folder / "explanation.json").read_text(encoding="utf-8")) for folder in (both, why)]
    assert documents[0] == documents[1]  # checks of the scan too
    for measure in ("DLCO", "FEV1", "FVC", "TLC"):
        file = documents[0]["measures"][measure]["file"]
        assert (both / file).read_bytes() == (why / file).read_bytes()
    assert (both / "prediction.json").read_bytes() == (bare / "prediction.json").read_bytes()
    report = (both / "report.html").read_text(encoding="utf-8")
    assert documents[0]["how_not_to_read"] in report
    assert documents[0]["measures"]["TLC"]["verdict"]["summary"] in report
    assert documents[0]["how_not_to_read"] not in (bare / "report.html").read_text(encoding="utf-8")


def test_lobes_from_a_label_map(spiroct: Callable, nifti: Path, tmp_path: Path) -> None:
    words = ("explain", nifti, "--vessels", "none")
    lungs = sitk.ReadImage(str(nifti))
    halves = segment_lungs(read_ct(nifti)).labels
    half = int(np.argwhere(halves)[:, 0].mean())
    lobes = np.zeros_like(halves)
    lobes[:half], lobes[half:] = np.where(halves[:half] == 1, 5, 2), np.where(halves[half:] == 1, 3, 1)
    made = sitk.GetImageFromArray(lobes * (halves > 0))
    made.CopyInformation(lungs)
    sitk.WriteImage(made, str(tmp_path / "lobes.nii.gz"))
    assert spiroct(*words, "--out", tmp_path / "by-lobe", "--lobes", tmp_path / "lobes.nii.gz").code == 0
    document = json.loads((tmp_path / "by-lobe" / "explanation.json").read_text(encoding="utf-8"))
    Draft202012Validator(schemas()["explanation.schema.json"]).validate(document)
    for found in document["measures"].values():
        regions = found["regions"]
        for side, own in (("right", ("upper", "lower")), ("left", ("upper", "lower"))):
            parts = [regions[f"{side}_{name}_lobe"] for name in own]
            for what in ("contribution", "volume_share"):
                whole = regions[f"{side}_lung"][what]
                assert sum(p[what] for p in parts) == pytest.approx(whole, rel=1e-3, abs=1e-4)
    made = sitk.GetImageFromArray(halves + 5)
    made.CopyInformation(lungs)
    sitk.WriteImage(made, str(tmp_path / "wrong.nii.gz"))
    wrong = spiroct(*words, "--out", tmp_path / "a", "--lobes", tmp_path / "wrong.nii.gz")
    assert "have the label 7" in wrong.sentence
    unknown = spiroct(*words, "--out", tmp_path / "b", "--lobes", "by-hand")
    assert "lungmask, totalsegmentator" in unknown.sentence
    with_weights = spiroct(*words, "--out", tmp_path / "c", "--lobes", tmp_path / "lobes.nii.gz", "--weights", tmp_path)
    assert "leave --weights out" in with_weights.sentence


def test_refusals(spiroct: Callable, nifti: Path, tmp_path: Path) -> None:
    assert "the methods are ram" in spiroct("explain", nifti, "--out", tmp_path / "a", "--method", "lime").sentence
    assert "vessel methods are" in spiroct("explain", nifti, "--out", tmp_path / "b", "--vessels", "all").sentence
    refused = spiroct("explain", nifti, "--out", tmp_path / "c", "--vessels", "none", "--layer", "stages.9")
    assert refused.code == 2
    assert "stages.9" in refused.sentence
    assert not list(tmp_path.iterdir())
