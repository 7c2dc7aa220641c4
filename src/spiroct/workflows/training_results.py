"""What a cross-validated training found: intervals, the ladder beside the network, tables and figures of merit."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spiroct.checkpoints.baselines import NETWORK, PlainRegression
from spiroct.checkpoints.checkpoint import Checkpoint
from spiroct.checkpoints.error_model import PER_VARIABLE, READING_SETS
from spiroct.checkpoints.intervals import LEVEL, RATIOS, ConformalScores, intervals_of, quantity_of
from spiroct.checkpoints.readings import DEMOGRAPHICS
from spiroct.cohort.cohort import Cohort
from spiroct.documents import finite_or_none
from spiroct.evaluation.agreement import pearson_r
from spiroct.evaluation.reliability import icc
from spiroct.log import logger
from spiroct.pft.measures import Measure
from spiroct.reporting.table import PREDICTION_COLUMNS
from spiroct.training.ladder import fit_ladder
from spiroct.types import AnyArray, BoolArray, Float64Array


@dataclass(frozen=True, eq=False)
class Outcome:
    """Estimates of a cross-validation beside what was measured.

    Parameters
    ----------
    cohort : Cohort
        With split and folds.
    measures : tuple of Measure
        Columns of the arrays.
    quantity : str
        What the network learned: ``"absolute"`` or ``"percent_predicted"``.
    folds : list of int
        Numbers of the folds, one for each member.
    measured, predicted : array (n, measures)
        In the network's quantity, and reference values in each measure's unit; NaN where missing.
    estimates : array (members, n, measures)
        NaN where a member did not estimate a scan: it had been trained on it.
    member_of : integer array (n,)
        The member that had not seen a scan; -1 for test scans.
    readings : dict of str to array (n,)
        What the ladder knows.
    """

    cohort: Cohort
    measures: tuple[Measure, ...]
    quantity: str
    folds: list[int]
    measured: Float64Array
    predicted: Float64Array
    estimates: Float64Array
    member_of: AnyArray
    readings: dict[str, Float64Array]

    @property
    def test(self) -> BoolArray:
        """Which scans are test scans."""
        return np.asarray(self.cohort.table["split"] == "test", dtype=bool)

    @property
    def out_of_fold(self) -> Float64Array:
        """Each scan's estimate by the member that had not seen it, the ensemble's mean for test scans (n, measures)."""
        mean = self.estimates.mean(axis=0)
        rows = np.arange(len(mean))
        seen = self.member_of >= 0
        mean[seen] = self.estimates[self.member_of[seen], rows[seen]]
        return np.asarray(mean)

    def absolute(self, values: Float64Array) -> Float64Array:
        """Turn values (..., n, measures) of the network's quantity into litres and mmol/min/kPa."""
        return values if self.quantity == "absolute" else np.asarray(values * self.predicted / 100.0)


def conformal_scores(outcome: Outcome, rows: AnyArray) -> tuple[ConformalScores, ...]:
    """Fit and score the errors on scans unseen, of every measure and, where outputs are absolute, of the ratios.

    For each quantity one that knows sex, age and height beside the estimate, and one for patients of whom they are not
    known; as far as there are patients enough to fit them.

    Parameters
    ----------
    outcome : Outcome
        Each scan's estimate is that of the member that had not seen it, or the ensemble's where none had.
    rows : integer array (n,)
        Scans to take.
    """
    by_measure = {m: i for i, m in enumerate(outcome.measures)}
    measured = {m: outcome.measured[rows, i] for m, i in by_measure.items()}
    estimated = {m: outcome.out_of_fold[rows, i] for m, i in by_measure.items()}
    readings = {name: values[rows] for name, values in outcome.readings.items()}
    found = []
    for quantity in quantities_of(outcome.measures, outcome.quantity):
        truth, guess = quantity_of(quantity, measured), quantity_of(quantity, estimated)
        if truth is None or guess is None:
            continue
        for names in READING_SETS:
            told = {name: readings[name] for name in names}
            known = np.isfinite([truth, guess, *told.values()]).all(axis=0)
            if known.sum() < PER_VARIABLE * (len(names) + 1):
                continue
            told = {name: values[known] for name, values in told.items()}
            member = outcome.member_of[rows][known]
            found.append(ConformalScores.fitted(quantity, truth[known], guess[known], member, told))
            if not set(names) & set(DEMOGRAPHICS):  # what the image gives is known of every patient
                break
    return tuple(found)


