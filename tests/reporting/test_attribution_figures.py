"""Maps over views: colours by sign, cases by rule."""

from __future__ import annotations

import numpy as np
import pytest

from spiroct.attribution.attribution_map import AttributionMap, Cost, PatchMap
from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.pft.measures import Measure
from spiroct.reporting.figures.attributions import (
    LOWERING,
    Case,
    attribution_figure,
    best_median_worst,
    mean_map_figure,
    strongest,
)
from spiroct.reporting.figures.measures import MEASURE_COLOURS


def case(values: np.ndarray, measures: tuple[Measure, ...]) -> Case:
    geometry = Geometry(values.shape, (5.0, 5.0, 5.0))
    lungs = np.zeros(values.shape, np.uint8)
    lungs[2:-2, 2:-2, 2:8], lungs[2:-2, 2:-2, 10:-2] = 1, 2
    maps = {}
    for measure in measures:
        one, even = np.ones(1), np.ones_like(values)
        patch = PatchMap(measure, "ram", "pool", values[None], one, one, measure.unit, Cost(0, 0.0), even)
        maps[measure] = AttributionMap(geometry, patch, geometry)
    return Case("Best", CTVolume(np.full(values.shape, -800, np.float32), geometry), LabelMap(lungs, geometry), maps)


def test_raising_and_lowering_places_have_their_colours() -> None:
    values = np.zeros((20, 20, 20), np.float32)
    values[:, :, :10], values[:, :, 10:] = 1.0, -0.5
    figure = attribution_figure([case(values, (Measure.DLCO, Measure.TLC))])
    assert len(figure.axes) == 4
    for axes, measure in zip(figure.axes, (Measure.DLCO, Measure.TLC) * 2, strict=True):
        layer = axes.get_images()[1].get_array()
        from matplotlib.colors import to_rgb

        row = layer[layer.shape[0] // 2]
        np.testing.assert_allclose(row[2, :3], to_rgb(MEASURE_COLOURS[measure]))
        np.testing.assert_allclose(row[-2, :3], to_rgb(LOWERING))
        assert row[2, 3] == pytest.approx(2 * row[-2, 3])


def test_nothing_is_drawn_where_the_map_is_empty() -> None:
    figure = attribution_figure([case(np.zeros((20, 20, 20), np.float32), (Measure.FVC,))])
    assert not figure.axes[0].get_images()[1].get_array()[..., 3].any()


def test_cases_are_chosen_by_rule() -> None:
    assert best_median_worst(np.array([0.3, -0.1, -2.0, 1.0, 0.0])) == (4, 0, 2)
    assert strongest(np.zeros(3)) == 0.0


def test_cases_must_show_the_same_measures() -> None:
    values = np.zeros((20, 20, 20), np.float32)
    with pytest.raises(ValueError, match="the same measures"):
        attribution_figure([case(values, (Measure.FVC,)), case(values, (Measure.TLC,))])


def test_mean_maps_have_a_panel_from_the_front_and_from_below() -> None:
    means = {m: np.random.default_rng(0).normal(size=(6, 5, 4)).astype(np.float32) for m in Measure}
    figure = mean_map_figure(means, np.ones((6, 5, 4)), counts=7)
    titles = [a.get_title() for a in figure.axes if a.get_title()]
    assert titles[:2] == ["DLCO, from the front", "FEV1, from the front"]
    assert len(titles) == 8
