"""Regions of two boxes for lungs."""

from __future__ import annotations

import numpy as np

from spiroct.biomarkers.regions import LOBES, regions_of_voxels


def boxes() -> np.ndarray:
    """A right lung of 12 slices and a left one of 9, which begins higher."""
    lungs = np.zeros((14, 12, 30), np.uint8)
    lungs[1:13, 1:11, 1:11] = 1
    lungs[4:13, 1:11, 15:25] = 2
    return lungs


def test_zones_are_thirds_of_each_lungs_own_height() -> None:
    lungs = boxes()
    found = regions_of_voxels(lungs, (1.0, 1.0, 1.0))
    height, side = np.nonzero(lungs)[0], lungs[lungs > 0]
    for zone, right, left in (("lower_zone", (1, 4), (4, 6)), ("upper_zone", (9, 12), (10, 12))):
        for label, ends in ((1, right), (2, left)):
            inside = height[found[zone] & (side == label)]
            assert (inside.min(), inside.max()) == ends
    total = sum(found[z].astype(int) for z in ("lower_zone", "middle_zone", "upper_zone"))
    assert (total == 1).all()


def test_core_and_peel_part_each_lung_in_about_half_and_the_core_lies_inside() -> None:
    lungs = np.zeros((40, 40, 84), np.uint8)
    lungs[1:39, 1:39, 1:39], lungs[1:39, 1:39, 44:82] = 1, 2
    found = regions_of_voxels(lungs, (1.0, 1.0, 1.0))
    assert not (found["core"] & found["peel"]).any()
    for name in ("right_lung", "left_lung"):
        assert 0.4 < np.mean(found["core"][found[name]]) <= 0.5
    core = np.zeros(lungs.shape, bool)
    core[lungs > 0] = found["core"]
    assert core[20, 20, 20]
    assert not core[1].any()
    assert not core[:, :, 38].any()


def test_cut_lungs_have_a_surface_where_the_array_ends() -> None:
    lungs = np.ones((21, 21, 21), np.uint8)
    core = regions_of_voxels(lungs, (1.0, 1.0, 1.0))["core"].reshape(lungs.shape)
    assert core[10, 10, 10]
    assert not core[0].any()


def test_lobes_are_numbered_as_lungmask_does() -> None:
    lungs = boxes()
    lobes = np.where(lungs == 1, 4, np.where(lungs == 2, 1, 0)).astype(np.uint8)
    found = regions_of_voxels(lungs, (1.0, 1.0, 1.0), lobes)
    assert np.array_equal(found["right_middle_lobe"], found["right_lung"])
    assert np.array_equal(found["left_upper_lobe"], found["left_lung"])
    assert not found["right_lower_lobe"].any()
    assert not set(LOBES) & set(regions_of_voxels(lungs, (1.0, 1.0, 1.0)))
