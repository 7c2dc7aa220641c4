"""Agreement against the worked example of Shrout and Fleiss 1979, hand calculation and numpy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiroct.evaluation.agreement import icc_a1, partial_r, pearson_r

# Shrout and Fleiss 1979, Psychol Bull 86:420, Table 2: six targets (rows) rated by four judges.
JUDGES = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float).T


def test_shrout_and_fleiss_1979() -> None:
    # Table 4 prints ICC(2,1) = .29
    assert icc_a1(*JUDGES) == pytest.approx(0.29, abs=0.005)


def test_two_series_by_hand() -> None:
    # measured 1, 2, 3; estimated 2, 3, 4: MSR 2, MSE 0, MSC 1.5 -> 2 / (2 + 2/3 * 1.5) = 2/3
    assert icc_a1(np.array([1.0, 2, 3]), np.array([2.0, 3, 4])) == pytest.approx(2 / 3, abs=1e-12)


def test_order_does_not_matter() -> None:
    assert icc_a1(JUDGES[0], JUDGES[1]) == pytest.approx(icc_a1(JUDGES[1], JUDGES[0]), abs=1e-15)


def test_nothing_varies_is_nan() -> None:
    same = np.ones(4)
    assert np.isnan(icc_a1(same, same))
    assert np.isnan(pearson_r(same * 0.1, np.arange(4.0)))


@pytest.mark.parametrize(
    "series",
    [
        (np.arange(3.0),),
        (np.arange(3.0), np.arange(4.0)),
        (np.array([1.0]), np.array([1.0])),
        (np.array([1.0, np.nan]), np.array([1.0, 2.0])),
        (np.ones((2, 2)), np.ones((2, 2))),
    ],
)
def test_refuses_what_has_no_agreement(series: tuple[np.ndarray, ...]) -> None:
    with pytest.raises(ValueError, match="agreement needs"):
        icc_a1(*series)


@given(seed=st.integers(0, 1000), scale=st.floats(0.1, 10), offset=st.floats(-5, 5))
def test_pearson_is_numpys_and_blind_to_scale(seed: int, scale: float, offset: float) -> None:
    a, b = np.random.default_rng(seed).normal(size=(2, 20))
    assert pearson_r(a, b) == pytest.approx(np.corrcoef(a, b)[0, 1], abs=1e-9)
    assert pearson_r(a, scale * b + offset) == pytest.approx(pearson_r(a, b), abs=1e-9)


@given(seed=st.integers(0, 1000))
def test_partial_r_is_the_correlation_of_residuals(seed: int) -> None:
    a, b, c = np.random.default_rng(seed).normal(size=(3, 25))
    design = np.column_stack([np.ones(25), c])
    left, right = (y - design @ np.linalg.lstsq(design, y)[0] for y in (a, b))
    assert partial_r(a, b, c) == pytest.approx(np.corrcoef(left, right)[0, 1], abs=1e-9)


def test_partial_r_given_itself_is_nan() -> None:
    a = np.arange(5.0)
    assert np.isnan(partial_r(a, a[::-1] ** 2, a))
