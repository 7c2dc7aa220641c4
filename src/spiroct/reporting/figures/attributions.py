"""Attribution maps over CT views, one colour a measure, as the paper's Figure 9 has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spiroct.attribution.attribution_map import AttributionMap
from spiroct.imaging.orientation import to_canonical
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.pft.measures import Measure
from spiroct.reporting.figures.measures import INK, MEASURE_COLOURS
from spiroct.reporting.figures.rendering import blank_figure, figure_style
from spiroct.reporting.figures.views import (
    Kind,
    OrientedScan,
    Plane,
    choose_planes,
    cut,
    draw_view,
    orient,
    picture_size,
    pixel_spacing,
)
from spiroct.types import AnyArray, Float32Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOWERING = "#FF7FD0"
"""Pink: places that lower the estimate, in every measure."""
PANEL = 300  # pixels wide
STRONGEST, FAINTEST = 0.75, 0.08  # opacity of the largest value; share of it below which nothing is drawn


@dataclass(frozen=True, eq=False)
class Case:
    """One scan of a figure.

    Parameters
    ----------
    title : str
        Such as ``"Median case"``.
    volume : CTVolume
    lungs : LabelMap
        On the scan's grid.
    maps : dict of Measure to AttributionMap
        On the scan's grid.
    """

    title: str
    volume: CTVolume
    lungs: LabelMap
    maps: Mapping[Measure, AttributionMap]


def draw_overlay(axes: Axes, scan: OrientedScan, plane: Plane, values: AnyArray, *, colour: str, top: float) -> Axes:
    """Lay a map over a view: the measure's colour where it raises the estimate, pink where it lowers it.

    Parameters
    ----------
    axes : matplotlib Axes
    scan, plane
        From :func:`~spiroct.reporting.figures.views.orient` and ``choose_planes``.
    values : array (z, y, x)
        In canonical axes, on the scan's grid.
    colour : str
        Of raising places.
    top : float
        Value that is drawn strongest.

    Returns
    -------
    matplotlib Axes
        The same.
    """
    from matplotlib.colors import to_rgb

    draw_view(axes, scan, plane)
    shown = cut(values, scan, plane)
    down, across = pixel_spacing(scan, plane.kind)
    strength = np.clip(np.abs(shown) / top, 0.0, 1.0) if top > 0 else np.zeros(shown.shape)
    layer = np.empty((*shown.shape, 4))
    layer[..., :3] = np.where((shown > 0)[..., None], to_rgb(colour), to_rgb(LOWERING))
    layer[..., 3] = np.where(strength > FAINTEST, STRONGEST * strength, 0.0)
    axes.imshow(
        layer, extent=(0.0, shown.shape[1] * across, shown.shape[0] * down, 0.0), interpolation="bilinear", zorder=1.5
    )
    return axes


def strongest(values: AnyArray) -> float:
    """Value that a picture draws strongest: the 99.5th percentile of the map's size where it is not zero."""
    size = np.abs(values)
    return float(np.percentile(size[size > 0], 99.5)) if (size > 0).any() else 0.0


def case_figure(case: Case) -> Figure:
    """Draw one scan: a column a measure, coronal above axial."""
    return attribution_figure([case])


