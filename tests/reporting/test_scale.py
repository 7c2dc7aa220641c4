"""A measure's scale: every number at its place, nothing invented, words for those who cannot see it."""

from __future__ import annotations

import pytest
from matplotlib.axes import Axes

from spiroct.reporting.figures.rendering import blank_figure, figure_style, svg_uri
from spiroct.reporting.figures.scale import ScaleMarks, describe_scale, draw_scale

FULL = ScaleMarks(
    "L", 4.05, lower=3.6, upper=4.6, lln=4.41, predicted=5.42, uln=6.49, measured=4.2,
    alternatives=(("GLI predicted", 5.42), ("CT lung volume", 3.87)),
)  # fmt: skip


def _draw(marks: ScaleMarks) -> Axes:
    return draw_scale(blank_figure(400, 200).add_axes((0.2, 0.2, 0.7, 0.6)), marks)


def _at(axes: Axes, kind: str) -> list[float]:
    return [float(line.get_xdata()[0]) for line in axes.lines if line.get_gid() == kind]


def test_marks_stand_at_their_numbers() -> None:
    axes = _draw(FULL)
    assert _at(axes, "network") == [4.05]
    assert _at(axes, "measured") == [4.2]
    assert _at(axes, "plain") == [5.42, 3.87]
    interval = next(line for line in axes.lines if line.get_gid() == "interval")
    assert list(interval.get_xdata()) == [3.6, 4.6]
    low, high = axes.get_xlim()
    assert low < min(FULL.values)
    assert max(FULL.values) < high


def test_normal_range_is_named_and_shaded() -> None:
    axes = _draw(FULL)
    assert [t.get_text() for t in axes.texts] == ["LLN\n4.41", "predicted\n5.42", "ULN\n6.49"]
    band = axes.patches[0]
    assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx((4.41, 6.49))


def test_plain_alternatives_are_hollow_and_the_estimate_is_not() -> None:
    faces = {line.get_gid(): line.get_markerfacecolor() for line in _draw(FULL).lines}
    assert faces["plain"] == "white"
    assert faces["network"] != "white"
    assert faces["measured"] != "white"


def test_nothing_is_drawn_that_is_not_known() -> None:
    axes = _draw(ScaleMarks("L", 4.05, alternatives=(("CT lung volume", 3.87),)))
    assert not axes.texts
    assert not axes.patches
    assert not _at(axes, "interval")
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Network", "CT lung volume"]


def test_a_missing_estimate_is_said() -> None:
    axes = _draw(ScaleMarks("L", None, lln=2.0, measured=2.5))
    assert "none" in [t.get_text() for t in axes.texts]
    assert not _at(axes, "network")


def test_an_upper_limit_may_be_missing() -> None:
    axes = _draw(ScaleMarks("L", 2.0, lln=2.2))
    assert axes.patches[0].get_x() + axes.patches[0].get_width() == pytest.approx(axes.get_xlim()[1])


def test_one_number_alone_still_has_room_and_volumes_never_go_below_zero() -> None:
    assert _draw(ScaleMarks("L", 2.0)).get_xlim() == pytest.approx((1.6, 2.4))
    assert _draw(ScaleMarks("L", 0.1, measured=4.0)).get_xlim()[0] == 0.0


def test_an_empty_scale_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one number"):
        _draw(ScaleMarks("L", None))


def test_watermark_is_written_across() -> None:
    marks = ScaleMarks("L", 2.0, lln=2.2, watermark="DEMONSTRATION ONLY")
    assert "DEMONSTRATION ONLY" in [t.get_text() for t in _draw(marks).texts]


def test_description_holds_every_number() -> None:
    assert describe_scale(FULL) == (
        "Scale in L: lower limit of normal 4.41, predicted 5.42, upper limit 6.49, Network 4.05, Measured 4.20, "
        "GLI predicted 5.42, CT lung volume 3.87, interval of the network 3.60 to 4.60."
    )


def test_the_same_drawing_gives_the_same_bytes() -> None:
    def uri() -> str:
        with figure_style():
            figure = blank_figure(400, 200)
            draw_scale(figure.add_axes((0.2, 0.2, 0.7, 0.6)), FULL)
            return svg_uri(figure)

    assert uri() == uri()
