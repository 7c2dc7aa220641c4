"""Learning curves: loss of training and validation by epoch, of one or several runs (the paper's Figure 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from spiroct.reporting.figures.measures import SERIES_COLOURS
from spiroct.reporting.figures.pairs import dress

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_learning(
    axes: Axes, runs: Mapping[str, pd.DataFrame], *, label: str = "Loss", logarithmic: bool = False
) -> Axes:
    """Draw the loss by epoch: validation as a full line, training dashed, a circle at the lowest validation loss.

    Parameters
    ----------
    axes : matplotlib Axes
    runs : mapping of str to DataFrame
        ``epoch, training, validation`` and, of several folds, ``fold``, by the name of the run, such as ``from
        scratch`` and ``transfer learning``; at most three. Epochs without a validation have NaN there.
    label : str
        Of the vertical axis, with the unit where the loss has one.
    logarithmic : bool
        Draw the loss on a logarithmic scale.

    Returns
    -------
    matplotlib Axes
        The same axes.

    Raises
    ------
    ValueError
        If there is no run, more than three, or one lacks a column.
    """
    if not 1 <= len(runs) <= len(SERIES_COLOURS):
        raise ValueError(f"learning curves of 1 to {len(SERIES_COLOURS)} runs can be told apart, got {len(runs)}")
    from matplotlib.ticker import MaxNLocator

    dress(axes, "Epoch", label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    for (name, history), colour in zip(runs.items(), SERIES_COLOURS, strict=False):
        if missing := {"epoch", "training", "validation"} - set(history.columns):
            raise ValueError(f"the history of {name} has no column {', '.join(sorted(missing))}")
        folds = [part for _, part in history.groupby("fold")] if "fold" in history else [history]
        for number, fold in enumerate(folds):
            _curve(axes, fold, colour, name if number == 0 else None, faint=len(folds) > 1)
    if logarithmic:
        axes.set_yscale("log", subs=(2, 5))
        for place in ("major", "minor"):
            getattr(axes.yaxis, f"set_{place}_formatter")(_plain_number)
    else:
        axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=8, handlelength=2.2)
    return axes


def _plain_number(value: float, _: int | None = None) -> str:
    return f"{value:g}"


def _curve(axes: Axes, history: pd.DataFrame, colour: str, name: str | None, *, faint: bool) -> None:
    alpha, width = (0.75, 1.1) if faint else (1.0, 1.5)
    rows = history.sort_values("epoch")
    validated = rows.dropna(subset=["validation"])
    axes.plot(
        rows["epoch"], rows["training"], color=colour, linestyle="--", linewidth=0.8 * width, alpha=0.8 * alpha,
        label=f"{name}, training" if name else None, gid="training",
    )  # fmt: skip
    axes.plot(
        validated["epoch"], validated["validation"], color=colour, linewidth=width, alpha=alpha,
        label=f"{name}, validation" if name else None, gid="validation",
    )  # fmt: skip
    if validated.empty:
        return
    # Of several folds the numbers would lie on each other; the axis tells the circles' epochs.
    best = validated.loc[validated["validation"].idxmin()]
    axes.plot(
        [best["epoch"]], [best["validation"]], marker="o", markersize=6, markerfacecolor="white",
        markeredgecolor=colour, markeredgewidth=1.5, linestyle="none", zorder=4, gid="best",
    )  # fmt: skip
    if faint:
        return
    axes.annotate(
        f"{best['epoch']:g}", (best["epoch"], best["validation"]), xytext=(0, -6), textcoords="offset points",
        ha="center", va="top", fontsize=7.5, color=colour, gid="best epoch",
    )  # fmt: skip
