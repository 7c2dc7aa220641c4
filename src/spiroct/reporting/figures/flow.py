"""The flow of patients into a study, drawn as boxes and arrows (the paper's Figure 1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from spiroct.reporting.figures.measures import INK, MUTED
from spiroct.reporting.figures.rendering import blank_figure, figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BOX = {"boxstyle": "round,pad=0.5", "facecolor": "#F4F7FA", "edgecolor": "#8A97A3", "linewidth": 1.0}
_ARROW = {"arrowstyle": "-|>", "color": MUTED, "linewidth": 1.1, "shrinkA": 0, "shrinkB": 0}


def flow_sheet(selected: int, excluded: Mapping[str, int], parts: Mapping[str, int]) -> Figure:
    """Draw how many scans there were, why some are left out, and into which parts the others went.

    Parameters
    ----------
    selected : int
        Scans before any rule.
    excluded : mapping of str to int
        Scans that each rule left out, in the order of the rules.
    parts : mapping of str to int
        Scans of each part, such as training and test.

    Returns
    -------
    matplotlib Figure
    """
    with figure_style():
        figure = blank_figure(640, 330)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.axis("off")
        included = selected - sum(excluded.values())
        reasons = "\n".join(f"{rule}: {count}" for rule, count in excluded.items())
        _arrow(axes, (0.3, 0.82), (0.3, 0.53))
        _arrow(axes, (0.3, 0.68), (0.585, 0.68))
        _box(axes, 0.3, 0.88, f"selected: {selected} scans")
        _box(axes, 0.72, 0.68, f"left out: {selected - included}\n{reasons}")
        places = [(i + 1) / (len(parts) + 1) * 0.6 for i in range(len(parts))]
        for x, (name, count) in zip(places, parts.items(), strict=True):
            _arrow(axes, (0.3, 0.4), (x, 0.2))
            _box(axes, x, 0.13, f"{name}: {count}")
        _box(axes, 0.3, 0.45, f"included: {included} scans")
    return figure


def _box(axes: Axes, x: float, y: float, text: str) -> None:
    axes.text(x, y, text, ha="center", va="center", fontsize=9, color=INK, bbox=_BOX, linespacing=1.5, zorder=3)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate("", xy=end, xytext=start, arrowprops=_ARROW, zorder=1)
