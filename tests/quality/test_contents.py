"""What the voxels say: air, blood, contrast, and lung at the edge of the field of view."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from spiroct.quality.acquisition import TrainingDomain
from spiroct.quality.blood import find_blood
from spiroct.quality.coarse import coarse_scan
from spiroct.quality.contents import air_hu, judge_contents, lung_at_edge_cm2

UNENHANCED = TrainingDomain((0.5, 3.0), (110.0, 130.0), sharp_kernels=False, contrast=False)


def found(chest: Any, domain: TrainingDomain | None = None) -> dict[str, str]:
    verdicts = judge_contents(coarse_scan(chest.volume, chest.lungs), chest.volume.acquisition, domain)
    return {v.check: str(v.outcome) for v in verdicts}


def with_contrast(chest: Any, hu: float) -> Any:
    blood = (chest.labels["great_vessels"] > 0) | (chest.labels["heart"] > 0)
    return chest.shown(chest.volume.hu + hu * ndimage.gaussian_filter(blood.astype(np.float32), 0.4))


def test_an_ordinary_scan_passes(chest: Any) -> None:
    assert set(found(chest, UNENHANCED).values()) == {"pass"}


def test_blood_is_found_where_blood_is(chest: Any) -> None:
    scan = coarse_scan(chest.volume, chest.lungs)
    blood = find_blood(scan)
    assert blood is not None
    place = tuple(blood.place)
    assert chest.labels["great_vessels"][place] or chest.labels["heart"][place]
    assert 35 < blood.hu < 60


def test_contrast_is_found_without_the_headers_word(chest: Any) -> None:
    enhanced = with_contrast(chest, 120.0)
    assert found(enhanced, UNENHANCED)["contrast"] == "warn"
    assert found(enhanced, UNENHANCED)["contrast_in_training_domain"] == "warn"
    assert "contrast_in_training_domain" not in found(enhanced, replace(UNENHANCED, contrast=True))
    assert "contrast_in_training_domain" not in found(enhanced, replace(UNENHANCED, contrast=None))
    assert "blood_calibration" not in found(enhanced)


def test_an_agent_in_the_header_that_the_blood_does_not_show(chest: Any) -> None:
    named = replace(
        chest, volume=replace(chest.volume, acquisition=replace(chest.volume.acquisition, contrast="Iomeron"))
    )
    assert found(named, UNENHANCED)["contrast"] == "pass"
    assert "contrast_in_training_domain" not in found(named, UNENHANCED)


@pytest.mark.parametrize(
    ("shift", "slope", "check"), [(-80.0, 1.0, "air_calibration"), (0.0, 0.95, "blood_calibration")]
)
def test_a_scale_that_is_off(chest: Any, shift: float, slope: float, check: str) -> None:
    off = chest.shown((chest.volume.hu + 1000.0) * slope - 1000.0 + shift)
    assert found(off)[check] == "warn"


def test_padding_says_nothing_of_air(chest: Any) -> None:
    """Constant -1000 around a circle, as the readers leave it, while the air inside reads -1080."""
    y, x = (np.arange(n) - (n - 1) / 2 for n in chest.volume.hu.shape[1:])
    circle = np.hypot(y[:, None], x[None, :]) < min(len(y), len(x)) / 2
    off = chest.shown(np.where(circle[None], chest.volume.hu - 80.0, -1000.0))
    assert air_hu(coarse_scan(off.volume, off.lungs)) == pytest.approx(-1080.0, abs=15.0)


@pytest.mark.parametrize(("millimetres", "outcome"), [(-12, "pass"), (9, "fail"), (24, "fail")])
def test_a_field_of_view_that_cuts_the_sides(chest: Any, millimetres: int, outcome: str) -> None:
    columns = np.flatnonzero(chest.lungs.labels.any(axis=(0, 1)))
    cut = millimetres // 3
    cropped = chest.cropped(np.s_[:, :, columns[0] + cut : columns[-1] + 1 - cut])
    assert found(cropped)["lungs_cut_at_side"] == outcome


def test_skin_at_the_edge_of_a_coarse_image_is_no_lung(coarse_chests: tuple[Any, ...]) -> None:
    for chest in coarse_chests:
        assert found(chest)["lungs_cut_at_side"] == "pass"
        columns = np.flatnonzero(chest.lungs.labels.any(axis=(0, 1)))
        cropped = chest.cropped(np.s_[:, :, columns[0] + 4 : columns[-1] - 3])
        assert found(cropped)["lungs_cut_at_side"] == "fail"


def test_a_reconstructed_circle_that_cuts_the_sides(chest: Any) -> None:
    columns = np.flatnonzero(chest.lungs.labels.any(axis=(0, 1)))
    y, x = (np.arange(n) - (n - 1) / 2 for n in chest.volume.hu.shape[1:])
    radius = (columns[-1] - columns[0]) / 2 - 4
    circle = np.hypot(y[:, None], x[None, :]) < radius
    cut = chest.shown(np.where(circle[None], chest.volume.hu, -1000.0))
    area = lung_at_edge_cm2(coarse_scan(cut.volume, cut.lungs))
    assert area > 50.0
    assert lung_at_edge_cm2(coarse_scan(chest.volume, chest.lungs)) == 0.0


def test_a_real_scan(shared: Any) -> None:
    """A patient without contrast agent, on a very coarse grid."""
    from spiroct.imaging.reading import read_ct
    from spiroct.segmentation.lungs import segment_lungs

    volume = read_ct(shared / "data" / "ct" / "cip_copd_ct64" / "ct-64.nrrd")
    scan = coarse_scan(volume, segment_lungs(volume))
    blood = find_blood(scan)
    assert blood is not None
    assert 30 < blood.hu < 70
    assert {str(v.outcome) for v in judge_contents(scan, volume.acquisition)} == {"pass"}


@pytest.mark.slow
def test_contrast_that_a_real_header_forgets(shared: Any) -> None:
    """LIDC-IDRI-1011 has contrast agent in its aorta and none in its header."""
    from spiroct.imaging.reading import read_ct
    from spiroct.segmentation.lungs import segment_lungs

    volume = read_ct(shared / "data" / "ct" / "lidc_idri_1011")
    verdicts = {v.check: v for v in judge_contents(coarse_scan(volume, segment_lungs(volume)), volume.acquisition)}
    assert volume.acquisition.contrast is None
    assert verdicts["contrast"].outcome == "warn"
    assert str(verdicts["contrast"].value).startswith("aorta 19")
