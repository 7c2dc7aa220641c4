"""Intervals against the textbook rule, an exhaustive count, and their promise: to cover."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spiroct.checkpoints.intervals import ConformalScores, ErrorModel, quantity_of
from spiroct.pft.measures import Measure

CONSTANT = ErrorModel(1.0, 0.0, 0.0)


def test_one_member_is_the_split_conformal_interval() -> None:
    """Vovk 2005: estimate +- the ceil(level (n + 1))-th smallest absolute residual."""
    residuals = np.random.default_rng(0).exponential(size=39)
    scores = ConformalScores("TLC", CONSTANT, (0,) * 39, tuple(residuals))
    lower, upper = scores.interval(np.asarray([5.0]), 0.9)
    half = np.sort(residuals)[math.ceil(0.9 * 40) - 1]
    assert (lower, upper) == pytest.approx((5.0 - half, 5.0 + half))


def test_cv_plus_by_counting() -> None:
    """Barber 2021: a value lies above the lower end iff enough shifted residuals lie below it."""
    rng = np.random.default_rng(1)
    member, score = rng.integers(0, 4, 60), rng.exponential(size=60)
    estimates = np.asarray([3.0, 3.2, 2.9, 3.1])
    lower, upper = ConformalScores("FVC", CONSTANT, tuple(member), tuple(score)).interval(estimates, 0.9)
    low, high = estimates[member] - score, estimates[member] + score
    assert (low < lower).sum() == math.floor(0.1 * 61) - 1
    assert (high > upper).sum() == 60 - math.ceil(0.9 * 61)


def test_too_few_residuals_give_none() -> None:
    assert ConformalScores("TLC", CONSTANT, (0,) * 8, (1.0,) * 8).interval(np.asarray([5.0]), 0.9) is None
    assert ConformalScores("TLC", CONSTANT, (0,) * 9, (1.0,) * 9).interval(np.asarray([5.0]), 0.9) is not None


def test_coverage_where_errors_grow_with_the_value() -> None:
    """90 % overall and in the largest third alike: widths follow the error."""
    rng = np.random.default_rng(2)
    truth = rng.uniform(1, 8, 4000)
    estimate = truth * np.exp(rng.normal(0, 0.12, 4000))
    scores = ConformalScores.fitted("TLC", truth[:1000], estimate[:1000], np.zeros(1000, int))
    ends = np.asarray([scores.interval(np.asarray([e])) for e in estimate[1000:]])
    inside = (ends[:, 0] <= truth[1000:]) & (truth[1000:] <= ends[:, 1])
    assert inside.mean() == pytest.approx(0.9, abs=0.025)
    large = estimate[1000:] > np.quantile(estimate[1000:], 2 / 3)
    assert inside[large].mean() == pytest.approx(0.9, abs=0.04)


def test_errors_never_shrink_with_size() -> None:
    size = np.linspace(1, 5, 50)
    assert ErrorModel.fitted(size, 6 - size).slope == 0.0
    grown = ErrorModel.fitted(size, 0.2 * size)
    assert (grown.intercept, grown.slope) == pytest.approx((0.0, 0.2), abs=1e-12)


def test_a_ratio_is_one_quantity() -> None:
    values = {Measure.FEV1: np.asarray([2.0, 1.0]), Measure.FVC: np.asarray([2.5, -1.0])}
    ratio = quantity_of("FEV1/FVC", values)
    assert ratio is not None
    assert ratio[0] == pytest.approx(0.8)
    assert np.isnan(ratio[1])
    assert quantity_of("FVC/DLCO", values) is None


def test_scores_survive_the_card() -> None:
    scores = ConformalScores("FEV1", ErrorModel(0.1, 0.05, 0.01), (0, 1, 1), (0.5, 1.0, 2.0))
    assert ConformalScores.from_document(scores.to_document()) == scores
