"""Biomarkers on volumes whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from spiroct.biomarkers.lungs import lung_biomarkers
from spiroct.imaging.volume import CTVolume, Geometry, LabelMap


def measured(volume: CTVolume, lungs: LabelMap, grid_mm: float | None = None) -> dict[tuple[str, str], float]:
    return {(b.region, b.name): b.value for b in lung_biomarkers(volume, lungs, grid_mm=grid_mm)}


def two_boxes(hu: np.ndarray) -> tuple[CTVolume, LabelMap]:
    geometry = Geometry((10, 20, 40), (2.0, 1.0, 1.0))
    labels = np.zeros(geometry.shape, np.uint8)
    labels[:, 5:15, 2:12], labels[:, 5:15, 22:32] = 1, 2
    values = np.full(geometry.shape, 40.0, np.float32)
    values[labels > 0] = hu
    return CTVolume(values, geometry), LabelMap(labels, geometry)


def test_percentiles_and_laa_are_exact_on_a_constructed_histogram() -> None:
    """2,000 voxels from -1000 to -1 in steps of half a unit: every percentile is known."""
    hu = -1000.0 + np.arange(2000) * 0.5
    volume, lungs = two_boxes(np.random.default_rng(0).permutation(hu))
    found = measured(volume, lungs)
    assert found["lungs", "perc15"] == pytest.approx(np.interp(0.15 * 1999, np.arange(2000), hu), abs=1e-3)
    assert found["lungs", "perc85"] == pytest.approx(np.interp(0.85 * 1999, np.arange(2000), hu), abs=1e-3)
    assert found["lungs", "laa950"] == pytest.approx(100 * 100 / 2000)  # -1000 to -950.5
    assert found["lungs", "mean_density"] == pytest.approx(hu.mean(), abs=1e-3)


def test_volume_and_mass_by_hand() -> None:
    """1,000 voxels of 2 mm3 on each side at -800 HU: 2 mL, and 0.2 g/mL."""
    volume, lungs = two_boxes(np.full(2000, -800.0))
    found = measured(volume, lungs)
    assert found["right_lung", "volume"] == pytest.approx(0.002)
    assert found["lungs", "volume"] == pytest.approx(0.004)
    assert found["left_lung", "mass"] == pytest.approx(0.002 * 0.2)
    assert found["lungs", "mass"] == pytest.approx(found["right_lung", "mass"] + found["left_lung", "mass"])


@pytest.mark.parametrize("spacing", [(1.0, 0.7, 0.7), (2.5, 1.0, 1.0)])
def test_volume_of_a_ball(spacing: tuple[float, float, float]) -> None:
    radius = 30.0
    shape = tuple(int(80 / s) for s in spacing)
    offsets = [(np.arange(n) - (n - 1) / 2) * s for n, s in zip(shape, spacing, strict=True)]
    ball = sum(np.meshgrid(*(o**2 for o in offsets), indexing="ij")) <= radius**2
    geometry = Geometry(shape, spacing)
    volume = CTVolume(np.where(ball, -850, 40).astype(np.float32), geometry)
    found = measured(volume, LabelMap(ball.astype(np.uint8), geometry), grid_mm=1.5)
    assert found["right_lung", "volume"] == pytest.approx(4 / 3 * np.pi * radius**3 / 1e6, rel=0.01)
    assert found["right_lung", "perc15"] == pytest.approx(-850, abs=1)


def test_a_missing_lung_has_reasons_instead_of_numbers() -> None:
    volume, lungs = two_boxes(np.full(2000, -800.0))
    one = LabelMap(np.where(lungs.labels == 1, 1, 0).astype(np.uint8), lungs.geometry)
    left = [b for b in lung_biomarkers(volume, one, grid_mm=None) if b.region == "left_lung"]
    assert {b.name: b.value for b in left} == {"volume": 0.0} | dict.fromkeys(
        ("mean_density", "perc15", "perc85", "laa950", "mass")
    )
    assert all(b.reason for b in left if b.value is None)


def test_grids_are_named_and_mixed_grids_refused() -> None:
    volume, lungs = two_boxes(np.full(2000, -800.0))
    assert {b.grid for b in lung_biomarkers(volume, lungs)} == {"native", "1.5 mm"}
    with pytest.raises(ValueError, match="grid of the volume"):
        lung_biomarkers(volume, LabelMap(lungs.labels, Geometry(lungs.geometry.shape, (1.0, 1.0, 1.0))))
