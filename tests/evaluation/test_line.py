"""A line with its band, as statsmodels has it; Anscombe's four sets, which share theirs."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from spiroct.evaluation.line import fitted_line

# Anscombe 1973, Am Stat 27:17: sets 1 and 4 of the quartet; y = 3.00 + 0.500 x in both.
ANSCOMBE = {
    1: (
        [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5],
        [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68],
    ),
    4: ([8, 8, 8, 8, 8, 8, 8, 19, 8, 8, 8], [6.58, 5.76, 7.71, 8.84, 8.47, 7.04, 5.25, 12.50, 5.56, 7.91, 6.89]),
}


@pytest.mark.parametrize("which", ANSCOMBE)
def test_anscombe(which: int) -> None:
    x, y = (np.array(v, dtype=float) for v in ANSCOMBE[which])
    line = fitted_line(x, y, np.array([0.0, 10.0]))
    assert line is not None
    assert (round(line.intercept, 2), round(line.slope, 3)) == (3.00, 0.500)
    assert line.value[0] == pytest.approx(line.intercept)


def test_the_band_is_that_of_statsmodels() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(4, 1, 40)
    y, at = 1 + 0.7 * x + rng.normal(0, 0.5, 40), np.linspace(1, 8, 9)
    line = fitted_line(x, y, at, level=0.9)
    theirs = sm.OLS(y, sm.add_constant(x)).fit().get_prediction(sm.add_constant(at)).conf_int(alpha=0.1)
    assert line is not None
    np.testing.assert_allclose(np.stack([line.lower, line.upper], axis=1), theirs, rtol=1e-8)


@pytest.mark.parametrize("x", [[1.0, 2.0], [3.0, 3.0, 3.0]])
def test_no_line_where_there_is_none(x: list[float]) -> None:
    varying, at = np.arange(len(x), dtype=float), np.zeros(1)
    assert fitted_line(np.array(x), varying, at) is None
    assert fitted_line(varying, np.ones(len(x)), at) is None
