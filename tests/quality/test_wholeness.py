"""Wholeness: lung left out, holes, leaks and organs in the mask, each done to a mask that is right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.quality.coarse import coarse_scan
from spiroct.quality.wholeness import judge_wholeness, mask_holes_ml
from spiroct.segmentation.lungs import segment_lungs


def outcomes(chest: Any) -> dict[str, str]:
    verdicts = judge_wholeness(coarse_scan(chest.volume, chest.lungs))
    assert all(v.remedy or v.outcome == "pass" for v in verdicts)
    return {v.check: str(v.outcome) for v in verdicts}


def test_true_and_segmented_lungs_pass(chest: Any) -> None:
    right = dict.fromkeys(("lung_left_out", "mask_holes", "mask_leak", "solid_in_mask"), "pass")
    assert outcomes(chest) == right
    assert outcomes(chest.masked(segment_lungs(chest.volume).labels)) == right


@pytest.mark.parametrize(("lobe", "found"), [(1, "fail"), (2, "fail"), (3, "fail"), (4, "warn"), (5, "fail")])
def test_a_lobe_left_out(chest: Any, lobe: int, found: str) -> None:
    labels = np.where(chest.labels["lobes"] == lobe, 0, chest.lungs.labels)
    assert outcomes(chest.masked(labels))["lung_left_out"] == found


def test_a_lung_left_out(chest: Any) -> None:
    assert outcomes(chest.masked(np.where(chest.lungs.labels == 2, 0, chest.lungs.labels)))["lung_left_out"] == "fail"


def test_a_hole(chest: Any) -> None:
    deep = ndimage.distance_transform_edt(chest.lungs.labels == 1)
    z, y, x = (int(i) for i in np.unravel_index(np.argmax(deep), deep.shape))
    labels = chest.lungs.labels.copy()
    labels[z - 5 : z + 6, y - 5 : y + 6, x - 5 : x + 6] = 0  # 33 mm wide: 36 mL
    damaged = chest.masked(labels)
    assert outcomes(damaged)["mask_holes"] == "warn"
    held = np.count_nonzero(chest.lungs.labels) - np.count_nonzero(labels)
    assert mask_holes_ml(coarse_scan(damaged.volume, damaged.lungs)) == pytest.approx(held * 0.027, rel=0.1)


def test_a_leak_into_the_trachea(chest: Any) -> None:
    labels = np.where(chest.labels["airways"] > 0, 1, chest.lungs.labels)
    assert outcomes(chest.masked(labels))["mask_leak"] == "warn"


def test_a_leak_into_the_stomach(chest: Any) -> None:
    """A bubble of gas under the left diaphragm, in a wall, taken for lung."""
    deep = ndimage.distance_transform_edt(chest.labels["liver"] > 0) * 3.0
    z, y, x = (int(i) for i in np.unravel_index(np.argmax(deep), deep.shape))
    grid = np.indices(deep.shape)
    bubble = np.linalg.norm(grid - np.array([z, y, x])[:, None, None, None], axis=0) * 3.0 < 0.7 * deep.max()
    gassy = chest.shown(np.where(bubble, -985.0, chest.volume.hu))
    assert outcomes(gassy)["mask_leak"] == "pass"
    assert outcomes(gassy.masked(np.where(bubble, 2, chest.lungs.labels)))["mask_leak"] in {"warn", "fail"}


def test_a_leak_into_the_room(chest: Any) -> None:
    labels = chest.lungs.labels.copy()
    labels[40:60, 0:8, 40:70] = 1
    assert outcomes(chest.masked(labels))["mask_leak"] == "fail"


def test_a_bulla_is_no_leak(chest: Any) -> None:
    z, y, x = (round(float(c)) for c in ndimage.center_of_mass(chest.lungs.labels == 1))
    grid = np.indices(chest.volume.hu.shape)
    bulla = np.linalg.norm(grid - np.array([z, y, x])[:, None, None, None], axis=0) * 3.0 < 25.0
    assert (
        outcomes(chest.shown(np.where(bulla & (chest.lungs.labels > 0), -995.0, chest.volume.hu)))["mask_leak"]
        == "pass"
    )


def test_the_heart_in_the_mask(chest: Any) -> None:
    assert outcomes(chest.masked(np.where(chest.labels["heart"] > 0, 2, chest.lungs.labels)))["solid_in_mask"] == "warn"


def test_a_mask_of_another_grid_or_none_is_refused(chest: Any) -> None:
    other = Geometry((4, 4, 4), (3.0, 3.0, 3.0))
    with pytest.raises(ValueError, match="on the grid"):
        coarse_scan(CTVolume(np.zeros(other.shape, np.float32), other), chest.lungs)
    with pytest.raises(ValueError, match="empty"):
        coarse_scan(chest.volume, LabelMap(np.zeros_like(chest.lungs.labels), chest.lungs.geometry))
