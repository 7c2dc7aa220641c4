"""Views hang as radiologists hang them, whatever the axis order of the scan, and millimetres are square."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.reporting.figures import views
from spiroct.reporting.figures.rendering import blank_figure, figure_style

Scan = tuple[CTVolume, LabelMap]
ORIENTATIONS = [(order, flips) for order in permutations(range(3)) for flips in product((False, True), repeat=3)]


def _turned(scan: Scan, order: tuple[int, ...], flips: tuple[bool, ...]) -> Scan:
    """Store the same patient with other array axes: transposed, then reversed."""
    volume, lungs = scan
    g = volume.geometry
    shape, spacing = (tuple(seq[a] for a in order) for seq in (g.shape, g.spacing))
    first = np.zeros(3)
    for axis, flip in zip(order, flips, strict=True):
        first[axis] = g.shape[axis] - 1 if flip else 0
    direction = g.direction_matrix[:, order] * np.where(flips, -1.0, 1.0)
    geometry = Geometry(shape, spacing, tuple(g.point(first)), tuple(map(tuple, direction)))
    cut = tuple(slice(None, None, -1) if flip else slice(None) for flip in flips)
    arrays = [np.ascontiguousarray(np.transpose(a, order)[cut]) for a in (volume.hu, lungs.labels)]
    return CTVolume(arrays[0], geometry), LabelMap(arrays[1], geometry)


def _axes(width: int = 300, height: int = 300) -> Axes:
    return blank_figure(width, height).add_axes((0, 0, 1, 1))


def _picture(scan: views.OrientedScan, plane: views.Plane) -> np.ndarray:
    return np.asarray(views.draw_view(_axes(), scan, plane).images[0].get_array())


@pytest.mark.parametrize(("order", "flips"), ORIENTATIONS)
def test_every_axis_order_gives_the_same_pictures(
    small_scan: Scan, order: tuple[int, ...], flips: tuple[bool, ...]
) -> None:
    upright, turned = views.orient(*small_scan), views.orient(*_turned(small_scan, order, flips))
    assert views.choose_planes(turned) == views.choose_planes(upright)
    assert turned.spacing == upright.spacing
    for plane in views.choose_planes(upright):
        np.testing.assert_array_equal(_picture(turned, plane), _picture(upright, plane))


@pytest.mark.parametrize("kind", ["axial", "coronal"])
def test_the_patients_right_lung_is_at_the_viewers_left(small_scan: Scan, kind: str) -> None:
    scan = views.orient(*_turned(small_scan, (2, 0, 1), (True, False, True)))
    plane = next(p for p in views.choose_planes(scan) if p.kind == kind)
    picture = _picture(scan, plane)
    half = picture.shape[1] // 2
    assert picture[:, :half].min() == -900  # the right lung is the one at -900 HU
    assert picture[:, half + 6 :].min() == -800


def test_the_back_is_down_in_axial_and_at_the_right_in_sagittal_views(small_scan: Scan) -> None:
    scan = views.orient(*small_scan)
    axial = _picture(scan, views.Plane("axial", 20, "middle"))
    assert np.nonzero(axial == 1000)[0].min() > axial.shape[0] * 0.6
    sagittal = _picture(scan, views.Plane("sagittal", 31, "spine"))
    assert np.nonzero(sagittal == 1000)[1].min() > sagittal.shape[1] * 0.6


@pytest.mark.parametrize("plane", [views.Plane("coronal", 22, ""), views.Plane("sagittal", 18, "right lung")])
def test_the_head_is_up(small_scan: Scan, plane: views.Plane) -> None:
    volume, lungs = small_scan
    volume.hu[30] = 500.0  # a bright plane towards the head
    scan = views.orient(volume, lungs)
    picture = _picture(scan, plane)
    assert np.nonzero(picture == 500)[0].max() < picture.shape[0] / 2


def test_letters_stand_at_the_sides_they_name(small_scan: Scan) -> None:
    scan = views.orient(*small_scan)
    expected = {"axial": ("R", "L"), "coronal": ("R", "L"), "sagittal": ("A", "P")}
    for plane in views.choose_planes(scan):
        axes = views.draw_view(_axes(), scan, plane)
        place = {t.get_text(): t.get_position()[0] / axes.get_xlim()[1] for t in axes.texts}
        left, right = expected[plane.kind]
        assert place[left] < 0.1
        assert place[right] > 0.9


def test_outlines_carry_the_colour_of_their_side(small_scan: Scan) -> None:
    scan = views.orient(*small_scan)
    axes = views.draw_view(_axes(), scan, views.Plane("axial", 20, "middle"))
    middle = axes.get_xlim()[1] / 2
    sides = {}
    for lines in axes.collections:
        path = lines.get_paths()[0]
        sides[to_hex(lines.get_edgecolor()[0]).upper()] = float(path.vertices[:, 0].mean()) < middle
    assert sides == {views.LUNG_COLOURS[views.RIGHT]: True, views.LUNG_COLOURS[views.LEFT]: False}


def test_an_outline_encloses_the_area_of_its_lung_in_square_millimetres(small_scan: Scan) -> None:
    scan = views.orient(*small_scan)
    axes = views.draw_view(_axes(), scan, views.Plane("coronal", 22, ""))
    polygon = axes.collections[0].get_paths()[0].vertices
    x, y = polygon[:, 0], polygon[:, 1]
    shoelace = abs(float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1]))) / 2
    pixels = np.count_nonzero(small_scan[1].labels[:, 22] == views.RIGHT) * 5.0 * 4.0
    assert shoelace == pytest.approx(pixels, rel=0.05)


@pytest.mark.parametrize("kind", ["axial", "coronal", "sagittal"])
def test_millimetres_are_square_and_the_bar_is_fifty_of_them(small_scan: Scan, kind: str) -> None:
    scan = views.orient(*small_scan)
    plane = next(p for p in views.choose_planes(scan) if p.kind == kind)
    width, height = views.picture_size(scan, plane.kind, width=400)
    axes = views.draw_view(_axes(width, height), scan, plane)
    axes.figure.canvas.draw()
    (x0, y0), (x1, y1) = axes.transData.transform([(0, 0), (10, 10)])
    assert abs(x1 - x0) == pytest.approx(abs(y1 - y0), rel=0.01)
    bar = next(line for line in axes.lines if line.get_gid() == "bar")
    assert np.ptp(bar.get_xdata()) == views.BAR_MM == 50


def test_levels_are_quarters_of_the_lungs_height_from_the_top(small_scan: Scan) -> None:
    scan = views.orient(*small_scan)
    inside = np.flatnonzero(small_scan[1].labels.any(axis=(1, 2)))
    axial = [p for p in views.choose_planes(scan) if p.kind == "axial"]
    parts = [(inside[-1] - p.index) / (inside[-1] - inside[0]) for p in axial]
    assert parts == pytest.approx([0.25, 0.5, 0.75], abs=0.03)
    assert [p.number for p in axial] == ["1", "2", "3"]


def test_level_marks_stand_at_their_slice(small_scan: Scan) -> None:
    scan = views.orient(*small_scan)
    level = views.Plane("axial", 30, "upper", "1")
    axes = views.draw_view(_axes(), scan, views.Plane("coronal", 22, ""), levels=(level,))
    mark = next(line for line in axes.lines if line.get_gid() != "bar")
    expected = (scan.box[0].stop - 30 - 0.5) * 5.0
    assert list(mark.get_ydata()) == [expected, expected]


def test_pictures_are_cut_to_the_lungs_with_a_margin(small_scan: Scan) -> None:
    scan = views.orient(*small_scan)
    for part, axis, step in zip(scan.box, range(3), scan.spacing, strict=True):
        others = tuple(a for a in range(3) if a != axis)
        inside = np.flatnonzero(small_scan[1].labels.any(axis=others))
        assert part.start == max(0, inside[0] - round(views.MARGIN_MM / step))
        assert part.stop == min(scan.labels.shape[axis], inside[-1] + 1 + round(views.MARGIN_MM / step))


def test_without_lungs_the_whole_scan_is_shown_through_its_middle(small_scan: Scan) -> None:
    volume, lungs = small_scan
    scan = views.orient(volume, LabelMap(np.zeros_like(lungs.labels), lungs.geometry))
    planes = views.choose_planes(scan)
    assert planes[0].index == 24
    assert scan.box == (slice(0, 40), slice(0, 48), slice(0, 64))
    for plane in planes:
        assert not views.draw_view(_axes(), scan, plane).collections


def test_lungs_on_another_grid_are_a_mistake(small_scan: Scan) -> None:
    volume, lungs = small_scan
    other = Geometry(lungs.geometry.shape, (5.0, 4.0, 4.1))
    with pytest.raises(ValueError, match="own grid"):
        views.orient(volume, LabelMap(lungs.labels, other))


def test_style_does_not_leak() -> None:
    import matplotlib as mpl

    before = mpl.rcParams["svg.fonttype"]
    with figure_style():
        assert mpl.rcParams["svg.fonttype"] == "none"
    assert mpl.rcParams["svg.fonttype"] == before
    assert isinstance(blank_figure(10, 10), Figure)
