"""Axis orders: exact there and back, for all 48."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from spiroct.imaging.orientation import as_matrix3, obliqueness_degrees, restore, to_canonical
from spiroct.imaging.volume import CANONICAL_DIRECTION, CTVolume, Geometry, LabelMap

from .conftest import AXIS_ORDERS, turned


@pytest.mark.parametrize(("order", "flips"), AXIS_ORDERS)
def test_every_axis_order_comes_back_to_the_same_voxels(chest: CTVolume, order: tuple, flips: tuple) -> None:
    stored = turned(chest, order, flips)
    back = to_canonical(stored)
    assert np.array_equal(back.hu, chest.hu)
    assert back.geometry.direction == CANONICAL_DIRECTION
    assert back.geometry.spacing == chest.geometry.spacing
    np.testing.assert_allclose(back.geometry.origin, chest.geometry.origin, atol=1e-9)
    labels = LabelMap((stored.hu < -500).astype(np.uint8), stored.geometry)
    assert np.array_equal(restore(to_canonical(labels), stored.geometry).labels, labels.labels)


@given(
    st.tuples(*(st.integers(1, 6),) * 3),
    st.tuples(*(st.floats(0.3, 5),) * 3),
    st.tuples(*(st.floats(-500, 500),) * 3),
    st.integers(0, 2**31),
)
def test_a_voxel_keeps_its_place_in_the_patient(shape: tuple, spacing: tuple, origin: tuple, seed: int) -> None:
    rotation = Rotation.random(random_state=np.random.RandomState(seed)).as_matrix()
    geometry = Geometry(shape, spacing, origin, as_matrix3(rotation))
    marked = np.zeros(shape, np.float32)
    index = tuple(np.random.default_rng(seed).integers(0, shape))
    marked[index] = 1
    back = to_canonical(CTVolume(marked, geometry))
    (found,) = np.argwhere(back.hu == 1)
    np.testing.assert_allclose(back.geometry.point(found.astype(float)), geometry.point(index), atol=1e-6)


@given(st.tuples(*(st.floats(-50, 50),) * 3), st.integers(0, 2**31))
def test_index_and_point_are_inverses(index: tuple, seed: int) -> None:
    rotation = Rotation.random(random_state=np.random.RandomState(seed)).as_matrix()
    geometry = Geometry((4, 5, 6), (2.0, 0.7, 0.9), (10.0, -20.0, 30.0), as_matrix3(rotation))
    np.testing.assert_allclose(geometry.index(geometry.point(index)), index, atol=1e-8)


def test_obliqueness_is_the_angle() -> None:
    tilt = Rotation.from_euler("x", 12, degrees=True).as_matrix() @ np.asarray(CANONICAL_DIRECTION)
    assert obliqueness_degrees(Geometry((2, 2, 2), (1, 1, 1), direction=as_matrix3(tilt))) == pytest.approx(12)


def test_a_mask_of_another_scan_is_refused(chest: CTVolume) -> None:
    other = Geometry(chest.geometry.shape, chest.geometry.spacing, (0.0, 0.0, 0.0))
    labels = LabelMap(np.zeros(chest.geometry.shape, np.uint8), chest.geometry)
    with pytest.raises(ValueError, match="canonical grid"):
        restore(labels, other)


@pytest.mark.parametrize(
    ("shape", "spacing", "direction", "message"),
    [
        ((0, 1, 1), (1, 1, 1), CANONICAL_DIRECTION, "shape"),
        ((1, 1, 1), (1, -1, 1), CANONICAL_DIRECTION, "spacing"),
        ((1, 1, 1), (1, 1, float("nan")), CANONICAL_DIRECTION, "spacing"),
        ((1, 1, 1), (1, 1, 1), ((1.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)), "orthonormal"),
    ],
)
def test_impossible_geometries(shape: tuple, spacing: tuple, direction: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Geometry(shape, spacing, direction=direction)


def test_arrays_must_fit_their_geometry() -> None:
    geometry = Geometry((2, 3, 4), (1, 1, 1))
    with pytest.raises(ValueError, match="does not fit"):
        CTVolume(np.zeros((4, 3, 2), np.float32), geometry)
    with pytest.raises(ValueError, match="does not fit"):
        LabelMap(np.zeros((4, 3, 2), np.uint8), geometry)


def test_volumes_of_labels() -> None:
    labels = np.zeros((10, 10, 10), np.uint8)
    labels[:5], labels[5:7] = 1, 2
    found = LabelMap(labels, Geometry((10, 10, 10), (2.0, 1.0, 1.0)))
    assert (found.volume_l(1), found.volume_l(2), found.volume_l()) == pytest.approx((1e-3, 4e-4, 1.4e-3))
