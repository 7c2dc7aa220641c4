"""Prediction intervals from out-of-fold residuals: CV+ of Barber 2021, scaled by how errors grow with the estimate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spiroct.pft.measures import Measure
from spiroct.types import AnyArray, Float64Array

LEVEL = 0.9
RATIOS = {"FEV1/FVC": (Measure.FEV1, Measure.FVC), "FVC/DLCO": (Measure.FVC, Measure.DLCO)}
"""Ratios that have intervals of their own: those of numerator and denominator say little of the ratio's."""


def quantity_of(quantity: str, values: Mapping[Measure, AnyArray]) -> Float64Array | None:
    """Take a measure or a ratio from values of measures; None where one is not among them.

    A ratio is NaN where its denominator is not positive.
    """
    if quantity not in RATIOS:
        found = values.get(Measure(quantity))
        return None if found is None else np.asarray(found, dtype=np.float64)
    above, below = (values.get(m) for m in RATIOS[quantity])
    if above is None or below is None:
        return None
    bottom = np.asarray(below, dtype=np.float64)
    return np.asarray(above, dtype=np.float64) / np.where(bottom > 0, bottom, np.nan)


@dataclass(frozen=True)
class ErrorModel:
    """How large an error is expected beside an estimate: ``intercept + slope * estimate``, at least ``floor``.

    Parameters
    ----------
    intercept, slope, floor : float
        In the unit of the quantity; slope has none.
    """

    intercept: float
    slope: float
    floor: float

    @classmethod
    def fitted(cls, estimates: AnyArray, errors: AnyArray) -> ErrorModel:
        """Fit absolute errors (n,) on estimates (n,) by non-negative least squares: errors never shrink with size."""
        from scipy.optimize import nnls

        size = np.maximum(np.asarray(estimates, dtype=np.float64), 0.0)
        weights, _ = nnls(np.column_stack([np.ones_like(size), size]), np.abs(np.asarray(errors, dtype=np.float64)))
        mean = float(np.mean(np.abs(errors)))
        return cls(float(weights[0]), float(weights[1]), 0.1 * mean if mean > 0 else 1e-12)

    def at(self, estimates: AnyArray) -> Float64Array:
        """Expect this absolute error at estimates."""
        return np.maximum(self.intercept + self.slope * np.asarray(estimates, dtype=np.float64), self.floor)


@dataclass(frozen=True)
class ConformalScores:
    """Scaled residuals of patients that the network which estimated them had not seen.

    Parameters
    ----------
    quantity : str
        A measure's name, or a ratio such as ``"FEV1/FVC"``.
    errors : ErrorModel
        How residuals were scaled.
    member : tuple of int
        For each patient the index of the ensemble's member that had not seen it.
    score : tuple of float
        |measured - estimated| / expected error.
    """

    quantity: str
    errors: ErrorModel
    member: tuple[int, ...]
    score: tuple[float, ...]

    @classmethod
    def fitted(cls, quantity: str, measured: AnyArray, estimated: AnyArray, member: AnyArray) -> ConformalScores:
        """Score out-of-fold estimates (n,) of patients whose measured value (n,) is known.

        The error model is fitted on the same residuals as the scores: two numbers from hundreds of patients, whose
        effect on coverage is of the order of 2 / n.
        """
        residual = np.abs(np.asarray(measured, dtype=np.float64) - np.asarray(estimated, dtype=np.float64))
        errors = ErrorModel.fitted(estimated, residual)
        scores = residual / errors.at(estimated)
        return cls(quantity, errors, tuple(int(m) for m in member), tuple(float(f"{s:.6g}") for s in scores))

    def interval(self, members: AnyArray, level: float = LEVEL) -> tuple[float, float] | None:
        """Interval of a new patient.

        CV+ (Barber, Candes, Ramdas and Tibshirani 2021, Ann Stat 49:486, section 3.1), with residuals scaled by the
        error model at each member's estimate. With one member it is the split conformal interval.

        Parameters
        ----------
        members : array (k,)
            Estimates of the ensemble's members.
        level : float
            Nominal coverage. CV+ guarantees 2 level - 1 and is close to ``level`` in practice; see the card.

        Returns
        -------
        lower, upper : float
            None where there are too few residuals for this level.
        """
        n = len(self.score)
        rank = math.ceil(level * (n + 1))
        if rank > n:
            return None
        centre = np.asarray(members, dtype=np.float64)[np.asarray(self.member)]
        width = np.asarray(self.score) * self.errors.at(centre)
        lower = np.sort(centre - width)[n - rank]
        upper = np.sort(centre + width)[rank - 1]
        return float(lower), float(upper)

    def to_document(self) -> dict[str, Any]:
        """Plain data for the checkpoint's card."""
        return {
            "quantity": self.quantity,
            "errors": vars(self.errors),
            "member": list(self.member),
            "score": list(self.score),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> ConformalScores:
        """Read what :meth:`to_document` wrote."""
        return cls(
            document["quantity"],
            ErrorModel(**document["errors"]),
            tuple(int(m) for m in document["member"]),
            tuple(float(s) for s in document["score"]),
        )
