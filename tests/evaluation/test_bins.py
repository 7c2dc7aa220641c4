"""Bins: every patient in one, means by hand, exact binomial intervals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from spiroct.evaluation.bins import calibration_bins, coverage, coverage_bins


def test_calibration_bins_average_neighbours() -> None:
    estimated = np.arange(40, dtype=float)[::-1]
    measured = 2 * estimated + np.tile([1.0, -1.0], 20)
    table = calibration_bins(measured, estimated, bins=4)
    assert table["n"].tolist() == [10, 10, 10, 10]
    assert table["estimated"].tolist() == [4.5, 14.5, 24.5, 34.5]
    assert table["measured"].tolist() == [9.0, 29.0, 49.0, 69.0]
    low, high = stats.t.interval(0.95, 9, 9.0, stats.sem(measured[30:]))
    assert (table["lower"][0], table["upper"][0]) == pytest.approx((low, high), rel=1e-10)


@pytest.mark.parametrize(("n", "sizes"), [(64, [11, 11, 11, 11, 10, 10]), (25, [13, 12]), (9, [9]), (1, [1]), (0, [])])
def test_bins_hold_ten_and_everybody(n: int, sizes: list[int]) -> None:
    values = np.random.default_rng(n).normal(size=n)
    assert calibration_bins(values, values)["n"].tolist() == sizes


def test_a_bin_of_one_has_no_interval() -> None:
    row = calibration_bins(np.array([3.0]), np.array([2.0])).iloc[0]
    assert row["measured"] == 3.0
    assert np.isnan(row["lower"])


@pytest.mark.parametrize(("held", "n"), [(0, 10), (9, 10), (10, 10), (57, 64)])
def test_coverage_is_clopper_and_pearson(held: int, n: int) -> None:
    inside = np.arange(n) < held
    share, lower, upper = coverage(inside)
    assert share == held / n
    assert (lower, upper) == pytest.approx(proportion_confint(held, n, method="beta"), abs=1e-10)
    assert np.isnan(coverage(inside[:0])).all()


def test_coverage_falls_where_it_falls() -> None:
    by = np.linspace(0, 1, 100)
    table = coverage_bins(by < 0.5, by, bins=2)
    assert table["coverage"].tolist() == [1.0, 0.0]
    assert table["upper"][0] == 1.0
    assert table["lower"][1] == 0.0
