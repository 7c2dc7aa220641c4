"""Prediction intervals from signed errors on patients unseen, scaled by what else is known of the patient."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spiroct.checkpoints.error_model import ErrorModel
from spiroct.pft.measures import Measure
from spiroct.types import AnyArray, Float64Array

LEVEL = 0.9
ENSEMBLE = -1
"""The index of the ensemble, where a patient was seen by none of its members."""
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
class ConformalScores:
    """Scaled errors of patients that the networks which estimated them had not seen.

    Parameters
    ----------
    quantity : str
        A measure's name, or a ratio such as ``"FEV1/FVC"``.
    errors : ErrorModel
        What error was expected beside each estimate.
    member : tuple of int
        For each patient the ensemble's member that had not seen it and whose estimate was scored; -1 where none of them
        had, and it was the ensemble's.
    score : tuple of float
        (measured - estimated - expected error) / expected size of the error.
    """

    quantity: str
    errors: ErrorModel
    member: tuple[int, ...]
    score: tuple[float, ...]

    @classmethod
    def fitted(
        cls,
        quantity: str,
        measured: AnyArray,
        estimated: AnyArray,
        member: AnyArray,
        readings: Mapping[str, AnyArray] | None = None,
    ) -> ConformalScores:
        """Fit the error model to estimates (n,) of patients whose measured value (n,) is known, and score them.

        Parameters
        ----------
        quantity : str
            What the values are.
        measured, estimated : arrays (n,)
            Finite.
        member : integer array (n,)
            As the class keeps it.
        readings : mapping of str to array (n,), optional
            What else is known of each patient (:mod:`spiroct.checkpoints.readings`), finite.
        """
        known = readings or {}
        errors, residuals = ErrorModel.fitted(measured, estimated, known)
        scores = residuals / errors.at(estimated, known)[1]
        return cls(quantity, errors, tuple(int(m) for m in member), _rounded(scores))

    def scored(
        self, measured: AnyArray, estimated: AnyArray, readings: Mapping[str, AnyArray], *, keep: bool
    ) -> ConformalScores:
        """Score other patients (n,), whom the whole ensemble estimated, by the error model as it is.

        The model did not see them: with their scores alone this is split conformal prediction (Lei 2018, J Am Stat
        Assoc 113:1094), which covers ``level`` of exchangeable patients or more.

        Parameters
        ----------
        measured, estimated : arrays (n,)
            Finite.
        readings : mapping of str to array (n,)
            Of the error model, finite.
        keep : bool
            Keep the scores that there are beside the new ones: right where both are patients of one population.
        """
        shift, size = self.errors.at(estimated, readings)
        error = np.asarray(measured, dtype=np.float64) - np.asarray(estimated, dtype=np.float64)
        new = _rounded((error - shift) / size)
        members, scores = (self.member, self.score) if keep else ((), ())
        return ConformalScores(self.quantity, self.errors, (*members, *[ENSEMBLE] * len(new)), (*scores, *new))

    def interval(
        self, members: AnyArray, ensemble: float, readings: Mapping[str, float], level: float = LEVEL
    ) -> tuple[float, float] | None:
        """Interval of a new patient.

        CV+ (Barber, Candes, Ramdas and Tibshirani 2021, Ann Stat 49:486, section 3.1) with signed scores, half of the
        misses allowed on each side: each patient's score is put on the estimate by those that had not seen it.

        Parameters
        ----------
        members : array (k,)
            Estimates of the ensemble's members.
        ensemble : float
            The estimate that is reported; where the interval would leave it out, it is widened to it.
        readings : mapping of str to float
            What else is known of the patient.
        level : float
            Nominal coverage. CV+ guarantees 2 level - 1 and is close to ``level`` in practice; see the card.

        Returns
        -------
        lower, upper : float
            None where there are too few scores for this level, or a reading of the error model is missing.
        """
        n = len(self.score)
        rank = math.ceil((1 + level) / 2 * (n + 1))
        if rank > n or any(name not in readings for name in self.errors.readings):
            return None
        centres = np.append(np.asarray(members, dtype=np.float64), ensemble)  # the ensemble's index is -1
        told = {name: np.full(len(centres), readings[name]) for name in self.errors.readings}
        shift, size = self.errors.at(centres, told)
        of = np.asarray(self.member)
        values = np.sort((centres + shift)[of] + np.asarray(self.score) * size[of])
        if not np.isfinite(values).all():
            return None
        return min(float(values[n - rank]), ensemble), max(float(values[rank - 1]), ensemble)

    def to_document(self) -> dict[str, Any]:
        """Plain data for the checkpoint's card."""
        return {
            "quantity": self.quantity,
            "errors": self.errors.to_document(),
            "member": list(self.member),
            "score": list(self.score),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> ConformalScores:
        """Read what :meth:`to_document` wrote."""
        return cls(
            document["quantity"],
            ErrorModel.from_document(document["errors"]),
            tuple(int(m) for m in document["member"]),
            tuple(float(s) for s in document["score"]),
        )


def intervals_of(
    scores: Iterable[ConformalScores],
    members: Mapping[Measure, AnyArray],
    readings: Mapping[str, float],
    level: float = LEVEL,
) -> dict[str, tuple[float, float]]:
    """Intervals of one patient, for every measure and ratio that has one.

    Parameters
    ----------
    scores : iterable of ConformalScores
        Where a quantity has several, the first whose readings are all known is taken.
    members : mapping of Measure to array (k,)
        Estimates of the ensemble's members.
    readings : mapping of str to float
        What else is known of the patient; NaN is not known.
    level : float
        Nominal coverage.
    """
    means = {measure: np.asarray(np.mean(values)) for measure, values in members.items()}
    known = {name: value for name, value in readings.items() if math.isfinite(value)}
    found: dict[str, tuple[float, float]] = {}
    for one in scores:
        each, whole = quantity_of(one.quantity, members), quantity_of(one.quantity, means)
        if one.quantity in found or each is None or whole is None:
            continue
        interval = one.interval(each, float(whole), known, level)
        if interval is not None:
            found[one.quantity] = interval
    return found


def _rounded(scores: Float64Array) -> tuple[float, ...]:
    return tuple(float(f"{s:.5g}") for s in scores)
