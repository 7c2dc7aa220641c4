"""Build: what age, sex, body mass and weakness do to the sizes, and the shapes that are fitted to real scans."""

import numpy as np
import pytest

from spiroct.phantom.anatomy import TEMPLATE_LUNG_L, build_anatomy
from spiroct.phantom.anatomy_mediastinum import Tube, mediastinum, sinking, smooth_tube
from spiroct.phantom.anatomy_paint import ellipsoid_distance, paint_ellipsoid, paint_tube
from spiroct.phantom.anatomy_tissue import HEART, LABELS, label_map
from spiroct.phantom.disease import thresholds
from spiroct.phantom.lungs import LEFT, RIGHT, diaphragm, lung_shape, right_share
from spiroct.phantom.patient import PhantomPatient
from spiroct.phantom.thorax import SKIN_OUT, inner_radius, rib_axis, wall


def patient(**causes):
    return PhantomPatient(patient_id="P", seed=0, index=0, **causes)


def test_age_sex_and_weakness_show():
    young, old = (build_anatomy(patient(age=a), 5.0) for a in (25.0, 80.0))
    assert old.bone < young.bone
    assert old.calcification > young.calcification == 0
    assert old.fatty_muscle > young.fatty_muscle
    woman, man = (build_anatomy(patient(sex=s), 5.0) for s in "FM")
    assert woman.breast_mm > 0 == man.breast_mm
    assert woman.muscle < man.muscle
    assert build_anatomy(patient(muscle_weakness=3.0), 5.0).muscle < woman.muscle
    assert build_anatomy(patient(chest_wall_stiffness=3.0), 5.0).skin_mm > woman.skin_mm + 1.5
    assert build_anatomy(patient(bmi=35.0), 5.0).fat_mm > build_anatomy(patient(bmi=20.0), 5.0).fat_mm + 10


@pytest.mark.parametrize("volume", [3.0, 5.0, 8.0])
def test_cage_is_as_large_as_the_lungs_it_is_made_for(volume):
    for z in (-2.0, 0.0, 2.0):
        anatomy = build_anatomy(patient(thorax_width_z=z, thorax_depth_z=-z, diaphragm_z=z / 2), volume)
        assert anatomy.mean_scale**3 * TEMPLATE_LUNG_L == pytest.approx(volume, rel=0.08)


def test_template_cage_has_the_measured_size():
    """Half width 118 mm by construction; depth and level of the fitted scans (see thorax.py)."""
    anatomy = build_anatomy(patient(), TEMPLATE_LUNG_L)
    sz, sy, sx = anatomy.scale
    radius, _ = inner_radius(anatomy, np.array([-150.0 * sz]))
    assert radius[0, 90] / sx == pytest.approx(122, abs=4)
    assert (radius[0, 0] + radius[0, 180]) / sy == pytest.approx(193, abs=8)


def test_ribs_slope_down_and_cartilages_rise_to_the_sternum():
    direction = np.linspace(0, 180, 181)
    for rib in range(1, 7):
        axis, kind = rib_axis(rib, direction)
        bone, cartilage = axis[kind == 1], axis[kind == 2]
        assert np.all(np.diff(bone) >= -1e-9)
        assert np.all(np.diff(cartilage) <= 1e-9) or rib < 3
        assert kind[0] == 0


def test_fat_lies_outside_muscle_outside_ribs():
    table = wall(build_anatomy(patient(bmi=30.0), 5.0), np.linspace(-250, 0, 20)).table
    layers = table[:, :, : SKIN_OUT + 1]
    assert np.all(np.diff(layers[:, :, :3], axis=2) > 0)
    assert np.all(layers[:, :, SKIN_OUT] > layers[:, :, SKIN_OUT - 1])


def test_diaphragm_rises_with_its_dome_and_lies_lowest_at_the_back():
    anatomy = build_anatomy(patient(), 5.0)
    y, x = np.arange(-110.0, 111, 4), np.arange(-140.0, 141, 4)
    shape = diaphragm(anatomy, y, x)
    rest = shape.height({RIGHT: 0.0, LEFT: 0.0})
    up = shape.height({RIGHT: 20.0, LEFT: 0.0})
    j, i = np.searchsorted(y, 0), np.searchsorted(x, -70)
    assert up[j, i] - rest[j, i] == pytest.approx(20, abs=3)
    assert up[j, np.searchsorted(x, 70)] == pytest.approx(rest[j, np.searchsorted(x, 70)], abs=0.1)
    assert rest[np.searchsorted(y, 84), i] < rest[j, i] - 30


