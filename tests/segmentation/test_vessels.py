"""Vessels and airways of simulated patients, whose true maps are known."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.segmented_vessels import FACES_EDGES_CORNERS, scan, vessels_found
from scipy import ndimage

from spiroct.errors import UsageError
from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.phantom import render_lungs
from spiroct.phantom.draws import draw_patient
from spiroct.phantom.render import render
from spiroct.segmentation.airways import distance_to_lumen, find_airways, grow_bronchi, segment_airways, wall_contrast
from spiroct.segmentation.vessels import (
    VESSEL_METHODS,
    WALL_MM,
    data_costs,
    segment_vessels,
    without_specks,
)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("seed", "index", "variant"), [(901, 1, 1), (902, 0, 2)])
def test_recall_and_precision_on_trees_not_used_in_development(seed: int, index: int, variant: int) -> None:
    patient = draw_patient(seed, index, variant=variant).changed(ild_extent="0.0")
    phantom = render(patient, spacing=1.5)
    found = vessels_found(phantom)
    assert found["recall"] >= 0.85
    assert found["precision"] >= 0.85


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("seed", "index", "variant"), [(611, 1, 1), (612, 0, 2)])
def test_nine_of_ten_bronchi_of_trees_not_used_in_development(
    seed: int, index: int, variant: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bronchus with a lumen radius of at least 1.5 mm is found if half of its axis lies within a voxel of lumen."""
    kept = []

    def accompany(*words: object) -> object:
        kept.append(original(*words))
        return kept[-1]

    original = render_lungs.accompany
    monkeypatch.setattr(render_lungs, "accompany", accompany)
    phantom = render(draw_patient(seed, index, variant=variant).changed(ild_extent="0.0"), spacing=1.5)
    volume, lungs = scan(phantom)
    lumen = find_airways(volume, lungs).labels > 0
    near, found = ndimage.binary_dilation(lumen, FACES_EDGES_CORNERS), []
    for bronchi in kept:
        narrower = np.minimum(bronchi.radius_start, bronchi.radius_end)
        for start, end in zip(bronchi.start[narrower >= 1.5], bronchi.end[narrower >= 1.5], strict=True):
            way = start + (end - start) * np.linspace(0, 1, 20)[:, None]
            voxels = np.rint((way - phantom.origin) / phantom.spacing).astype(int)
            found.append(near[tuple(voxels.T)].mean() >= 0.5)
    assert len(found) > 50
    assert np.mean(found) >= 0.9
    truth = ndimage.binary_dilation(phantom.labels["airways"] > 0, FACES_EDGES_CORNERS)
    inside = lumen & (lungs.labels > 0)
    assert np.count_nonzero(inside & truth) / np.count_nonzero(inside) >= 0.85


def test_bronchi_join_across_gaps_and_dark_pockets_do_not() -> None:
    """A walled tube 4.5 mm below the trunk joins; the same tube 50 mm away, a bulla and a tube without wall do not."""
    hu = np.full((120, 40, 40), -780.0, np.float32)
    y, x = np.meshgrid(np.arange(40) - 20, np.arange(40) - 20, indexing="ij")
    z = np.arange(120)[:, None, None]

    def tube(first: int, last: int, wall: float) -> None:
        off = np.broadcast_to(np.hypot(y, x), hu.shape)
        along = np.broadcast_to((z >= first) & (z < last), hu.shape)
        hu[along & (off < 3.4)] = wall
        hu[along & (off < 1.8)] = -1000

    tube(75, 102, -100)
    trunk = np.zeros(hu.shape, bool)
    trunk[104:118, 18:23, 18:23] = True
    hu[trunk] = -1000
    tube(5, 30, -100)
    hu[50:60, 2:12, 2:12] = -1000  # a bulla
    hu[75:100, 34:37, 34:37] = -1000  # as dark, without wall
    everywhere = np.ones(hu.shape, bool)
    found = grow_bronchi(hu, everywhere, everywhere, trunk, (1.5, 1.5, 1.5))
    assert found[trunk].all()
    assert found[78:97, 20, 20].all()
    assert not found[:60].any()
    assert not found[75:100, 33:38, 33:38].any()


