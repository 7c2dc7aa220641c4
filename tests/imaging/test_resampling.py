"""Resampling: algebra (constants, ramps, places) and PyTorch's antialiased interpolation as oracle."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial.transform import Rotation

from spiroct.imaging.orientation import as_matrix3
from spiroct.imaging.resampling import (
    linear_on_axes,
    resample_array,
    resample_labels,
    resample_volume,
    resampled_geometry,
    resampled_shape,
)
from spiroct.imaging.volume import CTVolume, Geometry, LabelMap

shapes = st.tuples(*(st.integers(4, 12),) * 3)
spacings = st.tuples(*(st.floats(0.5, 4.0),) * 3)


@given(shapes, spacings, spacings, st.floats(-1000, 1000))
def test_constants_are_kept(shape: tuple, old: tuple, new: tuple, value: float) -> None:
    result = resample_array(np.full(shape, value, np.float32), old, new)
    assert result.shape == resampled_shape(shape, old, new)
    np.testing.assert_allclose(result, value, rtol=1e-5, atol=1e-3)


@given(shapes, spacings, spacings)
def test_ramps_keep_their_place_in_the_patient(shape: tuple, old: tuple, new: tuple) -> None:
    """A value that is linear in patient space is the same function of place afterwards, away from the border.

    The triangle is sampled at whole voxels, so that places are kept to a few hundredths of the larger voxel.
    """
    geometry = Geometry(shape, old, (5.0, -3.0, 40.0))
    slope = np.asarray([0.7, -1.1, 0.4])

    def field(grid: Geometry) -> np.ndarray:
        return (grid.point(np.moveaxis(np.indices(grid.shape), 0, -1).astype(float)) @ slope).astype(np.float32)

    result = resample_volume(CTVolume(field(geometry), geometry), new)
    inner = []
    for axis in range(3):
        reach = int(np.ceil(max(old[axis], new[axis]) / new[axis])) + 1
        inner.append(slice(reach, result.hu.shape[axis] - reach))
    expected = field(result.geometry)[tuple(inner)]
    tolerance = 0.05 * float(np.abs(slope[::-1]) @ np.maximum(old, new)) + 2e-3
    np.testing.assert_allclose(result.hu[tuple(inner)], expected, atol=tolerance)


@pytest.mark.parametrize(("old", "new"), [((30, 40), (15, 20)), ((30, 40), (10, 8)), ((12, 16), (36, 48))])
def test_equals_pytorchs_antialiased_interpolation(old: tuple, new: tuple) -> None:
    rng = np.random.default_rng(3)
    planes = rng.normal(size=(4, *old)).astype(np.float32)
    ours = resample_array(planes, (1.0, 1.0, 1.0), (1.0, old[0] / new[0], old[1] / new[1]))
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(planes)[:, None], size=new, mode="bilinear", antialias=True, align_corners=False
    )[:, 0]
    np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-5)


def test_shrinking_averages_noise_instead_of_sampling_it() -> None:
    noise = np.random.default_rng(0).normal(0, 100, (24, 24, 24)).astype(np.float32)
    assert resample_array(noise, (1, 1, 1), (4, 4, 4)).std() < 25


def test_nothing_to_do_changes_nothing() -> None:
    array = np.random.default_rng(0).normal(size=(5, 6, 7)).astype(np.float32)
    assert np.array_equal(resample_array(array, (1.5, 1.5, 1.5), (1.5, 1.5, 1.5)), array)


@given(shapes, spacings, spacings)
def test_the_centre_of_the_array_stays(shape: tuple, old: tuple, new: tuple) -> None:
    before = Geometry(shape, old, (1.0, 2.0, 3.0))
    after = resampled_geometry(before, new)
    centres = [g.point((np.asarray(g.shape) - 1) / 2) for g in (before, after)]
    np.testing.assert_allclose(*centres, atol=1e-9)


@pytest.fixture
def ball() -> LabelMap:
    geometry = Geometry((40, 40, 40), (1.0, 1.0, 1.0), (-20.0, -20.0, -20.0))
    points = geometry.point(np.moveaxis(np.indices(geometry.shape), 0, -1).astype(float))
    inside = np.linalg.norm(points - [2.0, 0.0, -1.0], axis=-1) < 12
    return LabelMap(inside.astype(np.uint8) + (inside & (points[..., 0] > 2)), geometry)


@pytest.mark.parametrize("degrees", [0.0, 30.0])
def test_labels_keep_their_place_on_any_grid(ball: LabelMap, degrees: float) -> None:
    rotation = Rotation.from_euler("xyz", [degrees, degrees / 2, 0], degrees=True).as_matrix()
    direction = as_matrix3(rotation @ ball.geometry.direction_matrix)
    origin = rotation @ np.asarray([-24.0, -24.0, -24.0])
    onto = Geometry((60, 60, 60), (0.8, 0.8, 0.8), tuple(origin), direction)
    carried = resample_labels(ball, onto)
    assert carried.volume_l() == pytest.approx(ball.volume_l(), rel=0.01)
    centre = onto.point(np.argwhere(carried.labels > 0).mean(axis=0))
    np.testing.assert_allclose(centre, [2.0, 0.0, -1.0], atol=0.3)
    right, left = (onto.point(np.argwhere(carried.labels == k).mean(axis=0))[0] for k in (1, 2))
    assert right < left


def test_labels_on_their_own_grid_are_themselves(ball: LabelMap) -> None:
    assert resample_labels(ball, ball.geometry) is ball


def test_outside_a_label_map_is_background(ball: LabelMap) -> None:
    far = Geometry((5, 5, 5), (1.0, 1.0, 1.0), (500.0, 0.0, 0.0))
    assert not resample_labels(ball, far).labels.any()


@given(
    st.integers(0, 2**32 - 1),
    st.tuples(*(st.integers(1, 9),) * 3),
    st.tuples(*(st.integers(1, 9),) * 3),
    st.tuples(*(st.floats(0.1, 2.5),) * 3),
    st.tuples(*(st.floats(-3.0, 9.0),) * 3),
)
def test_linear_on_axes_is_scipys_affine_transform(
    seed: int, shape: tuple, wanted: tuple, scale: tuple, offset: tuple
) -> None:
    array = np.random.default_rng(seed).random(shape).astype(np.float32)
    found = linear_on_axes(array, [o + s * np.arange(n) for o, s, n in zip(offset, scale, wanted, strict=True)])
    oracle = ndimage.affine_transform(array, scale, offset, output_shape=wanted, order=1, mode="nearest")
    np.testing.assert_allclose(found, oracle, atol=1e-5)
