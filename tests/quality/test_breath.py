"""Breath: the back wall of the trachea on painted lumens, dependent density on painted lungs, and the verdicts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.quality.breath import BreathSigns, dependent_density, judge_breath, tracheal_bow
from spiroct.quality.coarse import coarse_scan
from spiroct.quality.verdict import Outcome

SPACING = (3.0, 0.8, 0.8)
SHAPE = (90, 240, 360)


def painted(*, back: float, front: float = -880.0, behind: float = -860.0) -> tuple[CTVolume, LabelMap]:
    """Paint a chest of 2.4 L of lung with a round trachea whose back wall is moved by ``back`` radii.

    The lungs' density rises evenly from ``front`` to ``behind``.
    """
    z, y, x = (np.arange(n) * s for n, s in zip(SHAPE, SPACING, strict=True))
    body = (np.abs(y - 96)[None, :, None] < 80) & (np.abs(x - 144)[None, None, :] < 130) & (z >= 0)[:, None, None]
    hu = np.where(body, 40.0, -1000.0).astype(np.float32)
    labels = np.zeros(SHAPE, np.uint8)
    tall = ((z > 20) & (z < 220))[:, None, None]
    for label, centre in ((1, 74.0), (2, 214.0)):
        oval = ((x - centre)[None, None, :] / 45) ** 2 + ((y - 96)[None, :, None] / 65) ** 2 < 1
        labels[tall & oval] = label
    gradient = np.broadcast_to(np.interp(y, [31.0, 161.0], [front, behind])[None, :, None], SHAPE)
    hu[labels > 0] = gradient[labels > 0]
    radius, dy, dx = 9.0, (y - 100)[:, None], (x - 144)[None, :]
    lumen = np.hypot(dy, dx) < radius
    wall = radius * (1.0 + back * (1.0 - (dx / radius) ** 2)) if back < 0 else np.full_like(dx, np.inf)
    lumen &= dy < wall * np.where(back < 0, 0.55, 1.0)
    hu[(z > 130)[:, None, None] & lumen[None]] = -1000.0
    hu = ndimage.gaussian_filter(hu, (0.0, 0.6, 0.6))
    geometry = Geometry(SHAPE, SPACING)
    return CTVolume(hu, geometry), LabelMap(labels, geometry)


def test_a_round_lumen_bows_outward_by_a_tenth_of_its_width() -> None:
    volume, lungs = painted(back=0.0)
    # A circle: (1 - sqrt(1 - 0.6^2)) / 2 = 0.1, between 0.5 and 0.7 of the half-width.
    assert tracheal_bow(volume, coarse_scan(volume, lungs)) == pytest.approx(0.1, abs=0.03)


def test_a_back_wall_pushed_in_bows_inward() -> None:
    volume, lungs = painted(back=-0.9)
    bow = tracheal_bow(volume, coarse_scan(volume, lungs))
    assert bow is not None
    assert bow < -0.03


def test_a_trachea_on_coarse_pixels_tells_nothing(chest: Any) -> None:
    assert tracheal_bow(chest.volume, coarse_scan(chest.volume, chest.lungs)) is None


def test_dependent_density_is_what_was_painted() -> None:
    volume, lungs = painted(back=0.0, front=-860.0, behind=-740.0)
    front, step = dependent_density(coarse_scan(volume, lungs))
    assert front is not None
    assert step is not None
    assert -860 < front < -820
    assert 60 < step < 110


@pytest.mark.parametrize(
    ("signs", "shallow"),
    [
        (BreathSigns(-0.05, None, None), True),
        (BreathSigns(-0.05, -900.0, 30.0), True),  # the trachea outweighs the density
        (BreathSigns(0.08, -880.0, 90.0), False),
        (BreathSigns(0.08, -830.0, 90.0), None),
        (BreathSigns(0.01, -830.0, 80.0), None),  # a shallow breath, or a stiff chest wall
        (BreathSigns(None, -900.0, 30.0), False),
        (BreathSigns(None, -900.0, 90.0), None),  # contradicting
        (BreathSigns(None, None, None), None),
    ],
)
def test_signs(signs: BreathSigns, shallow: bool | None) -> None:
    assert signs.shallow is shallow


@pytest.mark.parametrize(
    ("back", "front", "behind", "outcome", "word"),
    [
        (-0.9, -830.0, -730.0, Outcome.WARN, "shallow breath"),
        (0.0, -890.0, -860.0, Outcome.PASS, "restriction"),
    ],
)
def test_small_lungs(back: float, front: float, behind: float, outcome: Outcome, word: str) -> None:
    volume, lungs = painted(back=back, front=front, behind=behind)
    verdict = judge_breath(volume, lungs, coarse_scan(volume, lungs), predicted_tlc_l=6.0)
    assert verdict.outcome is outcome
    assert word in verdict.meaning


def test_lungs_of_the_expected_size_pass_unless_the_trachea_is_bowed_in() -> None:
    volume, lungs = painted(back=0.0)
    scan = coarse_scan(volume, lungs)
    assert judge_breath(volume, lungs, scan, predicted_tlc_l=0.9 * lungs.volume_l()).outcome is Outcome.PASS
    volume, lungs = painted(back=-0.9)
    scan = coarse_scan(volume, lungs)
    assert judge_breath(volume, lungs, scan, predicted_tlc_l=0.9 * lungs.volume_l()).outcome is Outcome.WARN


def test_without_demographics_a_fixed_volume_decides(chest: Any) -> None:
    scan = coarse_scan(chest.volume, chest.lungs)
    verdict = judge_breath(chest.volume, chest.lungs, scan)
    assert "unknown" in verdict.limit
    assert verdict.outcome is Outcome.PASS
    assert chest.lungs.volume_l() > 3.0
