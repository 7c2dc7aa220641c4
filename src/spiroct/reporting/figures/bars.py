"""Networks, inputs and biomarkers side by side: bars with intervals (Figure 8) and correlations (Figure 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from spiroct.reporting.figures.measures import INK, MUTED, colour_of, order_of
from spiroct.reporting.figures.pairs import dress
from spiroct.reporting.wording import MINUS, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GROUP_WIDTH = 0.8
STARS = ((0.001, "***"), (0.01, "**"), (0.05, "*"))


def draw_bars(axes: Axes, table: pd.DataFrame, *, label: str, limits: tuple[float, float] | None = None) -> Axes:
    """Draw one metric of several models: a group of bars a model, a bar a measure in the measure's colour.

    Parameters
    ----------
    axes : matplotlib Axes
    table : DataFrame
        ``model, measure, value, lower, upper``; models in the order of their rows, one row a pair. Everything in it has
        one unit. Bars without a value are marked ``undefined``, intervals may be NaN.
    label : str
        Of the vertical axis, with the unit.
    limits : (float, float), optional
        Fixed range of the vertical axis.

    Returns
    -------
    matplotlib Axes
        The same axes.

    Raises
    ------
    ValueError
        If a model has a measure twice, or there is nothing to draw.
    """
    if table.empty or table.duplicated(["model", "measure"]).any():
        raise ValueError("bars need at least one row, and one row for each model and measure")
    models, measures = list(dict.fromkeys(table["model"])), sorted(set(table["measure"]), key=order_of)
    cells = table.set_index(["measure", "model"])
    width = GROUP_WIDTH / len(measures)
    dress(axes, "", label)
    for place, measure in enumerate(measures):
        rows = cells.loc[measure].reindex(models)
        value, lower, upper = (rows[c].to_numpy(dtype=np.float64, na_value=np.nan) for c in ("value", "lower", "upper"))
        x = np.arange(len(models)) + (place - (len(measures) - 1) / 2) * width
        axes.bar(x, np.nan_to_num(value), 0.92 * width, color=colour_of(measure), label=measure, zorder=2)
        known = np.isfinite(lower) & np.isfinite(upper) & np.isfinite(value)
        axes.vlines(x[known], lower[known], upper[known], color="white", linewidth=2.6, zorder=2.5)
        axes.vlines(
            x[known], lower[known], upper[known], color=INK, linewidth=1.1, zorder=3, gid=f"{measure} intervals"
        )
        for there, missing in zip(x, ~np.isfinite(value), strict=True):
            if missing:
                axes.text(there, 0, " undefined", rotation=90, ha="center", va="bottom", fontsize=7, color=MUTED)
    axes.axhline(0, color=MUTED, linewidth=0.8, zorder=1)
    axes.set_xticks(range(len(models)), [str(m).replace("_", " ") for m in models])
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="y", color="#E3E7EB", linewidth=0.7, zorder=0)
    if limits is not None:
        axes.set_ylim(limits)
    if len(measures) > 1:
        axes.legend(
            loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(measures), frameon=False, fontsize=8,
            handlelength=1.2, columnspacing=1.4,
        )  # fmt: skip
    return axes


def draw_correlations(axes: Axes, table: pd.DataFrame) -> Axes:
    """Draw Pearson correlations as coloured cells with their value and stars for p (the paper's Figure 4).

    Parameters
    ----------
    axes : matplotlib Axes
    table : DataFrame
        From :func:`spiroct.evaluation.correlations.correlation_table`.

    Returns
    -------
    matplotlib Axes
        The same axes. Blue is positive and orange negative, on one scale from -1 to 1 in every figure; ``*`` p < 0.05,
        ``**`` < 0.01, ``***`` < 0.001, not corrected for the number of cells.

    Raises
    ------
    ValueError
        If a pair is there twice, or there is nothing to draw.
    """
    from matplotlib.colors import LinearSegmentedColormap

    if table.empty or table.duplicated(["row", "column"]).any():
        raise ValueError("correlations need at least one pair, and each pair once")
    rows, columns = list(dict.fromkeys(table["row"])), list(dict.fromkeys(table["column"]))
    cells = table.set_index(["row", "column"])["r"]
    grid = np.array([[cells.get((row, column), np.nan) for column in columns] for row in rows], dtype=np.float64)
    scale = LinearSegmentedColormap.from_list("correlation", ["#D55E00", "#FFFFFF", "#0072B2"])
    colours = scale.with_extremes(bad="#E3E7EB")
    axes.imshow(np.ma.masked_invalid(grid), cmap=colours, vmin=-1, vmax=1, aspect="auto", gid="correlations")
    for _, cell in table.iterrows():
        y, x = rows.index(cell["row"]), columns.index(cell["column"])
        dark = abs(cell["r"]) > 0.85
        axes.text(
            x, y, _cell_words(cell["r"], cell["p"]), ha="center", va="center", fontsize=8,
            color="white" if dark else INK, linespacing=0.9,
        )  # fmt: skip
    axes.set_xticks(range(len(columns)), columns, fontsize=8.5, color=INK)
    axes.set_yticks(range(len(rows)), rows, fontsize=8.5, color=INK)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return axes


def _cell_words(r: float, p: float) -> str:
    stars = next((words for limit, words in STARS if p < limit), "")
    return number(r).replace(f"{MINUS}0.", f"{MINUS}.").removeprefix("0") + (f"\n{stars}" if stars else "")
