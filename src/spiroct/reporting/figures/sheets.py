"""Whole figures of a cohort: a row a model, a column a measure, as the paper's Figures 6 to 8 are laid out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from spiroct.pft.measures import Measure
from spiroct.reporting.figures.bars import draw_bars
from spiroct.reporting.figures.learning import draw_learning
from spiroct.reporting.figures.measures import INK, axis_label, fixed_limits, order_of
from spiroct.reporting.figures.pairs import Pairs
from spiroct.reporting.figures.rendering import blank_figure, figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Draw = Callable[..., Axes]

PANEL_WIDTH, PANEL_HEIGHT = 290, 280  # pixels
METRIC_NAMES = {
    "r": "R", "icc_a1": "ICC", "ccc": "CCC", "r2": "R²", "mae": "MAE", "rmse": "RMSE", "mape": "MAPE", "bias": "Bias",
}  # fmt: skip
IN_UNITS = ("mae", "rmse", "bias", "loa_lower", "loa_upper")
BOUNDED = ("r", "icc_a1", "ccc", "spearman")


def measure_sheet(predictions: pd.DataFrame, draw: Draw, *, quantity: str = "absolute", fixed: bool = False) -> Figure:
    """Draw one kind of figure for every model and measure of a predictions table.

    Parameters
    ----------
    predictions : DataFrame
        Columns as in ``predictions.csv``, of one set; a scan has one estimate of a measure a model.
    draw : function
        ``draw_scatter``, ``draw_bland_altman``, ``draw_error``, ``draw_calibration`` or ``draw_coverage``.
    quantity : {"absolute", "percent_predicted"}
        Which rows to take.
    fixed : bool
        Use the ranges that are the same for every cohort; patients outside are counted in the panel.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        If no row has the quantity, or a scan has several estimates.
    """
    rows = predictions.loc[predictions["quantity"] == quantity]
    models, measures = list(dict.fromkeys(rows["model"])), sorted(set(rows["measure"]), key=order_of)
    if not models:
        raise ValueError(f"there are no rows of quantity {quantity}")
    with figure_style():
        figure = blank_figure(PANEL_WIDTH * len(measures), (PANEL_HEIGHT + 20 * (len(models) > 1)) * len(models))
        figure.set_layout_engine("constrained")
        panels = []
        for part, model in zip(figure.subfigures(len(models), 1, squeeze=False)[:, 0], models, strict=True):
            line = part.subplots(1, len(measures), squeeze=False)[0]
            for axes, measure in zip(line, measures, strict=True):
                pairs = Pairs.from_predictions(rows.loc[rows["model"] == model], measure, quantity)
                draw(axes, pairs, limits=fixed_limits(measure, quantity) if fixed else None)
            if len(models) > 1:
                part.suptitle(str(model), x=0.01, ha="left", fontsize=10, color=INK, fontweight="bold")
            panels.append(line)
        for column in zip(*panels, strict=True):
            _same_range(column)
    return figure


def metric_sheet(metrics: pd.DataFrame, metric: str, *, quantity: str = "absolute") -> Figure:
    """Draw one metric of all models as bars: one panel where it has no unit, one a measure where it has.

    Parameters
    ----------
    metrics : DataFrame
        Columns as in ``metrics.csv``, of one set and fold.
    metric : str
        Such as ``icc_a1`` or ``mae``.
    quantity : {"absolute", "percent_predicted"}
        Which rows to take.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        If there is no such row, or a model has several values for a measure.
    """
    rows = metrics.loc[(metrics["metric"] == metric) & (metrics["quantity"] == quantity)]
    if rows.empty:
        raise ValueError(f"there are no rows of metric {metric} and quantity {quantity}")
    name = METRIC_NAMES.get(metric, metric)
    count, measures = rows["model"].nunique(), sorted(set(rows["measure"]), key=order_of)
    apart = metric in IN_UNITS and quantity == "absolute"
    groups = [[m] for m in measures] if apart else [measures]
    with figure_style():
        wide = PANEL_WIDTH * len(groups) if apart else max(360, 110 * count + 90)
        figure = blank_figure(wide, 300)
        figure.set_layout_engine("constrained")
        for axes, group in zip(figure.subplots(1, len(groups), squeeze=False)[0], groups, strict=True):
            part = rows.loc[rows["measure"].isin(group)]
            label = axis_label(name, group[0], _unit(group[0])) if apart else _plain_label(name, metric, quantity)
            draw_bars(axes, part, label=label, limits=(min(0.0, _low(part)), 1.0) if metric in BOUNDED else None)
            if count > 3:
                axes.tick_params(axis="x", labelrotation=30)
                for tick in axes.get_xticklabels():
                    tick.set(ha="right", rotation_mode="anchor")
    return figure


def learning_sheet(runs: Mapping[str, pd.DataFrame], *, label: str = "Loss", logarithmic: bool = False) -> Figure:
    """Draw learning curves of one or several runs in one panel; see :func:`draw_learning`."""
    with figure_style():
        figure = blank_figure(520, 330)
        figure.set_layout_engine("constrained")
        draw_learning(figure.subplots(), runs, label=label, logarithmic=logarithmic)
    return figure


def _same_range(column: Sequence[Axes]) -> None:
    """Give the panels of one measure the same axes, so that models can be compared by eye."""
    drawn = [axes for axes in column if axes.collections]
    if drawn:
        x, y = np.array([axes.get_xlim() for axes in drawn]), np.array([axes.get_ylim() for axes in drawn])
        for axes in drawn:
            axes.set(xlim=(x.min(), x.max()), ylim=(y.min(), y.max()))


def _unit(measure: str) -> str:
    return Measure.from_name(measure).unit


def _plain_label(name: str, metric: str, quantity: str) -> str:
    percent = metric == "mape" or (quantity == "percent_predicted" and metric in IN_UNITS)
    return f"{name} (%)" if percent else name


def _low(part: pd.DataFrame) -> float:
    lowest = part[["value", "lower"]].min().min()
    return float(lowest) if pd.notna(lowest) else 0.0
