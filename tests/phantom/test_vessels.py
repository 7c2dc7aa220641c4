"""Vessel trees: Murray's law, space filling, pruning."""

import numpy as np
import pytest

from spiroct.phantom.patient import PhantomPatient
from spiroct.phantom.vessels import (
    ARTERY,
    STYLES,
    VEIN,
    calibre,
    diseased_radius,
    grow_tree,
    paint_vessels,
    spread_points,
    surviving,
)

STYLE = STYLES[1]


def patient(**causes):
    return PhantomPatient(patient_id="P", seed=0, index=0, **causes)


@pytest.fixture(scope="module")
def points():
    inside = np.zeros((30, 30, 30), dtype=bool)
    z, y, x = np.indices(inside.shape)
    inside[(z - 15) ** 2 + (y - 15) ** 2 + (x - 15) ** 2 < 14**2] = True
    return 4.0 * spread_points(inside, 1500, np.array([0.1, 0.5, 0.9]))


@pytest.fixture(scope="module")
def tree(points):
    lobe = (points[:, 0] > 60).astype(np.int64) + 1
    return grow_tree(np.array([60.0, 60.0, 0.0]), points, lobe, 7, STYLE, ARTERY, 1)


def test_points_spread_evenly(points):
    from scipy.spatial import cKDTree

    assert len(points) == pytest.approx(1500, rel=0.05)
    nearest = cKDTree(points).query(points, k=2)[0][:, 1]
    spacing = (4 / 3 * np.pi * 56**3 / 1500) ** (1 / 3)
    assert nearest.min() > 0.15 * spacing  # no clumps: of random points one in a hundred is nearer
    assert np.linalg.norm(points - 58.0, axis=1).max() < 62
    assert spread_points(np.zeros((3, 3, 3), dtype=bool), 10, np.zeros(3)).shape == (0, 3)


def test_every_point_is_reached_once(tree, points):
    ends = tree.end[tree.endings == 1]
    assert sorted(map(tuple, np.round(ends, 6))) == sorted(map(tuple, np.round(points, 6)))


def test_branches_hang_together(tree):
    child = tree.parent >= 0
    np.testing.assert_array_equal(tree.start[child], tree.end[tree.parent[child]])
    assert np.all(tree.parent[child] < np.flatnonzero(child))
    flow = np.bincount(tree.parent[child], weights=tree.endings[child], minlength=len(tree.parent))
    inner = tree.endings > 1
    np.testing.assert_array_equal(flow[inner], tree.endings[inner])


def test_radii_follow_murrays_law(tree):
    child = tree.parent >= 0
    power = tree.radius**STYLE.exponent
    sums = np.bincount(tree.parent[child], weights=power[child], minlength=len(power))
    inner = tree.endings > 1
    np.testing.assert_allclose(sums[inner], power[inner], rtol=1e-9)
    assert tree.radius[tree.endings == 1] == pytest.approx(STYLE.ending_mm)


def test_no_branch_crosses_between_lobes(tree):
    roots = np.flatnonzero(tree.parent < 0)
    assert len(roots) == 2
    root_of = np.arange(len(tree.parent))
    for row in np.flatnonzero(tree.parent >= 0):
        root_of[row] = root_of[tree.parent[row]]
    sides = tree.end[tree.endings == 1][:, 0] > 60
    roots_of_ends = root_of[tree.endings == 1]
    assert len(np.unique(roots_of_ends[sides])) == len(np.unique(roots_of_ends[~sides])) == 1


def test_more_vasculopathy_loses_more_of_the_same_branches(tree):
    few, many = (surviving(tree, patient(vasculopathy=v), 3) for v in (0.5, 3.0))
    assert np.all(few[many])
    assert many.sum() < 0.8 * few.sum()
    child = tree.parent >= 0
    assert np.all(many[tree.parent[child]][many[child]])  # nothing hangs in the air
    assert np.all(many[tree.endings > 60])


def test_calibre_and_dilation(tree):
    assert calibre(patient()) == 1
    wide = diseased_radius(tree, patient(vasculopathy=3.0))
    assert 1.3 * tree.radius.max() < wide.max() <= 1.48 * tree.radius.max()
    np.testing.assert_array_equal(wide[tree.radius < 1.5], tree.radius[tree.radius < 1.5])
    vein = grow_tree(np.zeros(3), np.eye(3) * 50, np.ones(3, dtype=np.int64), 1, STYLE, VEIN, 1)
    np.testing.assert_array_equal(diseased_radius(vein, patient(vasculopathy=3.0)), vein.radius)


@pytest.mark.parametrize("radius", [0.3, 0.8, 2.5])
@pytest.mark.parametrize("voxel", [1.0, 2.0])
def test_painted_tube_has_its_volume_on_any_grid(radius, voxel):
    n = int(40 / voxel)
    slope, fixed, lung = (np.full((n, n, n), v, dtype=np.float32) for v in (1, 0, 1))
    labels = np.zeros((n, n, n), dtype=np.uint8)
    start, end = np.array([[8.0, 17.3, 20.1]]), np.array([[32.0, 21.3, 18.1]])
    radii = np.array([radius])
    painted = paint_vessels(
        slope, fixed, lung, labels, np.zeros(3), np.full(3, voxel), start, end, radii, radii, 1, 1.05, 0.4
    )
    length = np.linalg.norm(end - start)
    true = np.pi * radius**2 * (length + 4 / 3 * max(radius, 0.6 * voxel))  # thin tubes have blunt ends
    assert painted == pytest.approx(true, rel=0.1)
    assert fixed.sum() * voxel**3 == pytest.approx(1.05 * painted, rel=0.01)
    assert (labels > 0).any() == (radius > 0.5 * voxel)
