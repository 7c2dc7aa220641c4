"""Tests of two methods against statsmodels, pingouin, scipy and published worked examples."""

import warnings

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from spiroct.evaluation.paired_tests import dependent_correlations, equivalence, holm, signed_rank, williams, zou_limits

with warnings.catch_warnings():  # pingouin's own, on import
    warnings.simplefilter("ignore")
    import pingouin


def errors(seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    first = np.abs(rng.normal(0, 0.5, 64))
    return first, np.abs(first + rng.normal(0.02, 0.1, 64))


def test_signed_rank_against_pingouin_and_scipy() -> None:
    first, second = errors()
    found = signed_rank(first, second)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oracle = pingouin.wilcoxon(first, second, correction=False).iloc[0]
    assert found.p == pytest.approx(float(oracle["p_val"]), rel=1e-9)
    assert found.difference == pytest.approx(np.median(first - second))
    assert "do not differ" in signed_rank(first, first).reason


def test_signed_rank_by_hand() -> None:
    # differences 1, 2, 3, 4, 5 all of one sign: 2 of the 32 sign patterns are as extreme
    assert signed_rank(np.array([1.0, 2, 3, 4, 5]), np.zeros(5)).p == pytest.approx(2 / 32)


def test_equivalence_against_statsmodels_and_pingouin() -> None:
    first, second = errors()
    found = equivalence(first, second, 0.05)
    assert found.p == pytest.approx(ttost_paired(first, second, -0.05, 0.05)[0], rel=1e-9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oracle = pingouin.tost(first, second, bound=0.05, paired=True).iloc[0]
    assert found.p == pytest.approx(float(oracle["pval"]), rel=1e-6)
    interval = stats.ttest_rel(first, second).confidence_interval(0.90)
    assert (found.lower, found.upper) == pytest.approx((interval.low, interval.high), abs=1e-12)


def test_equivalence_is_the_interval_within_the_margin() -> None:
    first, second = errors()
    found = equivalence(first, second, 1.0)
    widest = max(abs(found.lower), abs(found.upper))
    assert equivalence(first, second, widest).p == pytest.approx(0.05, abs=1e-9)
    assert equivalence(first, second, 1.01 * widest).p < 0.05 < equivalence(first, second, 0.99 * widest).p
    assert "above 0" in equivalence(first, second, 0.0).reason
    assert "same amount" in equivalence(first, first, 0.1).reason


def test_williams_worked_example() -> None:
    # Howell, Statistical Methods for Psychology, 6th edition, page 262: r .80, .72 and .89 of 26: t(23) = 1.36
    t, p = williams(0.80, 0.72, 0.89, 26)
    assert t == pytest.approx(1.36, abs=0.005)
    assert p == pytest.approx(0.187, abs=0.0005)
    assert np.isnan(williams(0.8, 0.7, 0.9, 3)[0])


def test_zou_against_another_programs_output() -> None:
    # R's attitude data (rating with complaints and with critical, n = 30): cocor gives 0.32 to 1.04
    assert zou_limits(0.83, 0.16, 0.19, 30) == pytest.approx((0.32, 1.04), abs=0.006)


def test_zou_of_unrelated_methods_is_the_sum_of_both_intervals() -> None:
    # where nothing correlates, the covariance is nought and distances add in squares
    lower, upper = zou_limits(0.0, 0.0, 0.0, 103)
    half = np.tanh(1.959963984540054 / 10)
    assert (-lower, upper) == pytest.approx((np.sqrt(2) * half,) * 2, abs=1e-9)


def test_dependent_correlations_keep_their_level_and_hold_the_truth() -> None:
    rng, rejected, held = np.random.default_rng(9), 0, 0
    for _ in range(800):
        truth = rng.normal(size=60)
        shared = rng.normal(size=60)
        first, second = (truth + 0.6 * shared + 0.6 * rng.normal(size=60) for _ in range(2))
        found = dependent_correlations(truth, first, second)
        rejected += found.p < 0.05
        held += found.lower <= 0 <= found.upper
    assert 0.03 < rejected / 800 < 0.075
    assert 0.925 < held / 800 < 0.97


def test_dependent_correlations_of_one_method_twice() -> None:
    x, y = errors()
    assert "same but for scale" in dependent_correlations(x, y, 2 * y + 1).reason


def test_dependent_correlations_of_a_constant() -> None:
    x, y = errors()
    assert "does not vary" in dependent_correlations(x, y, np.ones(64)).reason


def test_holm_against_statsmodels() -> None:
    p = [0.04, 0.01, 0.03, 0.005, 0.5]
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1], abs=1e-12)
    with_gap = holm([0.04, float("nan"), 0.01])
    assert with_gap[0] == pytest.approx(0.04)
    assert np.isnan(with_gap[1])
    assert with_gap[2] == pytest.approx(0.02)
    assert holm([]) == []
