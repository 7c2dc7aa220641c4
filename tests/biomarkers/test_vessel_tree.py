"""Vessel biomarkers on forests of tubes whose histogram of length by radius is prescribed."""

from __future__ import annotations

import numpy as np
import pytest

from spiroct.biomarkers.centre_lines import CentreLines
from spiroct.biomarkers.vessel_tree import (
    BIN_MM,
    FIT_RANGE_MM,
    fit_line,
    radius_histogram,
    vessel_tree_biomarkers,
)
from spiroct.imaging.volume import CTVolume, Geometry, LabelMap

ALPHA, BETA = -1.1, 9.6


def scan(vessels: np.ndarray, spacing: float) -> tuple[CTVolume, LabelMap, LabelMap]:
    geometry = Geometry(vessels.shape, (spacing,) * 3)
    lungs = LabelMap(np.ones(vessels.shape, np.uint8), geometry)
    hu = np.where(vessels, 40, -850).astype(np.float32)
    return CTVolume(hu, geometry), lungs, LabelMap(vessels.astype(np.uint8), geometry)


def measured(vessels: np.ndarray, spacing: float, **options: object) -> dict:
    return {b.name: b for b in vessel_tree_biomarkers(*scan(vessels, spacing), **options)}


def forest(spacing: float) -> np.ndarray:
    """Parallel oblique tubes: for each bin of radius as many millimetres as exp(alpha r + beta) per mm says."""
    rng = np.random.default_rng(4)
    middles = np.arange(FIT_RANGE_MM[0] + BIN_MM / 2, FIT_RANGE_MM[1], BIN_MM)
    tubes = []
    for middle in middles:
        left = float(np.exp(ALPHA * middle + BETA)) * BIN_MM
        while left > 0:
            tubes.append((middle + (rng.random() - 0.5) * BIN_MM, min(left, 34.0)))
            left -= 34.0
    side = int(np.ceil(np.sqrt(len(tubes))))
    pitch = 11.0
    size = int(side * pitch / spacing)
    vessels = np.zeros((int(50 / spacing), size, size), bool)
    for n, (radius, length) in enumerate(tubes):
        corner = [int(k * pitch / spacing) for k in divmod(n, side)]
        part = vessels[:, corner[0] : corner[0] + int(pitch / spacing), corner[1] : corner[1] + int(pitch / spacing)]
        axes = [np.arange(s) * spacing for s in part.shape]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
        way = np.append(1.0, rng.uniform(-0.05, 0.05, 2))
        way /= np.linalg.norm(way)
        from_start = grid - np.array([6.0, 4.8 + rng.random() * 0.4, 4.8 + rng.random() * 0.4])
        along = np.clip(from_start @ way, 0, length)
        part |= np.linalg.norm(from_start - along[..., None] * way, axis=-1) <= radius
    return vessels


@pytest.mark.parametrize("spacing", [0.5, 0.75])
def test_alpha_and_beta_of_a_prescribed_forest(spacing: float) -> None:
    found = measured(forest(spacing), spacing, grid_mm=None)
    assert found["alpha"].value == pytest.approx(ALPHA, rel=0.05)
    assert found["beta"].value == pytest.approx(BETA, abs=0.25)


def test_the_fit_is_exact_on_an_exact_histogram() -> None:
    middles = np.arange(FIT_RANGE_MM[0] + BIN_MM / 2, FIT_RANGE_MM[1], BIN_MM)
    lengths = np.exp(ALPHA * middles + BETA) * BIN_MM
    lines = CentreLines(np.zeros((len(middles), 3)), middles, lengths)
    assert fit_line(*radius_histogram(lines)) == pytest.approx((ALPHA, BETA))


def test_the_papers_histogram_counts_voxels() -> None:
    lines = CentreLines(np.zeros((5, 3)), np.array([1.1, 1.1, 1.3, 0.2, 9.0]), np.ones(5))
    _, height = radius_histogram(lines, counts="paper")
    assert height[:2].tolist() == [3, 0]
    assert height.sum() == 3
    with pytest.raises(ValueError, match="paper"):
        radius_histogram(lines, counts="magic")


def test_blood_volumes_by_section() -> None:
    """A tube of 1 mm radius (3.1 mm2), one of 1.5 mm (7.1 mm2), one of 3 mm (28 mm2)."""
    spacing = 0.5
    vessels = np.zeros((100, 40, 120), bool)
    y, x = np.meshgrid(np.arange(40) * spacing, np.arange(120) * spacing, indexing="ij")
    areas = []
    for radius, column in ((1.0, 10.1), (1.5, 25.1), (3.0, 45.1)):
        disc = (y - 10.1) ** 2 + (x - column) ** 2 <= radius**2
        areas.append(np.count_nonzero(disc))
        vessels[10:90] |= disc
    found = measured(vessels, spacing, grid_mm=None)
    litres = 80 * spacing**3 / 1e6
    assert found["tbv"].value == pytest.approx(sum(areas) * litres)
    assert found["bv5"].value == pytest.approx(areas[0] * litres, rel=0.1)
    assert found["bv10"].value == pytest.approx(sum(areas[:2]) * litres, rel=0.1)
    assert found["bv5_tbv"].value == pytest.approx(areas[0] / sum(areas), rel=0.1)
    assert found["vessel_volume"].value == pytest.approx(found["tbv"].value)
    assert {b.grid for b in found.values()} == {"native"}


def test_small_vessels_are_counted_on_fine_voxels_only() -> None:
    vessels = np.zeros((10, 30, 30), bool)
    vessels[2:8, 5:7, 5:7] = vessels[2:8, 15:17, 15:17] = vessels[2:8, 20:28, 20:28] = True
    assert measured(vessels, 0.7, grid_mm=None)["small_vessel_count"].value == 2
    refused = measured(vessels, 1.5)["small_vessel_count"]
    assert refused.value is None
    assert "1.5 mm" in str(refused.reason)


def test_no_vessels_have_reasons() -> None:
    found = measured(np.zeros((10, 10, 10), bool), 1.5)
    assert found["tbv"].value == 0
    for name in ("alpha", "beta", "bv5_tbv"):
        assert found[name].value is None
        assert found[name].reason


def test_other_grids_are_refused() -> None:
    volume, lungs, vessels = scan(np.zeros((4, 4, 4), bool), 1.5)
    other = LabelMap(vessels.labels, Geometry((4, 4, 4), (1.0, 1.0, 1.0)))
    with pytest.raises(ValueError, match="grid"):
        vessel_tree_biomarkers(volume, lungs, other)
