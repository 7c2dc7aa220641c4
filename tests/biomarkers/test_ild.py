"""ILD extent on blocks of lung, and the rule of Goh 2008 on its limits."""

from __future__ import annotations

import numpy as np
import pytest

from spiroct.biomarkers.ild import goh_stage, ild_maps

SPACING = (1.5, 1.5, 1.5)


def extents(hu: np.ndarray) -> tuple[float, float]:
    lungs = np.ones(hu.shape, bool)
    judged, dense, mixed = ild_maps(hu.astype(np.float32), lungs, np.zeros_like(lungs), SPACING)
    return dense[judged].mean(), mixed[judged].mean()


def normal(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(-850, 30, (60, 60, 60))


def test_normal_lung_with_a_vessel_has_none() -> None:
    hu = normal()
    y, x = np.meshgrid(np.arange(60) - 30, np.arange(60) - 30, indexing="ij")
    hu[:, np.hypot(y, x) < 1.5] = 40  # 2 mm of radius
    assert extents(hu) == (0, 0)


def test_ground_glass_in_a_half_is_a_half() -> None:
    hu = normal()
    hu[:30] += 250
    dense, mixed = extents(hu)
    assert dense == pytest.approx(0.5, abs=0.05)
    assert mixed == pytest.approx(0.5, abs=0.05)


def test_honeycombing_is_seen_by_its_texture_alone() -> None:
    """Cysts of air with thin walls: dark on average, nothing but mixed."""
    hu = normal()
    z, y, x = np.indices(hu.shape)
    wall = (z % 5 == 0) | (y % 5 == 0) | (x % 5 == 0)
    hu[:30] = np.where(wall, -500, -970)[:30]
    dense, mixed = extents(hu)
    assert dense < 0.1 or dense == pytest.approx(0.5, abs=0.1)
    assert mixed == pytest.approx(0.5, abs=0.05)


def test_the_surface_and_the_airways_are_not_judged() -> None:
    lungs = np.zeros((40, 40, 40), bool)
    lungs[5:35, 5:35, 5:35] = True
    airways = np.zeros_like(lungs)
    airways[:, 20, 20] = True
    judged, _, _ = ild_maps(np.full(lungs.shape, -850, np.float32), lungs, airways, SPACING)
    assert not judged[5:7].any()
    assert not judged[:, 20, 21].any()
    assert judged[20, 12, 12]


@pytest.mark.parametrize(
    ("extent", "fvc", "stage", "decided_by"),
    [
        (5.0, None, "limited", "extent"),
        (5.0, 50.0, "limited", "extent"),
        (35.0, 90.0, "extensive", "extent"),
        (15.0, 69.9, "extensive", "fvc"),
        (15.0, 70.0, "limited", "fvc"),
        (25.0, 80.0, "limited", "fvc"),
        (10.0, None, None, "nothing"),
        (30.0, None, None, "nothing"),
    ],
)
def test_the_rule(extent: float, fvc: float | None, stage: str | None, decided_by: str) -> None:
    found = goh_stage(extent, fvc)
    assert (found.stage, found.decided_by, found.circular) == (stage, decided_by, False)
    assert "surrogate for the visual score" in found.meaning


def test_a_stage_by_an_estimated_fvc_is_circular() -> None:
    assert goh_stage(15.0, 60.0, fvc_estimated=True).circular
    assert "circular" in goh_stage(15.0, 60.0, fvc_estimated=True).meaning
    assert not goh_stage(5.0, 60.0, fvc_estimated=True).circular  # the FVC had no say
