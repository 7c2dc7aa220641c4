"""Measured and estimated values of one measure, as figures take them, and points that stay readable in thousands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from spiroct.reporting.figures.measures import INK, MUTED, axis_label, colour_of
from spiroct.types import BoolArray, Float64Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RASTER_FROM = 2000  # points; beyond, an SVG would hold megabytes of circles


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of one measure, without missing values.

    Parameters
    ----------
    measured, estimated : arrays (n,)
        In ``unit``.
    measure : str
        ``"FVC"``; decides the colour.
    unit : str
        As written on the axes.
    quantity : str
        ``absolute`` or ``percent_predicted``.
    lower, upper : arrays (n,), optional
        Interval of each estimate, NaN where there is none.
    level : float, optional
        What the intervals promise, 0 to 1.
    """

    measured: Float64Array
    estimated: Float64Array
    measure: str
    unit: str
    quantity: str = "absolute"
    lower: Float64Array | None = None
    upper: Float64Array | None = None
    level: float | None = None

    def __post_init__(self) -> None:
        shapes = {np.shape(v) for v in (self.measured, self.estimated, self.lower, self.upper) if v is not None}
        if len(shapes) != 1 or len(next(iter(shapes))) != 1:
            raise ValueError(f"pairs need series of one length, got shapes {sorted(shapes)}")
        if not (np.isfinite(self.measured) & np.isfinite(self.estimated)).all():
            raise ValueError(f"pairs of {self.measure} hold a missing value; leave these patients out")

    def __len__(self) -> int:
        return len(self.measured)

    @classmethod
    def from_predictions(cls, predictions: pd.DataFrame, measure: str, quantity: str = "absolute") -> Self:
        """Take one measure of one model and set out of a table with the columns of ``predictions.csv``.

        Patients without a measurement or an estimate are left out.

        Raises
        ------
        ValueError
            If a scan has several estimates, or units or levels differ.
        """
        rows = predictions.loc[(predictions["measure"] == measure) & (predictions["quantity"] == quantity)]
        rows = rows.dropna(subset=["measured", "estimated"])
        if rows["scan_id"].duplicated().any():
            raise ValueError(f"a scan has several estimates of {measure}; choose one model, set and fold")
        if len(set(rows["unit"])) > 1:
            raise ValueError(f"{measure} is given in {', '.join(sorted(set(rows['unit'])))}; one unit is needed")
        levels = rows["level"].dropna().unique()
        if len(levels) > 1:
            raise ValueError(f"intervals of {measure} have several levels; choose one")
        numbers = {name: rows[name].to_numpy(dtype=np.float64) for name in ("measured", "estimated", "lower", "upper")}
        unit = str(rows["unit"].iloc[0]) if len(rows) else ""
        return cls(
            **numbers, measure=measure, unit=unit, quantity=quantity, level=float(levels[0]) if len(levels) else None
        )

    @property
    def error(self) -> Float64Array:
        """Estimated minus measured (n,)."""
        return self.estimated - self.measured

    @property
    def colour(self) -> str:
        """Colour of the measure."""
        return colour_of(self.measure)

    @property
    def inside(self) -> BoolArray | None:
        """Whether each interval holds the measurement (m,), of the patients that have one; None without intervals."""
        known = self.has_interval
        if known is None or self.lower is None or self.upper is None or not known.any():
            return None
        held: BoolArray = (self.lower <= self.measured) & (self.measured <= self.upper)
        return held[known]

    @property
    def has_interval(self) -> BoolArray | None:
        """Whether each patient (n,) has an interval; None where there are no intervals at all."""
        if self.lower is None or self.upper is None:
            return None
        known: BoolArray = np.isfinite(self.lower) & np.isfinite(self.upper)
        return known

    @property
    def width(self) -> Float64Array:
        """Upper minus lower end of each interval (n,); NaN where there is none."""
        if self.lower is None or self.upper is None:
            return np.full(len(self), np.nan)
        return self.upper - self.lower

    def label(self, what: str, *, named: bool = True) -> str:
        """Axis label with the unit, and with the measure where ``named``."""
        return axis_label(what, self.measure if named else "", self.unit, self.quantity)

    def range(self, limits: tuple[float, float] | None = None) -> tuple[float, float]:
        """Range that holds all values with a margin, or the fixed one."""
        if limits is not None:
            return limits
        values = np.concatenate([self.measured, self.estimated])
        low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
        margin = 0.05 * (high - low) or max(0.05 * abs(high), 0.05)
        return low - margin, high + margin


def draw_points(axes: Axes, pairs: Pairs, x: Float64Array, y: Float64Array) -> None:
    """Draw one point a patient, the smaller and the paler the more there are; a picture inside an SVG of thousands."""
    axes.scatter(x, y, color=pairs.colour, zorder=2, gid="patients", **point_style(len(x)))


def point_style(n: int) -> dict[str, Any]:
    """Size (points squared), transparency and raster of n points."""
    size = float(np.clip(2200 / max(n, 1), 3.0 if n < 20_000 else 1.5, 24.0))
    alpha = float(np.clip(100 / max(n, 1) ** 0.75, 0.02, 0.75))
    return {"s": size, "alpha": alpha, "linewidths": 0, "rasterized": n > RASTER_FROM}


def outside_words(axes: Axes, x: Float64Array, y: Float64Array) -> None:
    """Say how many patients lie outside fixed axes, rather than hide them."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    hidden = int(np.count_nonzero((x < left) | (x > right) | (y < bottom) | (y > top)))
    if hidden:
        note(axes, f"{hidden} outside the axes", place="lower right")


def heading(axes: Axes, text: str) -> None:
    """Write the figures of a panel above it, where no patient can hide behind them."""
    axes.set_title(text, loc="left", fontsize=8, color=INK, pad=4)


def note(axes: Axes, text: str, *, place: str = "upper left") -> None:
    """Write small text in a corner of the axes, on a pale ground that keeps it readable over points."""
    vertical, horizontal = place.split()
    x, y = {"left": 0.03, "right": 0.97}[horizontal], {"lower": 0.03, "upper": 0.97}[vertical]
    axes.text(
        x, y, text, transform=axes.transAxes, ha=horizontal, va={"lower": "bottom", "upper": "top"}[vertical],
        fontsize=7.5, color=INK, linespacing=1.3, zorder=6, gid="note",
        bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1.5},
    )  # fmt: skip


def dress(axes: Axes, xlabel: str, ylabel: str) -> None:
    """Label the axes and quiet their frame."""
    axes.set_xlabel(xlabel, fontsize=8.5, color=INK)
    axes.set_ylabel(ylabel, fontsize=8.5, color=INK)
    axes.tick_params(which="both", labelsize=8, color=MUTED, labelcolor=MUTED, length=3)
    for name, spine in axes.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(MUTED)
