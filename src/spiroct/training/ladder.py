"""Fit the ladder of plain baselines to a cohort."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from spiroct.checkpoints.baselines import RUNGS, PlainRegression, Scale, design
from spiroct.pft.measures import Measure
from spiroct.types import AnyArray, Float64Array


def fit_rung(
    rung: str, measure: Measure, readings: Mapping[str, Float64Array], measured: Float64Array
) -> PlainRegression | None:
    """Fit one rung to one measure, on the linear or the logarithmic scale, whichever has the smaller squared error.

    Parameters
    ----------
    rung : str
        One of :data:`spiroct.checkpoints.baselines.RUNGS`.
    measure : Measure
        What is estimated.
    readings : mapping of str to array (n,)
        NaN where missing; such patients are left out.
    measured : array (n,)
        In the measure's unit, positive; NaN where missing.

    Returns
    -------
    PlainRegression or None
        None where a reading is missing in so many patients that nothing can be fitted.
    """
    best: tuple[float, PlainRegression] | None = None
    scales: tuple[Scale, ...] = ("linear", "logarithmic") if RUNGS[rung] else ("linear",)
    for scale in scales:
        columns = np.broadcast_to(design(rung, readings, scale), (len(measured), _width(rung, readings, scale)))
        known = np.isfinite(columns).all(axis=1) & (measured > 0)
        if known.sum() <= columns.shape[1]:
            continue
        fitted = _fitted(rung, measure, scale, columns[known], measured[known])
        error = float(np.mean((_at(fitted, columns[known]) - measured[known]) ** 2))
        if best is None or error < best[0]:
            best = error, fitted
    return None if best is None else best[1]


def fit_ladder(
    measure: Measure, readings: Mapping[str, Float64Array], measured: Float64Array, rungs: Iterable[str] = RUNGS
) -> tuple[PlainRegression, ...]:
    """Fit every rung that the readings allow to one measure (see :func:`fit_rung`)."""
    possible = [rung for rung in rungs if all(name in readings for name in RUNGS[rung])]
    fitted = (fit_rung(rung, measure, readings, measured) for rung in possible)
    return tuple(regression for regression in fitted if regression is not None)


def _width(rung: str, readings: Mapping[str, Float64Array], scale: Scale) -> int:
    return int(design(rung, readings, scale).shape[-1])


def _fitted(rung: str, measure: Measure, scale: Scale, columns: AnyArray, measured: AnyArray) -> PlainRegression:
    target = measured if scale == "linear" else np.log(measured)
    weights = np.linalg.lstsq(columns, target, rcond=None)[0]
    smearing = 1.0 if scale == "linear" else float(np.mean(measured / np.exp(columns @ weights)))
    return PlainRegression(rung, measure, scale, tuple(float(w) for w in weights), smearing)


def _at(regression: PlainRegression, columns: AnyArray) -> Float64Array:
    linear = np.asarray(columns @ np.asarray(regression.coefficients))
    return linear if regression.scale == "linear" else regression.smearing * np.exp(linear)