def tube_in_lung() -> tuple[CTVolume, LabelMap, np.ndarray]:
    """A block of lung with one oblique vessel of 3 mm radius; no trachea."""
    geometry = Geometry((40, 40, 40), (1.5, 1.5, 1.5))
    place = (np.moveaxis(np.indices(geometry.shape), 0, -1) - 19.5) * 1.5
    way = np.array([1.0, 0.5, 0.3]) / np.linalg.norm([1.0, 0.5, 0.3])
    off_axis = np.linalg.norm(place - (place @ way)[..., None] * way, axis=-1)
    inside = off_axis <= 3.0
    hu = -850.0 + 890.0 * np.clip((3.75 - off_axis) / 1.5, 0, 1)
    hu += np.random.default_rng(2).normal(0, 20, hu.shape)
    return CTVolume(hu.astype(np.float32), geometry), LabelMap(np.ones(geometry.shape, np.uint8), geometry), inside


@pytest.mark.parametrize("method", sorted(VESSEL_METHODS))
def test_one_vessel(method: str) -> None:
    volume, lungs, inside = tube_in_lung()
    found = segment_vessels(volume, lungs, method=method).labels > 0
    inner = (slice(4, -4),) * 3
    overlap = 2 * np.count_nonzero((found & inside)[inner])
    assert overlap / (np.count_nonzero(found[inner]) + np.count_nonzero(inside[inner])) > 0.8


def test_the_mask_returns_in_the_scans_own_frame() -> None:
    volume, lungs, _ = tube_in_lung()
    straight = segment_vessels(volume, lungs).labels
    geometry = Geometry(
        volume.geometry.shape, (1.5,) * 3, direction=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    )
    turned = CTVolume(np.ascontiguousarray(volume.hu.transpose(2, 1, 0)), geometry)
    again = segment_vessels(turned, LabelMap(lungs.labels, geometry))
    assert again.geometry == geometry
    assert np.array_equal(again.labels.transpose(2, 1, 0), straight)


def test_airway_walls_cost_more() -> None:
    above, tube = np.full(3, 300, np.float32), np.full(3, 300, np.float32)
    cost_in, cost_out = data_costs(above, tube, np.array([WALL_MM, 10.0, np.inf], np.float32))
    assert cost_in[0] == pytest.approx(cost_in[1] + 0.4)
    assert cost_in[1] == pytest.approx(cost_in[2])
    assert cost_out == pytest.approx(np.full(3, 0.5))


def test_specks_go_and_vessels_stay() -> None:
    mask = np.zeros((20, 20, 20), bool)
    mask[2:4, 2, 2] = True
    mask[2:18, 10:12, 10:12] = True
    kept = without_specks(mask, (1.5, 1.5, 1.5))
    assert not kept[:, 2, 2].any()
    assert np.count_nonzero(kept) == 64


def test_a_lung_without_trachea_has_no_airways() -> None:
    volume, lungs, _ = tube_in_lung()
    assert not segment_airways(volume, lungs).labels.any()
    assert np.isinf(distance_to_lumen(np.zeros((3, 3, 3), bool), (1.0, 1.0, 1.0))).all()


def test_empty_lungs_have_no_vessels() -> None:
    volume, lungs, _ = tube_in_lung()
    none = LabelMap(np.zeros_like(lungs.labels), lungs.geometry)
    assert not segment_vessels(volume, none).labels.any()
    assert not segment_airways(volume, none).labels.any()


def test_a_ring_closes_around_its_lumen() -> None:
    hu = np.full((21, 21, 21), -850.0, np.float32)
    y, x = np.meshgrid(np.arange(21) - 10, np.arange(21) - 10, indexing="ij")
    distance = np.hypot(y, x)
    hu[:, distance < 4] = -350
    hu[:, distance < 2.5] = -1000
    contrast = wall_contrast(hu, (1.5, 1.5, 1.5))
    assert contrast[10, 10, 10] > 550
    assert contrast[10, 1, 1] < 50


def test_unknown_methods_and_other_grids_are_refused() -> None:
    volume, lungs, _ = tube_in_lung()
    with pytest.raises(UsageError, match="graph-cut"):
        segment_vessels(volume, lungs, method="magic")
    other = LabelMap(lungs.labels, Geometry(lungs.geometry.shape, (1.0, 1.0, 1.0)))
    for refuses in (segment_vessels, segment_airways):
        with pytest.raises(ValueError, match="grid"):
            refuses(volume, other)
