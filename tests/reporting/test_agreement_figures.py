"""Figures of agreement: lines stand where the numbers are, nothing is hidden, too little is said."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from matplotlib.axes import Axes

from spiroct.evaluation.bins import calibration_bins
from spiroct.evaluation.limits import limits_of_agreement
from spiroct.reporting.figures.agreement import draw_bland_altman, draw_error, draw_scatter
from spiroct.reporting.figures.calibration import draw_calibration, draw_coverage
from spiroct.reporting.figures.measures import MEASURE_COLOURS, fixed_limits
from spiroct.reporting.figures.pairs import Pairs, point_style
from spiroct.reporting.figures.rendering import blank_figure, figure_style

ALL = (draw_bland_altman, draw_scatter, draw_error, draw_calibration, draw_coverage)


def pairs_of(n: int = 64, measure: str = "FVC", seed: int = 0, **options: object) -> Pairs:
    rng = np.random.default_rng(seed)
    measured = rng.normal(3.3, 0.9, n)
    estimated = 3.3 + 0.7 * (measured - 3.3) + rng.normal(0.1, 0.4, n)
    return Pairs(measured, estimated, measure=measure, unit="L", **options)  # type: ignore[arg-type]


def panel() -> Axes:
    with figure_style():
        return blank_figure(400, 350).add_axes((0.15, 0.15, 0.7, 0.7))


def artist(axes: Axes, gid: str) -> object:
    found = [a for a in (*axes.lines, *axes.collections, *axes.patches) if a.get_gid() == gid]
    assert len(found) == 1, f"{len(found)} artists {gid}"
    return found[0]


def height(axes: Axes, gid: str) -> float:
    return float(artist(axes, gid).get_ydata()[0])


def test_bland_altman_lines_stand_at_bias_and_limits() -> None:
    pairs = pairs_of()
    axes, found = draw_bland_altman(panel(), pairs), limits_of_agreement(pairs.measured, pairs.estimated)
    assert [height(axes, g) for g in ("bias", "lower", "upper")] == pytest.approx(
        [found.bias.value, found.lower.value, found.upper.value]
    )
    for gid, level in (("bias", found.bias), ("lower", found.lower), ("upper", found.upper)):
        band = artist(axes, f"{gid} interval").get_bbox()
        assert (band.y0, band.y1) == pytest.approx((level.lower, level.upper))
    points = artist(axes, "patients").get_offsets()
    np.testing.assert_allclose(points[:, 0], (pairs.measured + pairs.estimated) / 2)
    np.testing.assert_allclose(points[:, 1], pairs.estimated - pairs.measured)
    tilt = artist(axes, "proportional")
    (x0, x1), (y0, y1) = tilt.get_xdata(), tilt.get_ydata()
    assert (y1 - y0) / (x1 - x0) == pytest.approx(found.slope)
    assert axes.get_title(loc="left") == f"slope {found.slope:.2f}, p = 0.002, n = 64".replace("-", "\u2212")
    low, high = axes.get_ylim()
    assert low < min(points[:, 1].min(), found.lower.lower)
    assert high > max(points[:, 1].max(), found.upper.upper)
    assert axes.get_ylabel() == "Estimated \u2212 measured (L)"


def test_scatter_has_identity_line_and_band() -> None:
    pairs = pairs_of()
    axes = draw_scatter(panel(), pairs)
    line = artist(axes, "regression")
    slope, intercept = np.polyfit(pairs.measured, pairs.estimated, 1)
    np.testing.assert_allclose(line.get_ydata(), intercept + slope * line.get_xdata())
    assert artist(axes, "identity").get_slope() == 1
    assert axes.get_xlim() == axes.get_ylim()
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Measured FVC (L)", "Estimated FVC (L)")
    corners = artist(axes, "band").get_paths()[0].vertices
    assert corners[:, 0].min() == pytest.approx(pairs.measured.min())  # no line beyond the patients
    assert corners[:, 0].max() == pytest.approx(pairs.measured.max())


def test_error_is_set_against_the_truth() -> None:
    pairs = pairs_of()
    axes = draw_error(panel(), pairs)
    np.testing.assert_allclose(artist(axes, "patients").get_offsets()[:, 1], pairs.error)
    assert axes.get_title(loc="left").startswith(f"MAE {np.abs(pairs.error).mean():.2f}, slope \u22120.")
    low, high = axes.get_ylim()
    assert low == -high


def test_calibration_shows_bins_and_line_of_measured_on_estimated() -> None:
    pairs = pairs_of(252)
    axes = draw_calibration(panel(), pairs)
    bins = calibration_bins(pairs.measured, pairs.estimated)
    np.testing.assert_allclose(artist(axes, "bins").get_xdata().astype(float), bins["estimated"])
    np.testing.assert_allclose(artist(axes, "bins").get_ydata().astype(float), bins["measured"])
    line = artist(axes, "regression")
    slope, intercept = np.polyfit(pairs.estimated, pairs.measured, 1)
    np.testing.assert_allclose(line.get_ydata(), intercept + slope * line.get_xdata())
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Estimated FVC (L)", "Measured FVC (L)")


def test_coverage_counts_the_intervals_that_hold() -> None:
    pairs = pairs_of(50)
    held = np.arange(50) % 5 != 0  # four in five
    half = np.abs(pairs.error) + np.where(held, 0.1, -1e-6)
    lower, upper = pairs.estimated - half, pairs.estimated + half
    lower[0] = np.nan  # one patient without an interval, and it would not have held
    known = Pairs(pairs.measured, pairs.estimated, "FVC", "L", lower=lower, upper=upper, level=0.9)
    axes = draw_coverage(panel(), known)
    assert axes.get_title(loc="left").startswith("90 % promised, 82 % hold (")
    assert height(axes, "promised") == pytest.approx(90)
    shares = artist(axes, "bins").get_ydata()
    assert len(shares) == 4
    assert [t.get_text().splitlines()[1] for t in axes.texts] == ["n = 49"]
    assert known.inside is not None
    assert known.inside.sum() == 40


def test_without_intervals_that_is_said() -> None:
    axes = draw_coverage(panel(), pairs_of())
    assert [t.get_text() for t in axes.texts] == ["no intervals to judge"]
    assert not axes.lines


@pytest.mark.parametrize("draw", ALL)
def test_the_measure_decides_the_colour_and_the_same_axes_come_back(draw: object) -> None:
    rgb = []
    for measure in MEASURE_COLOURS:
        pairs = pairs_of(measure=measure)
        pairs = dataclasses.replace(pairs, lower=pairs.estimated - 1, upper=pairs.estimated + 1, level=0.9)
        axes = panel()
        assert draw(axes, pairs) is axes  # type: ignore[operator]
        drawn = [a for a in axes.collections if a.get_gid() == "patients"] or [artist(axes, "all")]
        rgb.append(tuple(np.round(np.ravel(drawn[0].get_facecolor())[:3], 3)))
    assert len(set(rgb)) == 4


@pytest.mark.parametrize("draw", ALL[:4])
@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_patients_are_said_and_not_drawn(draw: object, n: int) -> None:
    axes = draw(panel(), pairs_of(n))  # type: ignore[operator]
    assert [t.get_text() for t in axes.texts] == [f"{n} patients: too few to draw"]
    assert not axes.collections


@pytest.mark.parametrize("draw", ALL[:4])
def test_an_estimate_that_never_varies_is_drawn_without_a_line(draw: object) -> None:
    measured = np.array([2.0, 3.0, 4.0, 5.0])
    axes = draw(panel(), Pairs(measured, np.full(4, 3.5), "FVC", "L"))  # type: ignore[operator]
    assert artist(axes, "patients").get_offsets().shape == (4, 2)
    if draw in (draw_scatter, draw_calibration):
        assert not [line for line in axes.lines if line.get_gid() == "regression"]


def test_fixed_axes_count_whom_they_hide() -> None:
    measured, estimated = np.array([2.0, 3.0, 4.0, 9.5]), np.array([2.5, 3.0, 3.5, 5.0])
    limits = fixed_limits("FVC")
    axes = draw_scatter(panel(), Pairs(measured, estimated, "FVC", "L"), limits=limits)
    assert axes.get_xlim() == axes.get_ylim() == limits == (0.0, 8.0)
    assert [t.get_text() for t in axes.texts] == ["1 outside the axes"]
    axes = draw_bland_altman(panel(), Pairs(measured, estimated, "FVC", "L"), limits=limits)
    assert axes.get_ylim() == (-4, 4)
    assert "1 outside the axes" in [t.get_text() for t in axes.texts]


def test_thousands_of_points_are_small_pale_and_a_picture() -> None:
    few, many = point_style(64), point_style(5000)
    assert few["s"] > many["s"]
    assert few["alpha"] > many["alpha"] > point_style(100_000)["alpha"] >= 0.02
    assert (few["rasterized"], many["rasterized"]) == (False, True)


def test_pairs_refuse_what_cannot_be_paired() -> None:
    with pytest.raises(ValueError, match="series of one length"):
        Pairs(np.ones(3), np.ones(4), "FVC", "L")
    with pytest.raises(ValueError, match="pairs of FVC hold a missing value"):
        Pairs(np.array([1.0, np.nan]), np.ones(2), "FVC", "L")
