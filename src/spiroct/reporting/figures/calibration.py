"""Whether an estimate means what it says: calibration of the value and coverage of its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spiroct.evaluation.bins import calibration_bins, coverage, coverage_bins
from spiroct.evaluation.line import fitted_line
from spiroct.reporting.figures.agreement import FEWEST, identity
from spiroct.reporting.figures.measures import INK, MUTED
from spiroct.reporting.figures.pairs import Pairs, draw_points, dress, heading, note, outside_words
from spiroct.reporting.wording import number

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from spiroct.types import Float64Array


def draw_calibration(axes: Axes, pairs: Pairs, *, limits: tuple[float, float] | None = None) -> Axes:
    """Draw measurements against estimates: means of patients with similar estimates, and the line through all.

    On the identity (dotted) an estimate is right on average; a slope below 1 means estimates that are too extreme.

    Parameters
    ----------
    axes : matplotlib Axes
    pairs : Pairs
    limits : (float, float), optional
        Fixed range of both axes.

    Returns
    -------
    matplotlib Axes
        The same axes.
    """
    dress(axes, pairs.label("Estimated"), pairs.label("Measured"))
    if len(pairs) < FEWEST:
        axes.set(xticks=[], yticks=[])
        note(axes, f"{len(pairs)} patients: too few to draw")
        return axes
    low, high = pairs.range(limits)
    axes.set(xlim=(low, high), ylim=(low, high))
    axes.set_aspect("equal", adjustable="box")
    identity(axes)
    draw_points(axes, pairs, pairs.estimated, pairs.measured)
    words = f"n = {len(pairs)}"
    ends = np.linspace(pairs.estimated.min(), pairs.estimated.max(), 50)
    if (line := fitted_line(pairs.estimated, pairs.measured, ends)) is not None:
        axes.fill_between(
            ends, line.lower, line.upper, color=pairs.colour, alpha=0.25, linewidth=0, zorder=3, gid="band"
        )
        axes.plot(ends, line.value, color=INK, linewidth=1.4, zorder=4, gid="regression")
        words = f"slope {number(line.slope)}, intercept {number(line.intercept)}, {words}"
    bins = calibration_bins(pairs.measured, pairs.estimated)
    axes.errorbar(
        bins["estimated"], bins["measured"], yerr=_arms(bins["measured"], bins["lower"], bins["upper"]), fmt="o",
        markersize=5, markerfacecolor="white", markeredgecolor=INK, markeredgewidth=1.2, ecolor=INK, elinewidth=1.2,
        zorder=5,
    )[0].set_gid("bins")  # fmt: skip
    heading(axes, words)
    outside_words(axes, pairs.estimated, pairs.measured)
    return axes


def draw_coverage(axes: Axes, pairs: Pairs, *, limits: tuple[float, float] | None = None) -> Axes:
    """Draw the share of intervals that hold the measurement, in fifths of the estimate, against what they promise.

    Parameters
    ----------
    axes : matplotlib Axes
    pairs : Pairs
        With intervals and their level.
    limits : (float, float), optional
        Fixed range of the horizontal axis.

    Returns
    -------
    matplotlib Axes
        The same axes; a sentence stands in it where there are no intervals.
    """
    dress(axes, pairs.label("Estimated"), "Intervals that hold (%)")
    inside, known = pairs.inside, pairs.has_interval
    if inside is None or known is None or pairs.level is None:
        axes.set(xticks=[], yticks=[])
        note(axes, "no intervals to judge")
        return axes
    estimates = pairs.estimated[known]
    bins, (share, lower, upper) = coverage_bins(inside, estimates), coverage(inside)
    axes.set(xlim=pairs.range(limits), ylim=(0, 105))
    axes.axhline(100 * pairs.level, color=MUTED, linewidth=1.0, linestyle=":", zorder=1, gid="promised")
    axes.axhspan(100 * lower, 100 * upper, color=pairs.colour, alpha=0.2, linewidth=0, zorder=0.5, gid="all")
    axes.errorbar(
        bins["by"], 100 * bins["coverage"],
        yerr=_arms(100 * bins["coverage"], 100 * bins["lower"], 100 * bins["upper"]), fmt="o", color=pairs.colour,
        ecolor=INK, elinewidth=1.2, markeredgecolor=INK, markersize=6, zorder=4,
    )[0].set_gid("bins")  # fmt: skip
    width = float(np.median(pairs.width[known]))
    unit = "%" if pairs.quantity == "percent_predicted" else pairs.unit
    between = f"{number(100 * lower, 0)} to {number(100 * upper, 0)} %"
    heading(axes, f"{100 * pairs.level:g} % promised, {number(100 * share, 0)} % hold ({between})")
    note(axes, f"median width {number(width)} {unit}\nn = {len(inside)}", place="lower left")
    return axes


def _arms(value: pd.Series, lower: pd.Series, upper: pd.Series) -> Float64Array:
    """Lengths of the two arms (2, n); none where the interval is undefined."""
    arms: Float64Array = np.stack([value - lower, upper - value]).astype(np.float64)
    return np.nan_to_num(np.maximum(arms, 0.0))
