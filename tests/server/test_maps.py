"""Maps of where an estimate comes from, on the grid of the view and at their place in the patient."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from spiroct.attribution.attribution_map import AttributionMap, Cost, PatchMap
from spiroct.attribution.explanation import HOW_NOT_TO_READ, Explanation, MeasureExplanation
from spiroct.documents import write_json
from spiroct.imaging.orientation import to_canonical
from spiroct.imaging.volume import CANONICAL_DIRECTION, CTVolume, Geometry
from spiroct.imaging.writing import write_nifti_map
from spiroct.inference.prediction import ModelLine
from spiroct.pft.measures import Measure
from spiroct.quality.verdict import Outcome, Verdict
from spiroct.server.maps import write_maps
from spiroct.server.view import write_view
from spiroct.workflows.explanations import STEPS

FLIPPED = ((0.0, 0.0, -1.0), (0.0, -1.0, 0.0), (-1.0, 0.0, 0.0))


def explained(geometry: Geometry, values: np.ndarray, outcome: Outcome, folder: Path) -> Path:
    """Write an explanation of one measure into a folder of its own."""
    seen = to_canonical(CTVolume(values, geometry))
    patch = PatchMap(
        Measure.TLC, "ram", "pool", seen.hu[None], np.zeros(1), np.ones(1), "L", Cost(1, 0.1), np.ones_like(seen.hu)
    )
    verdict = Verdict(check="in_the_body", outcome=outcome, value=0.1, limit="at most 0.2", meaning="Where it lies")
    one = MeasureExplanation(AttributionMap(geometry, patch, seen.geometry), "ram_TLC.nii.gz", (), (verdict,))
    model = ModelLine("m", "h", "simulated patients", "none", demonstration_only=True)
    explanation = Explanation("scan", model, "demonstration only", {Measure.TLC: one}, (), (), {})
    folder.mkdir()
    write_json(folder / "explanation.json", explanation.to_document())
    write_nifti_map(values, geometry, folder / one.file, largest=float(np.abs(values).max()), steps=STEPS)
    return folder


@pytest.mark.parametrize("direction", [CANONICAL_DIRECTION, FLIPPED])
@pytest.mark.parametrize("most", [30_000, 10_000_000])
def test_a_map_lies_on_the_scan_and_tells_its_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, direction: tuple[tuple[float, float, float], ...], most: int
) -> None:
    monkeypatch.setattr("spiroct.server.view.MOST_VOXELS", most)
    geometry = Geometry((40, 48, 56), (2.0, 1.0, 1.5), (-30.0, 12.0, -400.0), direction)  # type: ignore[arg-type]
    values = np.zeros(geometry.shape, np.float32)
    values[8:12, 30:36, 40:44] = -3.5
    spacing = write_view(CTVolume(np.zeros(geometry.shape, np.float32), geometry), {}, tmp_path)
    (told,) = write_maps(explained(geometry, values, Outcome.FAIL, tmp_path / "out"), spacing, tmp_path)
    scan, found = (sitk.ReadImage(str(tmp_path / name)) for name in ("scan.nii.gz", told["file"]))
    assert found.GetSize() == scan.GetSize()
    assert found.GetOrigin() == pytest.approx(scan.GetOrigin())
    assert found.GetDirection() == pytest.approx(scan.GetDirection())
    array = sitk.GetArrayFromImage(found)
    place = np.argwhere(array < -1).mean(axis=0)[::-1]
    wanted = geometry.point(np.argwhere(values).mean(axis=0))
    assert found.TransformContinuousIndexToPhysicalPoint(place.tolist()) == pytest.approx(wanted, abs=1.0)
    assert 0 < told["reach"] <= 3.6
    assert (told["measure"], told["unit"], told["believable"]) == ("TLC", "L", False)
    assert told["summary"].startswith("Do not build on this map")
    assert told["how_not_to_read"] == HOW_NOT_TO_READ


def test_a_map_of_nothing_still_has_colours(tmp_path: Path) -> None:
    geometry = Geometry((4, 4, 4), (1.0, 1.0, 1.0))
    nothing = explained(geometry, np.zeros((4, 4, 4), np.float32), Outcome.PASS, tmp_path / "out")
    (told,) = write_maps(nothing, geometry.spacing, tmp_path)
    assert told["reach"] == 1.0
    assert told["believable"]
