"""The pointing game, its pairs and its idle maps; deletion curves."""

from __future__ import annotations

import numpy as np
import pytest

from spiroct.attribution.deletion import curves
from spiroct.attribution.pairs import CHANGES, versions_of
from spiroct.attribution.pointing import (
    BASELINES,
    Advantage,
    advantage,
    beats_chance,
    idle_maps,
    near,
    score,
)
from spiroct.pft.measures import Measure
from spiroct.phantom.physiology import draw_patient

from .conftest import GAIN, SLOPES, Toy


@pytest.fixture(scope="module")
def versions() -> object:
    return versions_of(draw_patient(5, 2), spacing_mm=10.0)


def test_pairs_differ_in_their_structure_alone(versions: object) -> None:
    assert set(versions.pairs) == set(CHANGES)
    lungs = versions.lungs > 0
    for name, pair in versions.pairs.items():
        np.testing.assert_array_equal(pair.truth, pair.before != pair.after)
        assert pair.truth.any(), name
        assert pair.truth.mean() < 0.5
        np.testing.assert_array_equal(pair.before, versions.well.hu)
    assert (versions.pairs["ild"].truth <= lungs).all()
    assert not (versions.pairs["chest_wall"].truth & lungs).any()
    assert not (versions.pairs["oesophagus"].truth & lungs).any()
    lobe = versions.pairs["one_lobe"].truth
    assert len(set(versions.well.labels["lobes"][lobe])) == 1
    assert (lobe <= versions.pairs["ild"].truth).all()
    assert CHANGES["chest_wall"][1] is Measure.TLC


def test_a_map_points_where_it_is_strongest() -> None:
    truth, body = np.zeros((10, 10, 10), bool), np.ones((10, 10, 10), bool)
    truth[2, 2, 2] = True
    target = near(truth, 5.0)
    assert target[2, 2, 5]
    assert not target[2, 2, 6]
    values = np.zeros(truth.shape)
    values[2, 4, 2], values[9, 9, 9] = -3.0, 1.0
    found = score(values, truth, target, body)
    assert (found.hit, found.share) == (1.0, 0.0)
    values[2, 2, 2] = 4.0
    assert score(values, truth, target, body).share == pytest.approx(0.5)
    body[2] = False
    assert score(values, truth, target, body).hit == 0.0
    assert score(values * 0, truth, target, body).hit == 0.0
    assert not near(truth & False, 5.0).any()


def test_idle_maps_lie_where_their_name_says(versions: object) -> None:
    lungs, labels = versions.lungs, versions.well.labels
    great = (labels["heart"] + labels["great_vessels"]) > 0
    maps = idle_maps(lungs, great, 10.0, np.random.default_rng(0))
    assert tuple(maps) == BASELINES
    places = np.argwhere(lungs == 1)
    top = np.unravel_index(np.argmax(maps["centre_of_lung"][0] * (lungs == 1)), lungs.shape)
    assert np.abs(np.array(top) - places.mean(axis=0)).max() <= 1
    hilum = np.unravel_index(np.argmax(maps["hilar"][0] * (lungs == 1)), lungs.shape)
    assert np.abs(hilum[2] - np.argwhere(great)[:, 2].mean()) < np.abs(top[2] - np.argwhere(great)[:, 2].mean())
    assert all(not m[lungs == 0].any() for m in maps["random_in_lung"])
    assert len({int(np.argmax(np.abs(m))) for m in maps["random_in_lung"]}) > 5


def test_an_advantage_is_a_paired_mean_with_an_interval() -> None:
    own, other = np.array([1.0, 1.0, 0.0, 1.0] * 8), np.array([0.0, 1.0, 0.0, 0.0] * 8)
    found = advantage(own, other, seed=1)
    assert found.value == 0.5
    assert 0.3 < found.lower < 0.5 < found.upper < 0.7
    assert found.n == 32
    clear, unclear = Advantage(0.4, 0.1, 0.7, 9), Advantage(0.4, -0.1, 0.7, 9)
    assert beats_chance(dict.fromkeys(BASELINES, clear))
    assert not beats_chance({**dict.fromkeys(BASELINES, clear), "hilar": unclear})


def test_deleting_what_matters_first_moves_the_estimate_first(toy: Toy) -> None:
    """The toy's estimate falls by what goes: the order by effect is the steepest, its reverse the flattest."""
    effect = np.zeros_like(toy.x)
    effect[::2, ::2, ::2] = np.abs(toy.x[::2, ::2, ::2] + 1)
    blocks = effect.reshape(2, 4, 2, 4, 2, 4).sum(axis=(1, 3, 5))
    by_block = blocks.repeat(4, 0).repeat(4, 1).repeat(4, 2)
    best = curves(toy.predictor, toy.subject, Measure.DLCO, by_block)
    worst = curves(toy.predictor, toy.subject, Measure.DLCO, by_block.max() * 2 - by_block)
    for found in (best, worst):
        assert (found.deletion[0], found.deletion[-1]) == pytest.approx((0, 1))
        assert (found.insertion[0], found.insertion[-1]) == pytest.approx((0, 1))
    assert best.areas[0] > worst.areas[0]
    assert best.areas[1] > worst.areas[1]
    # With fifths of eight blocks the first step takes two: their share of the whole effect, on paper.
    first = np.sort(blocks, axis=None)[::-1][:2].sum() / blocks.sum()
    assert best.deletion[1] == pytest.approx(first, abs=1e-5)
    assert len(GAIN) == 2
    assert SLOPES[0] > 0
