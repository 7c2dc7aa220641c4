"""One measure on its scale: normal range, network's estimate, measurement and plain alternatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ESTIMATE_COLOUR = "#0B5CAD"
INK, MUTED = "#1B2530", "#4D5A66"
BAND_COLOUR, BAND_EDGE = "#DDEBE3", "#5E8C76"
LANE_PIXELS, FURNITURE_PIXELS = 24, 78


@dataclass(frozen=True)
class ScaleMarks:
    """What stands on one measure's scale; all numbers in ``unit``, None where there is none.

    Parameters
    ----------
    unit : str
        Unit of the axis.
    estimate, lower, upper : float or None
        The network's estimate and its interval.
    lln, predicted, uln : float or None
        Lower limit of normal, predicted value and upper limit of normal.
    measured : float or None
        A pulmonary function test supplied by the user.
    alternatives : tuple of (str, float)
        Plain alternatives by short name.
    watermark : str
        Words written large and pale across the scale; empty for none.
    """

    unit: str
    estimate: float | None
    lower: float | None = None
    upper: float | None = None
    lln: float | None = None
    predicted: float | None = None
    uln: float | None = None
    measured: float | None = None
    alternatives: tuple[tuple[str, float], ...] = ()
    watermark: str = ""

    @property
    def lanes(self) -> tuple[tuple[str, str, float | None], ...]:
        """Lanes from top to bottom: kind (network, measured, plain), label and value."""
        lanes: list[tuple[str, str, float | None]] = [("network", "Network", self.estimate)]
        if self.measured is not None:
            lanes.append(("measured", "Measured", self.measured))
        lanes.extend(("plain", name, value) for name, value in self.alternatives)
        return tuple(lanes)

    @property
    def values(self) -> tuple[float, ...]:
        """Every number that the scale must reach."""
        marks = (self.estimate, self.lower, self.upper, self.lln, self.predicted, self.uln, self.measured)
        return tuple(v for v in marks if v is not None) + tuple(value for _, value in self.alternatives)

    @property
    def height(self) -> int:
        """Pixels that the scale needs at its usual width."""
        return FURNITURE_PIXELS + LANE_PIXELS * len(self.lanes)


def draw_scale(axes: Axes, marks: ScaleMarks) -> Axes:
    """Draw one measure's scale, a lane for each source: filled network, diamond measured, hollow others.

    Parameters
    ----------
    axes : matplotlib Axes
        Where to draw; the horizontal axis becomes the measure in its unit.
    marks : ScaleMarks
        What to draw.

    Returns
    -------
    matplotlib Axes
        The same axes.

    Raises
    ------
    ValueError
        If there is nothing to draw.
    """
    if not marks.values:
        raise ValueError("a scale needs at least one number")
    low, high = _range(marks.values)
    lanes = marks.lanes
    axes.set(xlim=(low, high), ylim=(len(lanes) - 0.4, -0.6))
    if marks.watermark:
        axes.text(
            0.5, 0.5, marks.watermark, transform=axes.transAxes, ha="center", va="center",
            fontsize=14, fontweight="bold", color="#B3261E", alpha=0.15, zorder=1,
        )  # fmt: skip
    _normal_range(axes, marks)
    for row, (kind, _, value) in enumerate(lanes):
        axes.axhline(row, color="#C9D1D8", linewidth=0.7, zorder=1.5)
        _lane(axes, marks, row, kind, value)
    axes.set_yticks(range(len(lanes)), [label for _, label, _ in lanes])
    axes.tick_params(axis="y", length=0, labelsize=8.5, labelcolor=INK, pad=6)
    axes.tick_params(axis="x", labelsize=8, labelcolor=MUTED, color=MUTED, length=3)
    axes.locator_params(axis="x", nbins=6)
    axes.set_xlabel(marks.unit, fontsize=8, color=MUTED, labelpad=2)
    for name, spine in axes.spines.items():
        spine.set_visible(name == "bottom")
        spine.set_color(MUTED)
    return axes


def describe_scale(marks: ScaleMarks) -> str:
    """Say in one sentence what the scale shows, for those who cannot see it."""
    limits = (("lower limit of normal", marks.lln), ("predicted", marks.predicted))
    parts = [f"{name} {value:.2f}" for name, value in (*limits, ("upper limit", marks.uln)) if value is not None]
    parts += [f"{label} {value:.2f}" for _, label, value in marks.lanes if value is not None]
    if marks.lower is not None and marks.upper is not None:
        parts.append(f"interval of the network {marks.lower:.2f} to {marks.upper:.2f}")
    return f"Scale in {marks.unit}: {', '.join(parts)}."


def _range(values: tuple[float, ...]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = 0.12 * (high - low) if high > low else 0.2 * max(abs(high), 1.0)
    return (max(0.0, low - room) if low >= 0 else low - room), high + room


def _normal_range(axes: Axes, marks: ScaleMarks) -> None:
    if marks.lln is not None:
        upper = marks.uln if marks.uln is not None else axes.get_xlim()[1]
        axes.axvspan(marks.lln, upper, color=BAND_COLOUR, linewidth=0, zorder=0)
    named = (("LLN", marks.lln, 1.2), ("predicted", marks.predicted, 0.8), ("ULN", marks.uln, 1.2))
    for name, value, width in named:
        if value is None:
            continue
        dashes = (0, (2, 2)) if name == "predicted" else "solid"
        axes.axvline(value, color=BAND_EDGE, linewidth=width, linestyle=dashes, zorder=1.6)
        axes.annotate(
            f"{name}\n{value:.2f}", (value, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 3),
            textcoords="offset points", ha="center", va="bottom", fontsize=7.5, color=MUTED, linespacing=1.05,
        )  # fmt: skip


def _lane(axes: Axes, marks: ScaleMarks, row: int, kind: str, value: float | None) -> None:
    if value is None:
        axes.text(0.5, row, "none", transform=axes.get_yaxis_transform(), ha="center", va="center", fontsize=8)
        return
    if kind == "network" and marks.lower is not None and marks.upper is not None:
        axes.plot(
            [marks.lower, marks.upper], [row, row], color=ESTIMATE_COLOUR, linewidth=4, alpha=0.4,
            solid_capstyle="butt", zorder=2, gid="interval",
        )  # fmt: skip
    marker, face, edge = {
        "network": ("o", ESTIMATE_COLOUR, ESTIMATE_COLOUR),
        "measured": ("D", INK, INK),
        "plain": ("o", "white", MUTED),
    }[kind]
    axes.plot(
        [value], [row], marker=marker, markersize=8 if kind == "network" else 7, markerfacecolor=face,
        markeredgecolor=edge, markeredgewidth=1.5, linestyle="none", zorder=3, gid=kind, clip_on=False,
    )  # fmt: skip
