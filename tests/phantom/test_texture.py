"""Random fields: unit variance, periodic, and cells with the right distances."""

import numpy as np
import pytest

from spiroct.phantom.texture import TILE, cells, field, noise_tile


@pytest.fixture(scope="module")
def tile():
    return noise_tile(5, 1)


def test_tile_has_unit_variance_and_its_own_seed(tile):
    assert tile.mean() == pytest.approx(0, abs=1e-4)
    assert tile.std() == pytest.approx(1, abs=1e-3)
    np.testing.assert_array_equal(tile, noise_tile(5, 1))
    assert abs(np.corrcoef(tile.ravel(), noise_tile(5, 2).ravel())[0, 1]) < 0.05


def test_field_meets_the_tile_at_its_points_and_repeats(tile):
    assert field(tile, 3.0, 4.0, 5.0) == pytest.approx(tile[3, 4, 5], abs=1e-6)
    assert field(tile, 3.5, 4.0, 5.0) == pytest.approx((tile[3, 4, 5] + tile[4, 4, 5]) / 2, abs=1e-6)
    assert field(tile, -0.25, 70.5, 1.25) == pytest.approx(field(tile, TILE - 0.25, 70.5 - TILE, 1.25), abs=1e-6)


def test_cells_give_the_two_nearest_seeds():
    rng = np.random.default_rng(0)
    points = rng.uniform(-40, 40, (300, 3))
    found = np.array([cells(*p, 6.0, 11) for p in points])
    first, second, number = found.T
    assert np.all(first <= second)
    assert np.all((number >= 0) & (number <= 1))
    assert 1.5 < first.mean() < 5.0  # cells of about 6 mm: the nearest seed is about 0.55 of that away
    # neighbours a hair apart lie in the same cell, and the distance is continuous
    near = np.array([cells(p[0] + 1e-4, p[1], p[2], 6.0, 11) for p in points])
    np.testing.assert_allclose(near[:, 0], first, atol=2e-4)
    np.testing.assert_allclose(near[:, 1], second, atol=2e-4)


def test_cells_scale_with_their_size():
    assert cells(2.0, 4.0, 6.0, 4.0, 3)[0] * 2 == pytest.approx(cells(4.0, 8.0, 12.0, 8.0, 3)[0])
