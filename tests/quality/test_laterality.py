"""Laterality: swapped labels and mirrored scans are found, whatever the orientation of the file."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.quality.coarse import coarse_scan
from spiroct.quality.laterality import heart_lean_mm, judge_laterality, liver_side
from spiroct.quality.verdict import Outcome

SWAP = np.array([0, 2, 1], np.uint8)


def judged(chest: Any, *, one_sided: bool = True) -> Any:
    return judge_laterality(coarse_scan(chest.volume, chest.lungs), one_sided=one_sided)


def mirrored(chest: Any) -> Any:
    """Flip left and right of the image; the labels go by the image, as a segmentation of it would."""
    flipped = np.ascontiguousarray(chest.volume.hu[..., ::-1])
    return chest.shown(flipped).masked(SWAP[chest.lungs.labels[..., ::-1]])


def test_a_patient_as_he_is(chest: Any) -> None:
    verdict = judged(chest)
    assert verdict.outcome is Outcome.PASS
    assert "liver on the right" in verdict.value


def test_swapped_labels_fail_one_lung_and_warn_both(chest: Any) -> None:
    swapped = chest.masked(SWAP[chest.lungs.labels])
    assert judged(swapped).outcome is Outcome.FAIL
    assert "on the other side" in judged(swapped).value
    assert judged(swapped, one_sided=False).outcome is Outcome.WARN


def test_one_lobe_with_the_other_sides_label(chest: Any) -> None:
    labels = chest.lungs.labels.copy()
    labels[chest.labels["lobes"] == 5] = 2  # the right lower lobe
    assert judged(chest.masked(labels)).outcome is Outcome.FAIL


def test_a_mirrored_scan(chest: Any) -> None:
    verdict = judged(mirrored(chest))
    assert verdict.outcome is Outcome.FAIL
    assert "mirrored" in verdict.meaning
    assert "liver on the left" in verdict.value


def test_liver_and_heart_change_sign_with_the_image(chest: Any) -> None:
    scan, image = coarse_scan(chest.volume, chest.lungs), coarse_scan(mirrored(chest).volume, mirrored(chest).lungs)
    side, top = liver_side(scan)
    other, other_top = liver_side(image)
    assert other == pytest.approx(-side, abs=0.02)
    assert heart_lean_mm(image, other_top) == pytest.approx(-heart_lean_mm(scan, top), abs=1.5)


def test_without_a_liver_the_heart_decides(chest: Any) -> None:
    """Fat in the place of liver, spleen and stomach."""
    organs = (chest.labels["heart"] > 0) | (chest.labels["great_vessels"] > 0) | (chest.labels["bone"] > 0)
    below = np.arange(len(organs))[:, None, None] < coarse_scan(chest.volume, chest.lungs).level(0.36)
    solid = (chest.volume.hu > -100.0) & below & ~organs & (chest.labels["muscle"] == 0)
    empty = chest.shown(np.where(solid, -100.0, chest.volume.hu))
    assert judged(empty).outcome is Outcome.PASS
    assert "liver not told" in judged(empty).value
    assert judged(mirrored(empty)).outcome is Outcome.FAIL
    assert "mirrored" in judged(mirrored(empty)).meaning


def test_a_scan_that_ends_above_the_liver_is_not_called_mirrored(chest: Any) -> None:
    """The heart's apex stands where the liver would be sought, and on the left."""
    scan = coarse_scan(chest.volume, chest.lungs)
    upper = chest.cropped(np.s_[scan.level(0.37) :])
    verdict = judged(upper)
    assert "mirrored scan would go unnoticed" in verdict.meaning
    assert judged(upper, one_sided=False).outcome is Outcome.WARN


def test_nothing_to_tell_by(chest: Any) -> None:
    """Two boxes of air in a box of tissue: a symmetric chest without liver and heart."""
    hu = np.full((40, 60, 100), 40.0, np.float32)
    labels = np.zeros(hu.shape, np.uint8)
    labels[10:30, 15:45, 15:45], labels[10:30, 15:45, 55:85] = 1, 2
    hu[labels > 0] = -850.0
    geometry = Geometry(hu.shape, (4.0, 4.0, 4.0))
    verdict = judge_laterality(
        coarse_scan(CTVolume(hu, geometry, chest.volume.acquisition), LabelMap(labels, geometry)), one_sided=True
    )
    assert verdict.outcome is Outcome.FAIL
    assert "unnoticed" in verdict.meaning


def test_the_files_orientation_does_not_matter(chest: Any) -> None:
    """The same patient with the array's x axis towards his right."""
    shape, spacing = chest.volume.geometry.shape, chest.volume.geometry.spacing
    turned = Geometry(shape, spacing, (1000.0, 0.0, 0.0), ((0.0, 0.0, -1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)))
    hu = np.ascontiguousarray(chest.volume.hu[..., ::-1])
    labels = np.ascontiguousarray(chest.lungs.labels[..., ::-1])
    verdict = judge_laterality(coarse_scan(CTVolume(hu, turned), LabelMap(labels, turned)), one_sided=True)
    assert verdict.outcome is Outcome.PASS
