"""Intraclass correlations against Shrout and Fleiss 1979, another program's digits, algebra and simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiroct.evaluation.agreement import icc_a1
from spiroct.evaluation.reliability import icc

# Shrout and Fleiss 1979, Psychol Bull 86:420, Table 2: six targets rated by four judges (rows here).
JUDGES = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float).T


@pytest.mark.parametrize(
    ("form", "printed", "value", "interval"),
    [
        # printed: Shrout and Fleiss, Table 4; value and interval: pingouin 0.7.0 on the same table
        ("A1", 0.29, 0.28976378, (0.02, 0.76)),
        ("C1", 0.71, 0.71484071, (0.34, 0.95)),
        ("Ak", 0.62, 0.62005055, (0.07, 0.93)),
    ],
)
def test_shrout_and_fleiss_1979(form: str, printed: float, value: float, interval: tuple[float, float]) -> None:
    found = icc(*JUDGES, form=form)
    assert found.value == pytest.approx(printed, abs=0.005)
    assert found.value == pytest.approx(value, abs=1e-8)
    assert (found.lower, found.upper) == pytest.approx(interval, abs=0.005)
    assert found.f == pytest.approx(11.02724796, abs=1e-8)
    assert found.p == pytest.approx(0.00013457, abs=1e-8)


def test_two_series_like_another_program() -> None:
    rng = np.random.default_rng(7)
    measured = rng.normal(3.3, 0.97, 64)
    estimated = 0.85 * measured + 0.4 + rng.normal(0, 0.4, 64)
    for form, value, interval in (
        ("A1", 0.88411928, (0.81, 0.93)),
        ("C1", 0.89137301, (0.83, 0.93)),
        ("Ak", 0.93849608, (0.90, 0.96)),
    ):
        found = icc(measured, estimated, form=form)
        assert found.value == pytest.approx(value, abs=1e-8)
        assert (found.lower, found.upper) == pytest.approx(interval, abs=0.005)
        assert found.p == pytest.approx(1.25390964e-23, rel=1e-6)


@given(seed=st.integers(0, 10**6), offset=st.floats(-5, 5))
def test_consistency_ignores_an_offset_and_agreement_does_not(seed: int, offset: float) -> None:
    rng = np.random.default_rng(seed)
    measured = rng.normal(size=20)
    estimated = measured + rng.normal(size=20)
    moved = estimated + offset
    assert icc(measured, moved, form="C1").value == pytest.approx(icc(measured, estimated, form="C1").value, abs=1e-9)
    assert icc(measured, moved).value == pytest.approx(icc_a1(measured, moved), abs=1e-15)
    if icc(measured, moved).value > 0 and abs(offset) > 1e-6:
        assert icc(measured, moved).value <= icc(measured, moved, form="C1").value + 1 / len(measured)


def test_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(11)
    held = 0
    for _ in range(600):
        person = rng.normal(0, 1, 40)
        first, second = person + rng.normal(0, 0.5, 40), person + rng.normal(0, 0.5, 40)
        found = icc(first, second, form="C1")
        held += found.lower <= 1 / 1.25 <= found.upper  # variance between people over all variance
    assert 0.92 < held / 600 < 0.98


def test_series_without_error() -> None:
    series = np.array([1.0, 2, 3, 5])
    same, moved = icc(series, series), icc(series, series + 1)
    assert (same.value, same.lower, same.upper) == (1.0, 1.0, 1.0)
    assert moved.value == pytest.approx(icc_a1(series, series + 1), abs=1e-12)
    assert np.isnan(moved.lower)
    assert icc(series, series + 1, form="C1").value == 1.0
    assert icc(series, series + 1, form="Ak").value == pytest.approx(2 * moved.value / (1 + moved.value))
    assert np.isnan(icc(np.ones(4), np.ones(4)).value)


@pytest.mark.parametrize(("series", "form"), [(np.array([1.0, 2]), "A1"), (np.arange(5.0), "B2")])
def test_too_few_or_unknown_is_refused(series: np.ndarray, form: str) -> None:
    with pytest.raises(ValueError, match="three patients"):
        icc(series, series + 1, form=form)


def test_hardly_any_degree_of_freedom_left() -> None:
    # a large offset beside a small error: Satterthwaite leaves one degree of freedom and quantiles overflow
    rng = np.random.default_rng(0)
    for scale in (1e-3, 1e-6, 1e-9):
        series = np.array([1.0, 2, 3, 5])
        found = icc(series, series + 0.5 + scale * rng.normal(size=4))
        assert -1 <= found.lower <= found.value <= found.upper <= 1
    few = icc(np.array([1.0, 2, 3]), np.array([2.6, 1.1, 2.4]))
    assert np.isfinite([few.lower, few.upper]).all()
    assert few.lower <= few.value <= few.upper
