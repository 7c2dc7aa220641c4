"""The error model against the model that made the errors, and statsmodels' gamma regression."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from spiroct.checkpoints.error_model import CENTRAL, ErrorModel
from spiroct.types import Float64Array


@pytest.fixture(scope="module")
def drawn() -> tuple[Float64Array, Float64Array, Float64Array]:
    """Estimates, one reading, and errors whose mean follows the reading and whose size follows the estimate."""
    rng = np.random.default_rng(3)
    estimate, male = rng.uniform(1, 8, 3000), rng.integers(0, 2, 3000).astype(float)
    error = -0.2 + 0.6 * male + np.exp(-2 + 0.25 * estimate) * rng.normal(size=3000)
    return estimate, male, error


def test_it_finds_what_made_the_errors(drawn: tuple[Float64Array, ...]) -> None:
    estimate, male, error = drawn
    model, _ = ErrorModel.fitted(estimate + error, estimate, {"male": male})
    assert model.readings == ("male",)
    assert model.shift == pytest.approx((-0.2, 0.0, 0.6), abs=0.06)
    assert model.log_size[1:] == pytest.approx((0.25, 0.0), abs=0.08)  # three standard errors of the second
    shift, size = model.at(np.asarray([4.0]), {"male": np.asarray([1.0])})
    assert shift[0] == pytest.approx(0.4, abs=0.05)
    assert size[0] == pytest.approx(np.exp(-2 + 0.25 * 4) * np.sqrt(2 / np.pi), rel=0.06)


def test_the_size_is_statsmodels_gamma_regression(drawn: tuple[Float64Array, ...]) -> None:
    estimate, male, error = (column[:400] for column in drawn)
    model, residuals = ErrorModel.fitted(estimate + error, estimate, {"male": male})
    read = np.clip(estimate, *np.quantile(estimate, CENTRAL))
    design = sm.add_constant(np.column_stack([read, male]))
    gamma = sm.GLM(np.abs(residuals), design, family=sm.families.Gamma(sm.families.links.Log())).fit(tol=1e-12)
    assert model.log_size == pytest.approx(tuple(gamma.params), abs=1e-6)


def test_residuals_are_those_of_fits_without_the_patient(drawn: tuple[Float64Array, ...]) -> None:
    estimate, male, error = (column[:60] for column in drawn)
    _, residuals = ErrorModel.fitted(estimate + error, estimate, {"male": male})
    read = np.clip(estimate, *np.quantile(estimate, CENTRAL))
    design = np.column_stack([np.ones(60), read, male])
    for i in (0, 17, 59):
        others = np.arange(60) != i
        fit = np.linalg.lstsq(design[others], error[others], rcond=None)[0]
        assert residuals[i] == pytest.approx(error[i] - design[i] @ fit, rel=1e-6)


def test_nothing_is_extrapolated(drawn: tuple[Float64Array, ...]) -> None:
    estimate, male, error = drawn
    model, _ = ErrorModel.fitted(estimate + error, estimate, {"male": male})
    far, edge = (model.at(np.asarray([v]), {"male": np.asarray([0.0])}) for v in (50.0, model.upper[0]))
    assert far == edge


def test_a_reading_that_never_varies_and_one_man_alone() -> None:
    rng = np.random.default_rng(5)
    estimate, error = rng.uniform(1, 5, 40), rng.normal(size=40)
    same, _ = ErrorModel.fitted(estimate + error, estimate, {"male": np.zeros(40)})
    alone, residuals = ErrorModel.fitted(estimate + error, estimate, {"male": np.eye(40)[0]})
    assert same.shift[2] == same.log_size[2] == 0.0
    assert np.isfinite(residuals).all()
    assert np.isfinite(alone.at(estimate, {"male": np.ones(40)})).all()


def test_estimates_without_error() -> None:
    estimate = np.linspace(1, 5, 30)
    shift, size = ErrorModel.fitted(estimate, estimate, {})[0].at(estimate, {})
    assert np.abs(shift).max() < 1e-9
    assert (size > 0).all()


def test_it_survives_the_card() -> None:
    model = ErrorModel(("age",), (1.0, 20.0), (9.0, 80.0), (0.1, 0.2, 0.3), (-1.0, 0.1, 0.0))
    assert ErrorModel.from_document(model.to_document()) == model
