"""Sensitivity and specificity against the lower limit of normal, counted by hand and by scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import recall_score

from spiroct.evaluation.metrics import NO_INTERVALS, Metric
from spiroct.evaluation.normal_limits import NAMES, NO_LIMIT, below_limit_metrics

MEASURED = np.array([1.0, 1.5, 2.0, 3.0, 3.5, 4.0])
ESTIMATED = np.array([1.2, 2.6, 2.2, 2.4, 3.5, 4.1])
LIMIT = np.full(6, 2.5)


def by_name(found: list[Metric]) -> dict[str, Metric]:
    return {m.name: m for m in found}


def test_by_hand() -> None:
    # low: 1.0, 1.5, 2.0, of which 2.6 is missed; not low: 3.0 (called low), 3.5, 4.0
    found = by_name(below_limit_metrics(MEASURED, ESTIMATED, LIMIT))
    assert found["lln_sensitivity"].value == pytest.approx(100 * 2 / 3)
    assert found["lln_specificity"].value == pytest.approx(100 * 2 / 3)
    assert (found["lln_sensitivity"].n, found["lln_specificity"].n) == (3, 3)
    assert found["lln_indeterminate"].reason == NO_INTERVALS
    low, called = MEASURED < LIMIT, ESTIMATED < LIMIT
    assert found["lln_sensitivity"].value == pytest.approx(100 * recall_score(low, called))


def test_intervals_make_calls_certain_or_open() -> None:
    found = by_name(below_limit_metrics(MEASURED, ESTIMATED, LIMIT, lower=ESTIMATED - 0.2, upper=ESTIMATED + 0.2))
    # open: 2.6 and 2.4; certain and right: 1.2, 2.2, 3.5, 4.1
    assert found["lln_indeterminate"].value == pytest.approx(100 * 2 / 6)
    assert found["lln_sensitivity_determinate"].value == 100
    assert found["lln_specificity_determinate"].n == 2


def test_nobody_low_or_no_limit() -> None:
    found = by_name(below_limit_metrics(MEASURED + 5, ESTIMATED + 5, LIMIT))
    assert "below" in found["lln_sensitivity"].reason
    assert np.isnan(found["lln_sensitivity"].value)
    nobody = below_limit_metrics(MEASURED, ESTIMATED, np.full(6, np.nan))
    assert [m.name for m in nobody] == list(NAMES)
    assert {m.reason for m in nobody} == {NO_LIMIT}
    everywhere = by_name(below_limit_metrics(MEASURED, ESTIMATED, LIMIT, lower=ESTIMATED - 9, upper=ESTIMATED + 9))
    assert everywhere["lln_indeterminate"].value == 100
    assert "lies" in everywhere["lln_sensitivity_determinate"].reason
