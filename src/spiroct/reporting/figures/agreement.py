"""Agreement of estimate and measurement: Bland and Altman's plot, the scatter, and the error against the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spiroct.evaluation.agreement import icc_a1, pearson_r
from spiroct.evaluation.limits import limits_of_agreement
from spiroct.evaluation.line import fitted_line
from spiroct.reporting.figures.measures import INK, MUTED, p_words
from spiroct.reporting.figures.pairs import Pairs, draw_points, dress, heading, note, outside_words
from spiroct.reporting.wording import MINUS, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from spiroct.evaluation.limits import Interval
    from spiroct.types import Float64Array

FEWEST = 3
DIFFERENCE = f"Estimated {MINUS} measured"
PALE_BAND = "#E3E7EB"


def draw_bland_altman(axes: Axes, pairs: Pairs, *, limits: tuple[float, float] | None = None) -> Axes:
    """Draw the differences against the means, with bias, limits of agreement and their intervals.

    The paper's Figure 7. Dashed: the line through the differences, which tilts where the bias depends on the size
    (proportional bias); its slope and p stand above.

    Parameters
    ----------
    axes : matplotlib Axes
    pairs : Pairs
    limits : (float, float), optional
        Fixed range of the horizontal axis; the vertical one then spans as much, around 0.

    Returns
    -------
    matplotlib Axes
        The same axes.

    Notes
    -----
    Bland and Altman 1999, Stat Methods Med Res 8:135. The line tilts downwards whenever estimates vary less than
    measurements, which a network that minimises squared errors does by design.
    """
    mean, difference = (pairs.measured + pairs.estimated) / 2, pairs.error
    dress(axes, pairs.label("Mean"), pairs.label(DIFFERENCE, named=False))
    if _too_few(axes, pairs):
        return axes
    found = limits_of_agreement(pairs.measured, pairs.estimated)
    low, high = pairs.range(limits)
    reach = 1.15 * max(np.abs(difference).max(), abs(found.lower.lower), abs(found.upper.upper), 1e-9)
    half = (high - low) / 2 if limits else float(reach)
    axes.set(xlim=(low, high), ylim=(-half, half))
    axes.axhline(0, color=MUTED, linewidth=0.8, zorder=1)
    draw_points(axes, pairs, mean, difference)
    for name, line, style in (("bias", found.bias, "-"), ("lower", found.lower, "--"), ("upper", found.upper, "--")):
        _level(axes, name, line, style)
    if np.isfinite(found.slope):
        ends = np.array([mean.min(), mean.max()])
        tilt = found.bias.value + found.slope * (ends - mean.mean())
        axes.plot(ends, tilt, color=INK, linewidth=1.0, linestyle=(0, (1, 1.2)), zorder=4, gid="proportional")
    heading(axes, f"slope {number(found.slope)}, {p_words(found.slope_p)}, n = {len(pairs)}")
    outside_words(axes, mean, difference)
    return axes


def draw_scatter(axes: Axes, pairs: Pairs, *, limits: tuple[float, float] | None = None) -> Axes:
    """Draw estimates against measurements, with identity (dotted), regression line and the band of its mean.

    The paper's Figure 6: the estimate is regressed on the measurement, and both axes have one range.

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
    dress(axes, pairs.label("Measured"), pairs.label("Estimated"))
    if _too_few(axes, pairs):
        return axes
    low, high = pairs.range(limits)
    axes.set(xlim=(low, high), ylim=(low, high))
    axes.set_aspect("equal", adjustable="box")
    identity(axes)
    draw_points(axes, pairs, pairs.measured, pairs.estimated)
    _regression(axes, pairs, pairs.measured, pairs.estimated)
    r, icc = pearson_r(pairs.measured, pairs.estimated), icc_a1(pairs.measured, pairs.estimated)
    heading(axes, f"R {number(r)}, ICC {number(icc)}, n = {len(pairs)}")
    outside_words(axes, pairs.measured, pairs.estimated)
    return axes


def draw_error(axes: Axes, pairs: Pairs, *, limits: tuple[float, float] | None = None) -> Axes:
    """Draw the error (estimated minus measured) against the measurement, with its regression line.

    Parameters
    ----------
    axes : matplotlib Axes
    pairs : Pairs
    limits : (float, float), optional
        Fixed range of the horizontal axis; the vertical one then spans as much, around 0.

    Returns
    -------
    matplotlib Axes
        The same axes.

    Notes
    -----
    Small lungs are overestimated and large ones underestimated by every estimate that is not perfect (regression to
    the mean): a slope here is no fault by itself. Whether an estimate can be taken at its word, the calibration shows.
    """
    dress(axes, pairs.label("Measured"), pairs.label(DIFFERENCE, named=False))
    if _too_few(axes, pairs):
        return axes
    low, high = pairs.range(limits)
    half = (high - low) / 2 if limits else 1.15 * max(float(np.abs(pairs.error).max()), 1e-9)
    axes.set(xlim=(low, high), ylim=(-half, half))
    axes.axhline(0, color=MUTED, linewidth=1.0, linestyle=":", zorder=1, gid="identity")
    draw_points(axes, pairs, pairs.measured, pairs.error)
    slope = _regression(axes, pairs, pairs.measured, pairs.error)
    mae = float(np.abs(pairs.error).mean())
    heading(axes, f"MAE {number(mae)}, slope {number(slope)}, n = {len(pairs)}")
    outside_words(axes, pairs.measured, pairs.error)
    return axes


def identity(axes: Axes) -> None:
    """Draw the line on which both agree."""
    axes.axline((0, 0), slope=1, color=MUTED, linewidth=1.0, linestyle=":", zorder=1, gid="identity")


def _too_few(axes: Axes, pairs: Pairs) -> bool:
    if len(pairs) >= FEWEST:
        return False
    axes.set(xticks=[], yticks=[])
    note(axes, f"{len(pairs)} patients: too few to draw")
    return True


def _regression(axes: Axes, pairs: Pairs, x: Float64Array, y: Float64Array) -> float:
    line = fitted_line(x, y, np.linspace(x.min(), x.max(), 50))
    if line is None:
        return float("nan")
    axes.fill_between(
        line.at, line.lower, line.upper, color=pairs.colour, alpha=0.25, linewidth=0, zorder=3, gid="band"
    )
    axes.plot(line.at, line.value, color=INK, linewidth=1.4, zorder=4, gid="regression")
    return line.slope


def _level(axes: Axes, name: str, line: Interval, style: str) -> None:
    """Draw a level across the axes with the band of its interval and its value at the right end."""
    axes.axhspan(line.lower, line.upper, color=PALE_BAND, linewidth=0, zorder=0.5, gid=f"{name} interval")
    axes.axhline(line.value, color=INK, linewidth=1.2, linestyle=style, zorder=3, gid=name)
    axes.annotate(
        number(line.value), (1.0, line.value), xycoords=("axes fraction", "data"), xytext=(3, 0),
        textcoords="offset points", va="center", fontsize=7.5, color=INK, annotation_clip=False,
    )  # fmt: skip
