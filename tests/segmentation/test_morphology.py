"""Morphology in millimetres, on shapes whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from spiroct.segmentation.morphology import closed, dilate, erode, filled, filled_slices, largest_components, opened

SPACING = (2.0, 1.0, 1.0)


def ball(radius: float, shape: tuple[int, int, int] = (31, 61, 61), spacing: tuple[float, ...] = SPACING) -> np.ndarray:
    centre = [(n - 1) / 2 for n in shape]
    offsets = [(np.arange(n) - c) * s for n, c, s in zip(shape, centre, spacing, strict=True)]
    return sum(np.meshgrid(*(o**2 for o in offsets), indexing="ij")) <= radius**2


@pytest.mark.parametrize("by", [3.0, 6.0])
def test_a_ball_grows_and_shrinks_by_millimetres(by: float) -> None:
    grown, shrunk = dilate(ball(12), by, SPACING), erode(ball(12), by, SPACING)
    assert np.count_nonzero(grown ^ ball(12 + by)) < 0.08 * np.count_nonzero(grown)
    assert np.count_nonzero(shrunk ^ ball(12 - by)) < 0.2 * np.count_nonzero(shrunk)


@given(
    st.integers(0, 2**32 - 1),
    st.tuples(*(st.integers(1, 14),) * 3),
    st.tuples(*(st.floats(0.4, 4.0),) * 3),
    st.floats(0.3, 12.0),
)
def test_what_is_near_is_what_scipys_distances_say(seed: int, shape: tuple, spacing: tuple, radius: float) -> None:
    mask = np.random.default_rng(seed).random(shape) < 0.05
    mask.flat[seed % mask.size] = True
    distance = ndimage.distance_transform_edt(~mask, sampling=spacing)
    near = dilate(mask, radius, spacing)
    certain = np.abs(distance - radius) > 1e-4 * radius
    assert np.array_equal(near[certain], (distance <= radius)[certain])


def test_a_voxel_just_at_the_radius_is_near() -> None:
    point = np.zeros((9, 9, 9), bool)
    point[4, 4, 4] = True
    grown = dilate(point, 0.3 + 0.6, (0.9, 0.3, 0.1))  # 0.3 + 0.6 is a little less than 0.9
    assert grown[3:6, 4, 4].all()
    assert grown[4, 1:8, 4].all()
    assert grown[4, 4].all()
    assert not grown[3, 3].any()


@given(st.integers(0, 2**32 - 1), st.tuples(*(st.integers(1, 12),) * 3))
def test_holes_are_those_that_scipy_fills(seed: int, shape: tuple) -> None:
    mask = np.random.default_rng(seed).random(shape) < 0.6
    assert np.array_equal(filled(mask), ndimage.binary_fill_holes(mask))
    assert np.array_equal(filled_slices(mask), np.stack([ndimage.binary_fill_holes(plane) for plane in mask]))


def test_opening_cuts_a_bridge_and_closing_fills_a_hole() -> None:
    two = np.zeros((11, 40, 80), bool)
    two[:, 8:30, 8:30] = two[:, 8:30, 50:72] = True
    bridged = two.copy()
    bridged[5, 18:20, 30:50] = True
    assert len(largest_components(bridged, 5)) == 1
    assert len(largest_components(opened(bridged, 3.0, (2.0, 2.0, 2.0)), 5)) == 2
    holed = ball(14)
    holed[15, 30, 30] = False
    assert closed(holed, 3.0, SPACING)[15, 30, 30]


def test_closing_keeps_the_border_of_the_array() -> None:
    whole = np.ones((6, 10, 10), bool)
    assert closed(whole, 4.0, SPACING).all()
    half = whole.copy()
    half[:, :, 5:] = False
    assert np.array_equal(closed(half, 2.0, SPACING), half)


def test_empty_masks_stay_empty() -> None:
    empty = np.zeros((4, 5, 6), bool)
    for result in (dilate(empty, 2.0, SPACING), erode(empty, 2.0, SPACING), closed(empty, 2.0, SPACING)):
        assert not result.any()
    assert largest_components(empty, 2) == []


def test_small_holes_are_filled_and_large_ones_stay() -> None:
    plane = np.ones((1, 20, 20), bool)
    plane[0, 2:4, 2:4] = False
    plane[0, 8:16, 8:16] = False
    some = filled_slices(plane, 10)
    assert some[0, 2:4, 2:4].all()
    assert not some[0, 8:16, 8:16].any()
    assert filled_slices(plane).all()
