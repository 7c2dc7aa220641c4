"""Intervals against the textbook rule, an exhaustive count, and their promise: to cover."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spiroct.checkpoints.error_model import ErrorModel
from spiroct.checkpoints.intervals import ENSEMBLE, ConformalScores, intervals_of, quantity_of
from spiroct.pft.measures import Measure
from spiroct.types import BoolArray, Float64Array

PLAIN = ErrorModel((), (-99.0,), (99.0,), (0.0, 0.0), (0.0, 0.0))
"""No error is expected, and its size is 1 everywhere."""
NOTHING: dict[str, float] = {}


def test_the_ensembles_own_scores_give_the_split_conformal_interval() -> None:
    """Estimate plus the k-th smallest and the k-th largest error: 5 % of the misses on each side."""
    errors = np.random.default_rng(0).normal(size=39)
    scores = ConformalScores("TLC", PLAIN, (ENSEMBLE,) * 39, tuple(errors))
    rank = math.ceil(0.95 * 40)
    ordered = np.sort(errors)
    assert scores.interval(np.asarray([4.0, 6.0]), 5.0, NOTHING) == pytest.approx(
        (5.0 + ordered[39 - rank], 5.0 + ordered[rank - 1])
    )


def test_cv_plus_by_counting() -> None:
    """Barber 2021: at each end as many shifted errors lie outside as half of the misses allow."""
    rng = np.random.default_rng(1)
    member, score = rng.integers(0, 4, 60), rng.normal(size=60)
    estimates = np.asarray([3.0, 3.2, 2.9, 3.1])
    scores = ConformalScores("FVC", PLAIN, tuple(member), tuple(score))
    found = scores.interval(estimates, 3.05, NOTHING)
    assert found is not None
    values = estimates[member] + score
    assert (values < found[0]).sum() == (values > found[1]).sum() == math.floor(0.05 * 61) - 1


def test_too_few_scores_give_none() -> None:
    for n, known in ((18, False), (19, True)):
        scores = ConformalScores("TLC", PLAIN, (0,) * n, tuple(np.linspace(-1, 1, n)))
        assert (scores.interval(np.asarray([5.0]), 5.0, NOTHING) is not None) is known


def test_an_interval_never_leaves_the_estimate_out() -> None:
    scores = ConformalScores("TLC", PLAIN, (0,) * 19, tuple(np.linspace(1, 2, 19)))
    assert scores.interval(np.asarray([5.0]), 5.0, NOTHING) == pytest.approx((5.0, 7.0))


def drawn(seed: int, n: int) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Truth, estimate and sex: large values err more, men are underestimated and err more."""
    rng = np.random.default_rng(seed)
    truth, male = rng.uniform(1, 8, n), (rng.random(n) < 0.2).astype(float)
    return truth, truth * (1 - 0.08 * male) * np.exp(rng.normal(0, 0.1 * (1 + 0.5 * male), n)), male


def inside(scores: ConformalScores, truth: Float64Array, estimate: Float64Array, male: Float64Array) -> BoolArray:
    rows = zip(estimate, male, strict=True)
    ends = np.asarray([scores.interval(np.asarray([e]), float(e), {"male": float(m)}) for e, m in rows])
    return (ends[:, 0] <= truth) & (truth <= ends[:, 1])


def test_coverage_holds_in_groups_that_err_differently() -> None:
    """90 % overall, in men, and in the largest third alike; without knowing the sex, men are not covered."""
    truth, estimate, male = drawn(2, 4000)
    member, new = np.zeros(1000, int), slice(1000, None)
    told = {"male": male[:1000]}
    knowing = ConformalScores.fitted("TLC", truth[:1000], estimate[:1000], member, told)
    covered = inside(knowing, truth[new], estimate[new], male[new])
    men, large = male[new] == 1, estimate[new] > np.quantile(estimate[new], 2 / 3)
    assert covered.mean() == pytest.approx(0.9, abs=0.025)
    assert covered[men].mean() == pytest.approx(0.9, abs=0.035)
    assert covered[large].mean() == pytest.approx(0.9, abs=0.035)
    blind = ConformalScores.fitted("TLC", truth[:1000], estimate[:1000], member)
    covered = inside(blind, truth[new], estimate[new], male[new])
    assert covered.mean() == pytest.approx(0.9, abs=0.025)
    assert covered[men].mean() < 0.85


def test_other_patients_scores_mend_intervals_at_another_site() -> None:
    truth, estimate, male = drawn(2, 1000)
    home = ConformalScores.fitted("TLC", truth, estimate, np.zeros(1000, int), {"male": male})
    truth, estimate, male = drawn(4, 3000)
    estimate = 0.93 * estimate + np.random.default_rng(0).normal(0, 0.3, 3000)
    given, new = slice(0, 300), slice(300, None)
    there = home.scored(truth[given], estimate[given], {"male": male[given]}, keep=False)
    assert there.errors == home.errors
    assert inside(home, truth[new], estimate[new], male[new]).mean() < 0.85
    assert inside(there, truth[new], estimate[new], male[new]).mean() == pytest.approx(0.9, abs=0.03)


def test_scores_that_are_kept_stand_beside_the_new_ones() -> None:
    home = ConformalScores("TLC", PLAIN, (0, 1), (0.5, -0.5))
    found = home.scored(np.asarray([4.0]), np.asarray([3.0]), {}, keep=True)
    assert (found.member, found.score) == ((0, 1, ENSEMBLE), (0.5, -0.5, 1.0))


def test_of_several_the_first_that_the_patient_allows() -> None:
    wide = ConformalScores("TLC", PLAIN, (0,) * 40, tuple(np.linspace(-2, 2, 40)))
    aware = ErrorModel(("age",), (-99.0, 0.0), (99.0, 99.0), (0.0, 0.0, 0.0), (-2.0, 0.0, 0.0))
    narrow = ConformalScores("TLC", aware, wide.member, wide.score)
    members = {Measure.TLC: np.asarray([4.9, 5.1])}

    def width(readings: dict[str, float]) -> float:
        lower, upper = intervals_of((narrow, wide), members, readings)["TLC"]
        return upper - lower

    assert width({"age": 50.0}) < width({}) == width({"age": math.nan})


def test_a_ratio_is_one_quantity() -> None:
    values = {Measure.FEV1: np.asarray([2.0, 1.0]), Measure.FVC: np.asarray([2.5, -1.0])}
    ratio = quantity_of("FEV1/FVC", values)
    assert ratio is not None
    assert ratio[0] == pytest.approx(0.8)
    assert np.isnan(ratio[1])
    assert quantity_of("FVC/DLCO", values) is None


def test_a_ratio_without_a_value_has_no_interval() -> None:
    scores = ConformalScores("FEV1/FVC", PLAIN, (0,) * 40, tuple(np.linspace(-1, 1, 40)))
    members = {Measure.FEV1: np.asarray([2.0]), Measure.FVC: np.asarray([-1.0])}
    assert intervals_of((scores,), members, {}) == {}


def test_scores_survive_the_card() -> None:
    scores = ConformalScores("FEV1", PLAIN, (0, 1, ENSEMBLE), (0.5, -1.0, 2.0))
    assert ConformalScores.from_document(scores.to_document()) == scores
