"""How each measure looks in every figure: its colour, its axis label and its fixed range."""

from __future__ import annotations

import math

from spiroct.pft.measures import Measure
from spiroct.reporting.wording import number

INK, MUTED = "#1B2530", "#4D5A66"

# Of Okabe and Ito's colours the four that red- or green-blind readers tell apart best; others for what is compared.
MEASURE_COLOURS = {
    Measure.DLCO: "#D55E00",
    Measure.FEV1: "#56B4E9",
    Measure.FVC: "#009E73",
    Measure.TLC: "#0072B2",
}
SERIES_COLOURS = ("#000000", "#E69F00", "#CC79A7")

# Upper ends of the axes in the authors' own figures, so that figures of several cohorts can be laid side by side.
FIXED_LIMITS = {Measure.DLCO: 13.0, Measure.FEV1: 6.0, Measure.FVC: 8.0, Measure.TLC: 11.0}
FIXED_PERCENT = 160.0


def colour_of(measure: str) -> str:
    """Find the colour of a measure; ink for anything else."""
    return next((colour for one, colour in MEASURE_COLOURS.items() if one == measure), INK)


def order_of(measure: str) -> tuple[int, str]:
    """Sort measures in the order of every table, others after them by name."""
    known = list(Measure)
    return (next((i for i, one in enumerate(known) if one == measure), len(known)), measure)


def fixed_limits(measure: str, quantity: str = "absolute") -> tuple[float, float] | None:
    """Range of the axes that is the same in every cohort, from 0; None for what has none."""
    if quantity == "percent_predicted":
        return 0.0, FIXED_PERCENT
    top = next((end for one, end in FIXED_LIMITS.items() if one == measure), None)
    return None if top is None else (0.0, top)


def axis_label(what: str, measure: str, unit: str, quantity: str = "absolute") -> str:
    """Write an axis label with its unit, such as ``Measured FVC (L)`` or ``Measured FVC (% predicted)``."""
    name = f"{what} {measure}".strip()
    inside = "% predicted" if quantity == "percent_predicted" else unit
    return f"{name} ({inside})" if inside else name


def p_words(p: float) -> str:
    """Write a p as ``p < 0.001``, ``p = 0.034`` or ``p = 0.21``; ``p undefined`` where there is none.

    Examples
    --------
    >>> p_words(0.0004), p_words(0.0341), p_words(0.214)
    ('p < 0.001', 'p = 0.034', 'p = 0.21')
    """
    if not math.isfinite(p):
        return "p undefined"
    if p < 0.001:
        return "p < 0.001"
    return f"p = {number(p, 3 if p < 0.1 else 2)}"
