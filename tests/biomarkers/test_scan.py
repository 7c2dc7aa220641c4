"""All biomarkers of a made-up scan: every name in every region, and parts that add up."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from spiroct.biomarkers.biomarker import Biomarker, nested
from spiroct.biomarkers.gridding import on_grid
from spiroct.biomarkers.scan import GriddedScan, scan_biomarkers
from spiroct.biomarkers.vocabulary import VOCABULARY
from spiroct.errors import UsageError
from spiroct.imaging.volume import CTVolume, Geometry, LabelMap

SPACING = (1.0, 1.0, 1.0)
PAGE = Path(__file__).resolve().parents[2] / "docs/concepts/biomarkers.md"


def made_up() -> GriddedScan:
    """Two boxes of lung with a thin tube in the right, a thick one in the left, and a trachea between."""
    rng = np.random.default_rng(5)
    lungs = np.zeros((60, 50, 110), np.uint8)
    lungs[3:57, 3:47, 3:47], lungs[3:57, 3:47, 63:107] = 1, 2
    y, x = np.meshgrid(np.arange(50), np.arange(110), indexing="ij")
    thin, thick = np.hypot(y - 25.2, x - 25.3) <= 1.2, np.hypot(y - 25.2, x - 85.3) <= 3.1
    vessels = np.zeros(lungs.shape, bool)
    vessels[10:50] = thin | thick
    airways = np.zeros(lungs.shape, bool)
    airways[20:60, 22:28, 52:58] = True
    hu = np.where(lungs > 0, rng.normal(-850, 20, lungs.shape), 40.0)
    hu[vessels], hu[airways] = 40, -990
    return GriddedScan(
        hu.astype(np.float32), lungs, vessels, airways, SPACING, "1 mm", np.where(lungs == 1, 3, 0 * lungs)
    )


@pytest.fixture(scope="module")
def found() -> dict[tuple[str, str], Biomarker]:
    rows = scan_biomarkers(made_up()).biomarkers
    by_name = {(b.region, b.name): b for b in rows}
    assert len(by_name) == len(rows)
    return by_name


def test_every_name_of_the_vocabulary_in_every_region(found: dict[tuple[str, str], Biomarker]) -> None:
    regions = {region for region, _ in found} - {"airways"}
    assert regions == {
        "lungs", "right_lung", "left_lung", "left_upper_lobe", "left_lower_lobe", "right_upper_lobe",
        "right_middle_lobe", "right_lower_lobe", "lower_zone", "middle_zone", "upper_zone", "core", "peel",
    }  # fmt: skip
    for region in regions:
        names = {name for where, name in found if where == region}
        assert names == set(VOCABULARY) - (set() if region == "lungs" else {"goh_extensive"})
    for b in found.values():
        assert b.unit == VOCABULARY[b.name].unit
        assert (b.reason is None) == (b.value is not None)
        assert b.grid == "1 mm"


@pytest.mark.parametrize("name", ["volume", "mass", "vessel_volume", "tbv", "bv5", "bv10"])
@pytest.mark.parametrize(
    "parts", [("right_lung", "left_lung"), ("lower_zone", "middle_zone", "upper_zone"), ("core", "peel")]
)
def test_parts_add_up(found: dict[tuple[str, str], Biomarker], name: str, parts: tuple[str, ...]) -> None:
    assert sum(found[p, name].value for p in parts) == pytest.approx(found["lungs", name].value)


def test_values_by_hand(found: dict[tuple[str, str], Biomarker]) -> None:
    scan = made_up()
    voxel = 1e-6
    assert found["right_lung", "volume"].value == pytest.approx(54 * 44 * 44 * voxel)
    assert found["lungs", "vessel_volume"].value == pytest.approx(np.count_nonzero(scan.vessels) * voxel)
    assert found["lungs", "vessel_share"].value == pytest.approx(
        100 * np.count_nonzero(scan.vessels) / np.count_nonzero(scan.lungs)
    )
    assert found["airways", "volume"].value == pytest.approx(40 * 36 * voxel)
    thin = np.count_nonzero(scan.vessels & (scan.lungs == 1)) * voxel
    assert found["right_lung", "bv5"].value == pytest.approx(thin, rel=0.2)  # 4.5 mm2; its ends come out wider
    assert found["left_lung", "bv5"].value == 0
    bare = scan.hu[(scan.lungs > 0) & ~scan.vessels]
    assert found["lungs", "perc85_without_vessels"].value == pytest.approx(np.percentile(bare, 85))
    assert found["lungs", "perc85_without_vessels"].value < found["lungs", "perc85"].value
    assert found["left_lung", "mean_density"].value > found["right_lung", "mean_density"].value
    assert found["right_lung", "small_vessel_count"].value == 1  # one thin section in each slice with vessels
    assert found["left_lung", "small_vessel_count"].value == 0
    assert found["lungs", "small_vessel_count"].value == 1
    assert found["right_upper_lobe", "volume"].value == found["right_lung", "volume"].value
    assert found["right_lower_lobe", "volume"].value == 0
    assert "right lower lobe" in str(found["right_lower_lobe", "perc85"].reason)
    assert found["lungs", "goh_extensive"].value == 0


def test_indeterminate_extent_has_a_reason_or_is_decided_by_fvc() -> None:
    scan = made_up()
    scan.hu[3:12][scan.lungs[3:12] > 0] = -550  # a sixth of the lungs
    by_fvc = {fvc: scan_biomarkers(scan, fvc_percent_predicted=fvc) for fvc in (None, 50.0)}
    rows = {fvc: {(b.region, b.name): b for b in found.biomarkers} for fvc, found in by_fvc.items()}
    assert 10 < rows[None]["lungs", "ild_extent_texture"].value < 30
    assert rows[None]["lungs", "goh_extensive"].value is None
    assert "no FVC" in str(rows[None]["lungs", "goh_extensive"].reason)
    assert rows[50.0]["lungs", "goh_extensive"].value == 1
    assert by_fvc[50.0].goh is not None
    assert by_fvc[50.0].goh.decided_by == "fvc"


def test_documents_nest_region_and_name(found: dict[tuple[str, str], Biomarker]) -> None:
    document = nested(found.values())
    assert document["lungs"]["volume"] == {
        "value": found["lungs", "volume"].value, "unit": "L", "grid": "1 mm", "reason": None,
    }  # fmt: skip


def test_a_mask_is_used_and_unknown_methods_and_grids_are_refused() -> None:
    scan = made_up()
    geometry = Geometry(scan.hu.shape, SPACING)
    volume, lungs = CTVolume(scan.hu, geometry), LabelMap(scan.lungs, geometry)
    mask = LabelMap(scan.vessels.astype(np.uint8), geometry)
    native = on_grid(volume, lungs, grid_mm=None, vessels=mask)
    assert np.array_equal(native.vessels, scan.vessels)
    assert native.grid == "native"
    coarse = on_grid(volume, lungs, grid_mm=2.0, vessels=mask)
    assert coarse.hu.shape == (30, 25, 55)
    assert coarse.grid == "2 mm"
    with pytest.raises(UsageError, match="graph-cut"):
        on_grid(volume, lungs, vessels="magic")
    other = LabelMap(scan.lungs, Geometry(scan.hu.shape, (2.0, 2.0, 2.0)))
    with pytest.raises(ValueError, match="grid of the volume"):
        on_grid(volume, other)


def test_the_page_lists_the_vocabulary() -> None:
    """A row of name, unit, definition and source for each biomarker, word for word."""
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    page = {name: (unit, meaning, source) for name, unit, meaning, source in rows if name in VOCABULARY}
    assert page == {name: (d.unit, d.meaning, d.source) for name, d in VOCABULARY.items()}
