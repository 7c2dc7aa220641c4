"""What error to expect beside an estimate: its mean and its size, from the estimate and what else is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spiroct.checkpoints.readings import BIOMARKERS, DEMOGRAPHICS
from spiroct.types import AnyArray, Float64Array

READING_SETS: tuple[tuple[str, ...], ...] = ((*BIOMARKERS, *DEMOGRAPHICS), BIOMARKERS, ())
"""What an error model may know beside the estimate, richest first; a patient's sex, age or height may be missing."""
PER_VARIABLE = 10
"""Patients for each variable, the estimate among them, below which a model is not fitted."""
CENTRAL = (0.005, 0.995)
_STEPS = 100


@dataclass(frozen=True)
class ErrorModel:
    """Mean error ``shift`` (linear) and expected absolute deviation from it (log-linear).

    Parameters
    ----------
    readings : tuple of str
        Variables beside the estimate.
    lower, upper : tuple of float
        Each variable, the estimate first, is read within these: the central 99 % of the patients of the fit, so that
        nothing is extrapolated.
    shift : tuple of float
        Intercept and coefficients of the mean error, in the unit of the quantity.
    log_size : tuple of float
        Intercept and coefficients of the logarithm of the error's expected size.
    """

    readings: tuple[str, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    shift: tuple[float, ...]
    log_size: tuple[float, ...]

    @classmethod
    def fitted(
        cls, measured: AnyArray, estimated: AnyArray, readings: Mapping[str, AnyArray]
    ) -> tuple[ErrorModel, Float64Array]:
        """Fit measured minus estimated (n,): its mean by least squares, its size by a gamma quasi-likelihood.

        Returns
        -------
        model : ErrorModel
            Fitted to all patients.
        residuals : array (n,)
            Of each patient, with his own weight taken out of the mean (the leave-one-out residual of least squares).
        """
        columns = [np.asarray(v, dtype=np.float64) for v in (estimated, *readings.values())]
        variables = np.column_stack(columns)
        lower, upper = np.quantile(variables, CENTRAL, axis=0)
        clipped = np.clip(variables, lower, upper)
        centre, spread = clipped.mean(axis=0), clipped.std(axis=0)
        scale = np.where(spread > 0, spread, np.inf)  # a variable that never varies gets no coefficient
        design = np.column_stack([np.ones(len(clipped)), (clipped - centre) / scale])
        error = np.asarray(measured, dtype=np.float64) - columns[0]
        inverse = np.linalg.pinv(design)
        mean = inverse @ error
        leverage = np.einsum("ij,ji->i", design, inverse)
        residuals = (error - design @ mean) / np.maximum(1.0 - leverage, 0.1)
        size = _log_linear(design, np.abs(residuals))

        def in_units(weights: Float64Array) -> tuple[float, ...]:
            slopes = weights[1:] / scale
            return (float(weights[0] - slopes @ centre), *(float(s) for s in slopes))

        low, high = (tuple(float(v) for v in limit) for limit in (lower, upper))
        return cls(tuple(readings), low, high, in_units(mean), in_units(size)), residuals

    def at(self, estimates: AnyArray, readings: Mapping[str, AnyArray]) -> tuple[Float64Array, Float64Array]:
        """Expect this mean error, and this size of the deviation from it, at estimates (n,) and readings (n,)."""
        variables = np.column_stack([estimates, *(readings[name] for name in self.readings)])
        clipped = np.clip(variables, self.lower, self.upper)
        shift, log_size = (weights[0] + clipped @ np.asarray(weights[1:]) for weights in (self.shift, self.log_size))
        return np.asarray(shift), np.exp(log_size)

    def to_document(self) -> dict[str, Any]:
        """Plain data for the checkpoint's card."""
        return {name: list(values) for name, values in vars(self).items()}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> ErrorModel:
        """Read what :meth:`to_document` wrote."""
        numbers = (tuple(float(v) for v in document[name]) for name in ("lower", "upper", "shift", "log_size"))
        return cls(tuple(document["readings"]), *numbers)


def _log_linear(design: Float64Array, size: Float64Array) -> Float64Array:
    """Fit E[size] = exp(design @ w) with a variance of the mean's square, by Fisher scoring.

    The gamma model with a logarithmic link of McCullagh and Nelder 1989, chapter 8; sizes of 0 are allowed, since only
    the mean and the variance enter.
    """
    weights = np.zeros(design.shape[1])
    weights[0] = np.log(max(float(size.mean()), 1e-12))
    inverse = np.linalg.pinv(design)
    for _ in range(_STEPS):
        step = inverse @ (size * np.exp(-design @ weights) - 1.0)
        step /= max(1.0, float(np.abs(design @ step).max()))
        weights += step
        if np.abs(step).max() < 1e-10:
            break
    return weights
