"""Limits of agreement against the worked example of Bland and Altman 1986; concordance by algebra and simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiroct.evaluation.limits import limits_of_agreement, lin_ccc

# Bland and Altman 1986, Lancet i:307: peak flow of 17 people, first readings of a Wright and a mini meter, L/min.
WRIGHT = np.array([494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427], dtype=float)
MINI = np.array([512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451], dtype=float)


def test_bland_and_altman_1986() -> None:
    # printed: mean difference (large minus mini) -2.1, SD 38.8 L/min; 95 % interval of the bias -22.0 to 17.8
    found = limits_of_agreement(MINI, WRIGHT)
    assert found.bias.value == pytest.approx(-2.1, abs=0.05)
    assert found.sd == pytest.approx(38.8, abs=0.05)
    assert (found.bias.lower, found.bias.upper) == pytest.approx((-22.0, 17.8), abs=0.1)
    # printed with 2 SD: -79.7 and 75.5; SD^2 (1/n + 1.96^2 / (2 (n - 1))) gives the limits' intervals
    two_sd = limits_of_agreement(MINI, WRIGHT, coverage=0.954499736)
    assert (two_sd.lower.value, two_sd.upper.value) == pytest.approx((-79.7, 75.5), abs=0.1)
    half = 2.1199 * 38.765 * np.sqrt(1 / 17 + 1.959964**2 / 32)
    assert found.lower.upper - found.lower.value == pytest.approx(half, rel=1e-3)
    assert found.upper.value - found.upper.lower == pytest.approx(half, rel=1e-3)


def test_proportional_bias_is_seen() -> None:
    rng = np.random.default_rng(3)
    truth = rng.normal(5, 1, 200)
    shrunk = limits_of_agreement(truth, 5 + 0.5 * (truth - 5) + rng.normal(0, 0.1, 200))
    level = limits_of_agreement(truth + rng.normal(0, 0.3, 200), truth + rng.normal(0, 0.3, 200))
    assert shrunk.slope == pytest.approx(-2 / 3, abs=0.05)  # (0.5 - 1) / ((0.5 + 1) / 2)
    assert shrunk.slope_p < 1e-10
    assert level.slope_p > 0.01


def test_limits_of_two_constant_series() -> None:
    found = limits_of_agreement(np.ones(5), np.ones(5))
    assert (found.bias.value, found.sd) == (0.0, 0.0)
    assert np.isnan(found.slope)


@given(seed=st.integers(0, 10**6), scale=st.floats(0.2, 3), shift=st.floats(-3, 3))
def test_concordance_is_correlation_times_accuracy(seed: int, scale: float, shift: float) -> None:
    # Lin 1989: rho_c = rho C_b, C_b = 2 / (v + 1/v + u^2), v = s1/s2, u = (m1 - m2) / sqrt(s1 s2)
    rng = np.random.default_rng(seed)
    x = rng.normal(size=30)
    y = scale * (x + 0.3 * rng.normal(size=30)) + shift
    v, u = x.std() / y.std(), (x.mean() - y.mean()) / np.sqrt(x.std() * y.std())
    found = lin_ccc(x, y)
    assert found.value == pytest.approx(np.corrcoef(x, y)[0, 1] * 2 / (v + 1 / v + u**2), abs=1e-12)
    assert found.lower <= found.value <= found.upper
    assert abs(found.value) <= abs(np.corrcoef(x, y)[0, 1]) + 1e-12


def test_concordance_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    truth = 2 * 0.8 / (1 + 1 + 0.5**2)  # unit SDs, covariance 0.8, means 0.5 apart
    held = 0
    for _ in range(600):
        x, y = rng.multivariate_normal([0, 0.5], [[1, 0.8], [0.8, 1]], 80).T
        found = lin_ccc(x, y)
        held += found.lower <= truth <= found.upper
    assert 0.92 < held / 600 < 0.98


def test_concordance_at_its_ends() -> None:
    series = np.array([1.0, 2, 4, 8])
    assert lin_ccc(series, series).lower == 1.0
    assert lin_ccc(series, 3 - series).value < 0
    assert np.isnan(lin_ccc(series, np.full(4, 2.0)).value)
    uncorrelated = lin_ccc(np.array([-1.0, 0, 1]), np.array([1.0, -2, 1]))
    assert uncorrelated.value == pytest.approx(0, abs=1e-12)
    assert np.isnan(uncorrelated.lower)


@pytest.mark.parametrize("bad", [np.arange(2.0), np.array([1.0, 2, np.nan]), np.ones((3, 2))])
def test_what_cannot_be_compared_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="at least three"):
        limits_of_agreement(bad, bad)