def attribution_figure(cases: Sequence[Case], kinds: Sequence[Kind] = ("coronal", "axial")) -> Figure:
    """Draw several scans as the paper's Figure 9: coronal and axial views, a column a measure.

    Parameters
    ----------
    cases : sequence of Case
        Chosen by a rule, such as :func:`best_median_worst`; the figure's caption has to say which.
    kinds : sequence of str
        Views of each case, ``"coronal"`` and ``"axial"``.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        If there is no case, or two cases have different measures.
    """
    measures = list(cases[0].maps) if cases else []
    if not measures or any(list(case.maps) != measures for case in cases):
        raise ValueError("a figure needs at least one case, and the same measures in all")
    scans = [orient(case.volume, case.lungs) for case in cases]
    rows = [
        (case, scan, plane)
        for case, scan in zip(cases, scans, strict=True)
        for plane in _two_planes(scan)
        if plane.kind in kinds
    ]
    heights = [picture_size(scan, plane.kind, width=PANEL)[1] for _, scan, plane in rows]
    with figure_style():
        gap, head = 6, 40
        wide = (PANEL + gap) * len(measures) - gap
        figure = blank_figure(wide, sum(heights) + (gap + head) * len(rows))
        width, height = (v * figure.dpi for v in figure.get_size_inches())
        y = height
        for (case, scan, plane), tall in zip(rows, heights, strict=True):
            y -= tall + head
            for column, measure in enumerate(measures):
                x = column * (PANEL + gap)
                axes = figure.add_axes((x / width, y / height, PANEL / width, tall / height))
                found = case.maps[measure]
                values = to_canonical(CTVolume(found.values, found.geometry)).hu
                draw_overlay(
                    axes, scan, plane, values, colour=MEASURE_COLOURS[measure], top=strongest(found.patch.values)
                )
                words = f"{measure}, {found.unit}: {found.patch.estimate.mean():.2f}"
                axes.set_title(words, fontsize=10, color=INK, loc="left", pad=4)
            where = f"{case.title}, {plane.kind}"
            figure.text(0.0, (y + tall + 22) / height, where, fontsize=10, color=INK, fontweight="bold", va="bottom")
            y -= gap
    return figure


def best_median_worst(errors: AnyArray) -> tuple[int, int, int]:
    """Choose cases by rule: smallest, median and largest absolute error (the lower median of an even number).

    The authors showed the cases of lowest error, which flatters the maps.

    Parameters
    ----------
    errors : array (n,)
        Estimate minus measurement.
    """
    order = np.argsort(np.abs(errors), kind="stable")
    return int(order[0]), int(order[(len(order) - 1) // 2]), int(order[-1])


def mean_map_figure(means: Mapping[Measure, Float32Array], lungs: AnyArray, counts: int) -> Figure:
    """Draw cohort-mean maps on the common lung grid of :mod:`spiroct.attribution.common_grid`.

    Parameters
    ----------
    means : mapping of Measure to array (z, y, x)
        Mean maps.
    lungs : array (z, y, x)
        Share of patients with lung at each place.
    counts : int
        Patients.

    Returns
    -------
    matplotlib Figure
        Mean over depth (from the front) and over height (from below), a column a measure.
    """
    with figure_style():
        figure = blank_figure(260 * len(means), 520)
        figure.set_layout_engine("constrained")
        panels = figure.subplots(2, len(means), squeeze=False)
        for column, (measure, values) in zip(panels.T, means.items(), strict=True):
            for axes, axis, name in zip(column, (1, 0), ("from the front", "from below"), strict=True):
                flat, under = values.mean(axis=axis), lungs.mean(axis=axis)
                flat, under = (flat[::-1], under[::-1]) if axis == 1 else (flat, under)
                reach = float(np.abs(flat).max()) or 1.0
                axes.imshow(under, cmap="gray", vmin=0, vmax=1.6, aspect="auto")
                drawn = axes.imshow(flat, cmap=_two_sided(measure), vmin=-reach, vmax=reach, alpha=0.75, aspect="auto")
                axes.set(xticks=[], yticks=[], title=f"{measure}, {name}")
                figure.colorbar(drawn, ax=axes, shrink=0.8, label=measure.unit)
        figure.suptitle(f"Mean of {counts} patients, lungs brought to one box", fontsize=10, color=INK)
    return figure


def _two_sided(measure: Measure) -> object:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list(str(measure), [LOWERING, "#FFFFFF", MEASURE_COLOURS[measure]])


def _two_planes(scan: OrientedScan) -> tuple[Plane, Plane]:
    planes = choose_planes(scan)
    return planes[0], next(p for p in planes if p.kind == "axial" and p.where == "middle")