def quantities_of(measures: tuple[Measure, ...], quantity: str) -> list[str]:
    """Name what has intervals: measures, and ratios where the network estimates absolute values."""
    return [m.value for m in measures] + (list(RATIOS) if quantity == "absolute" else [])


def ladder_of(outcome: Outcome) -> tuple[PlainRegression, ...]:
    """Fit the ladder to all training scans; the network's own reading is its out-of-fold estimate."""
    return _ladder(outcome, outcome.member_of >= 0)


def results_of(outcome: Outcome, scores: tuple[ConformalScores, ...]) -> dict[str, Any]:
    """Figures of merit for the card, of the network and of every rung: pooled validation, and test by the ensemble."""
    estimates = {"network": outcome.absolute(outcome.out_of_fold), **_ladder_estimates(outcome)}
    measured = outcome.absolute(outcome.measured)
    results: dict[str, Any] = {}
    for name, rows in (("validation", outcome.member_of >= 0), ("test", outcome.test)):
        results[name] = {
            model: {
                m.value: _figures(measured[rows, i], values[rows, i], outcome.readings["lung_volume"][rows])
                for i, m in enumerate(outcome.measures)
            }
            for model, values in estimates.items()
        }
    covered = interval_coverage(outcome, scores, np.flatnonzero(outcome.test))
    results["interval_coverage_test"] = {"level": LEVEL, **covered}
    for m in outcome.measures:
        part = results["test" if outcome.test.sum() > 2 else "validation"]["network"][m.value]
        logger.info("%s: MAE %s %s, ICC %s, %s", m, part["mae"], m.unit, part["icc_a1"], f"n {part['n']}")
    return results


def interval_coverage(outcome: Outcome, scores: tuple[ConformalScores, ...], rows: AnyArray) -> dict[str, Any]:
    """Share of scans that the whole ensemble estimated inside their intervals, for each quantity."""
    inside: dict[str, list[bool]] = {one.quantity: [] for one in scores}
    for row in rows:
        measured = {m: np.asarray(outcome.measured[row, i]) for i, m in enumerate(outcome.measures)}
        for quantity, (lower, upper) in _intervals(scores, outcome, int(row)).items():
            truth = quantity_of(quantity, measured)
            if truth is not None and np.isfinite(truth):
                inside[quantity].append(bool(lower <= truth <= upper))
    return {q: {"share": float(np.mean(hits)) if hits else None, "n": len(hits)} for q, hits in inside.items()}