@pytest.mark.parametrize("volume", [2.0, 4.0, 6.0])
def test_lungs_get_their_volume_and_heart_follows(volume):
    p = patient()
    anatomy = build_anatomy(p, 5.0)
    shape = lung_shape(p, anatomy, volume)
    above = np.clip((shape.grid[0][:, None, None] - shape.floor) / 4.0 + 0.5, 0, 1)
    litres = (np.clip(0.5 + shape.open_space / 4.0, 0, 1) * above).sum() * 4.0**3 / 1e6
    assert litres == pytest.approx(volume, rel=0.005)
    assert 0.52 <= right_share(p) <= 0.57


def test_lift_sinks_nothing_above_the_arch():
    assert sinking(np.array([0.0, 40.0])).tolist() == [0, 0]
    assert sinking(np.array([200.0]))[0] == 1


def test_plaques_of_age_grow_from_the_same_places():
    p = patient()
    tubes = [len(mediastinum(build_anatomy(patient(age=a), 5.0), p, 0.0).tubes) for a in (30.0, 60.0, 85.0)]
    assert tubes[0] <= tubes[1] < tubes[2]


def test_smooth_tube_passes_its_points():
    points = np.array([[0.0, 0, 0], [10, 0, 0], [10, 10, 0], [0, 10, 5]])
    smooth = smooth_tube(Tube(points, np.array([1.0, 2, 2, 1]), 1, 0.0))
    for point in points:
        assert np.linalg.norm(smooth.points - point, axis=1).min() < 1e-9


def test_ellipsoid_distance_is_exact_for_a_ball():
    axes = np.eye(3) * 7.0
    square = (axes * axes).sum(axis=1)
    for r in (0.5, 3.0, 7.0, 12.0):
        assert ellipsoid_distance(r * 0.6, 0.0, r * 0.8, axes, square) == pytest.approx(r - 7)
    assert ellipsoid_distance(0.0, 0.0, 0.0, axes, square) == pytest.approx(-7)


def test_painted_shapes_have_their_volume():
    n, keep = 40, np.zeros(256, dtype=np.uint8)
    for paint, arguments, volume in (
        (paint_ellipsoid, (np.full(3, 19.7), np.diag([12.0, 8.0, 5.0])), 4 / 3 * np.pi * 480),
        (
            paint_tube,
            (np.array([[8.2, 20.3, 19.6], [30.2, 20.3, 19.6]]), np.array([5.0, 5.0])),
            np.pi * 25 * 22 + 4 / 3 * np.pi * 125,
        ),
    ):
        hu, tissue = np.zeros((n, n, n), dtype=np.float32), np.zeros((n, n, n), dtype=np.uint8)
        paint(hu, tissue, keep, np.zeros(3), np.ones(3), *arguments, HEART, 1.0)
        assert hu.sum() == pytest.approx(volume, rel=0.02)
        assert np.count_nonzero(tissue) == pytest.approx(volume, rel=0.02)
        kept = np.ones(256, dtype=np.uint8)
        before = hu.copy()
        paint(hu, tissue, kept, np.zeros(3), np.ones(3), *arguments, HEART, 9.0)
        np.testing.assert_array_equal(hu, before)


def test_label_maps_cover_their_tissues():
    tissue = np.arange(25, dtype=np.uint8)
    total = sum(label_map(tissue, name).astype(int) for name in LABELS)
    assert total.max() == 1


def test_thresholds_give_each_disease_its_share():
    rng = np.random.default_rng(1)
    prone, severe, airy = rng.normal(size=(3, 20_000))
    p = patient(ild_extent=0.3, ild_ground_glass=0.5, ild_reticulation=0.3, ild_honeycombing=0.2, emphysema=0.2)
    limits = thresholds(p, prone, severe, airy)
    diseased = prone > limits.ild
    assert diseased.mean() == pytest.approx(0.3, abs=0.005)
    assert (severe[diseased] > limits.honeycombing).mean() == pytest.approx(0.2, abs=0.01)
    assert (severe[diseased] > limits.reticulation).mean() == pytest.approx(0.5, abs=0.01)
    assert (airy[~diseased] > limits.emphysema).mean() == pytest.approx(0.2, abs=0.01)
    none = thresholds(patient(), prone, severe, airy)
    assert not (prone > none.ild).any()
    assert not (airy > none.emphysema).any()