def write_outcome(outcome: Outcome, model: str, checkpoint: Checkpoint, path: Path) -> None:
    """Write ``predictions.csv``: every fold's validation and test estimates, the ensemble's, and the ladder's."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, PREDICTION_COLUMNS, lineterminator="\n")
        writer.writeheader()
        for place, values, intervals in _tables(outcome, model, checkpoint):
            for row in np.flatnonzero(np.isfinite(values).any(axis=1)):
                writer.writerows(_lines(outcome, place, int(row), values[row], intervals.get(int(row), {})))


def _tables(
    outcome: Outcome, model: str, checkpoint: Checkpoint
) -> Iterator[tuple[dict[str, str], Float64Array, dict[int, dict[str, tuple[float, float]]]]]:
    """(model, set, fold), estimates (n, measures) with NaN in other rows, and the intervals of some rows."""
    for k, fold in enumerate(outcome.folds):
        yield _place(model, "validation", fold), _only(outcome.estimates[k], outcome.member_of == k), {}
    for k, fold in enumerate(outcome.folds):
        yield _place(model, "test", fold), _only(outcome.estimates[k], outcome.test), {}
    intervals = {int(row): _intervals(checkpoint.intervals, outcome, int(row)) for row in np.flatnonzero(outcome.test)}
    yield _place(model, "test", "ensemble"), _only(outcome.out_of_fold, outcome.test), intervals
    for rung, estimates in _ladder_estimates(outcome).items():
        own = estimates if outcome.quantity == "absolute" else 100.0 * estimates / outcome.predicted
        for k, fold in enumerate(outcome.folds):
            yield _place(rung, "validation", fold), _only(own, outcome.member_of == k), {}
        yield _place(rung, "test", "ensemble"), _only(own, outcome.test), {}


def _place(model: str, part: str, fold: int | str) -> dict[str, str]:
    return {"model": model, "set": part, "fold": str(fold)}


def _only(values: Float64Array, rows: BoolArray) -> Float64Array:
    return np.where(rows[:, None], values, np.nan)


def _lines(
    outcome: Outcome,
    place: dict[str, str],
    row: int,
    values: Float64Array,
    intervals: dict[str, tuple[float, float]],
) -> Iterator[dict[str, Any]]:
    patient = outcome.cohort.table.iloc[row]
    for i, measure in enumerate(outcome.measures):
        lower, upper = intervals.get(measure.value, (np.nan, np.nan))
        numbers = np.asarray([outcome.measured[row, i], values[i], lower, upper])
        reference = outcome.predicted[row, i]
        shared = {"patient_id": patient["patient_id"], "scan_id": patient["scan_id"], **place}
        shared |= {"measure": measure.value, "level": LEVEL if np.isfinite(lower) else None}
        is_share = outcome.quantity == "percent_predicted"
        absolute = numbers * reference / 100.0 if is_share else numbers
        share = numbers if is_share else 100.0 * numbers / reference
        for quantity, unit, four in (("absolute", measure.unit, absolute), ("percent_predicted", "%", share)):
            if np.isfinite(four[1]):
                names = ("measured", "estimated", "lower", "upper")
                told = dict(zip(names, (finite_or_none(v) for v in four), strict=True))
                yield {**shared, "quantity": quantity, "unit": unit, **told}


def _intervals(scores: tuple[ConformalScores, ...], outcome: Outcome, row: int) -> dict[str, tuple[float, float]]:
    members = {m: outcome.estimates[:, row, i] for i, m in enumerate(outcome.measures)}
    return intervals_of(scores, members, {name: float(values[row]) for name, values in outcome.readings.items()})


def _ladder(outcome: Outcome, rows: BoolArray) -> tuple[PlainRegression, ...]:
    measured, network = outcome.absolute(outcome.measured), outcome.absolute(outcome.out_of_fold)
    fitted: list[PlainRegression] = []
    for i, measure in enumerate(outcome.measures):
        readings = {**outcome.readings, NETWORK: network[:, i]}
        taught = {name: values[rows] for name, values in readings.items()}
        fitted += fit_ladder(measure, taught, measured[rows, i])
    return tuple(fitted)


def _ladder_estimates(outcome: Outcome) -> dict[str, Float64Array]:
    """Every rung's absolute estimates (n, measures): cross-fitted on the same folds, and fitted on all for the test."""
    network = outcome.absolute(outcome.out_of_fold)
    found: dict[str, Float64Array] = {}
    groups = [(outcome.member_of == k, (outcome.member_of >= 0) & (outcome.member_of != k))
              for k in range(len(outcome.folds))]  # fmt: skip
    for judged, taught in [*groups, (outcome.test, outcome.member_of >= 0)]:
        if not judged.any():
            continue
        for regression in _ladder(outcome, taught):
            column = outcome.measures.index(regression.measure)
            readings = {name: values[judged] for name, values in outcome.readings.items()}
            values = regression.estimate({**readings, NETWORK: network[judged, column]})
            table = found.setdefault(regression.rung, np.full(outcome.measured.shape, np.nan))
            table[judged, column] = values
    return found


def _figures(measured: Float64Array, estimated: Float64Array, volume: Float64Array) -> dict[str, Any]:
    known = np.isfinite(measured) & np.isfinite(estimated)
    truth, guess = measured[known], estimated[known]
    if len(truth) < 3:
        return {"n": len(truth), "mae": None, "r": None, "icc_a1": None}
    agreement = icc(truth, guess)
    return {
        "n": len(truth),
        "mae": _rounded(float(np.mean(np.abs(guess - truth)))),
        "bias": _rounded(float(np.mean(guess - truth))),
        "r": _rounded(pearson_r(truth, guess)),
        "icc_a1": _rounded(agreement.value),
        "icc_a1_lower": _rounded(agreement.lower),
        "icc_a1_upper": _rounded(agreement.upper),
    }


def _rounded(value: float) -> float | None:
    return finite_or_none(round(value, 4))
