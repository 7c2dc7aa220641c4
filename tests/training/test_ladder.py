"""The ladder of plain baselines: what was put in comes out."""

from __future__ import annotations

import numpy as np
import pytest

from spiroct.checkpoints.baselines import RUNGS, PlainRegression
from spiroct.pft.measures import Measure
from spiroct.training.ladder import fit_ladder, fit_rung


def people(n: int = 200) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "male": rng.integers(0, 2, n).astype(float),
        "age": rng.uniform(20, 80, n),
        "height_cm": rng.uniform(150, 190, n),
        "lung_volume": rng.uniform(2, 8, n),
        "perc85": rng.uniform(-850, -600, n),
    }


def test_a_linear_law_is_found_exactly() -> None:
    readings = people()
    measured = 1.2 + 0.8 * readings["lung_volume"]
    found = fit_rung("lung_volume", Measure.TLC, readings, measured)
    assert found is not None
    assert found.scale == "linear"
    assert found.coefficients == pytest.approx((1.2, 0.8))
    np.testing.assert_allclose(found.estimate(readings), measured)


def test_a_power_law_is_found_on_the_logarithmic_scale() -> None:
    readings = people()
    measured = 3e-4 * readings["height_cm"] ** 1.8 * np.exp(0.1 * readings["male"])
    found = fit_rung("demographics", Measure.FVC, readings, measured)
    assert found is not None
    assert found.scale == "logarithmic"
    np.testing.assert_allclose(found.estimate(readings), measured, rtol=1e-9)


def test_the_mean_is_the_mean_of_those_who_have_a_value() -> None:
    readings = people(5)
    found = fit_rung("cohort_mean", Measure.TLC, readings, np.asarray([4.0, np.nan, 6.0, 5.0, np.nan]))
    assert found is not None
    assert float(found.estimate({"age": 50.0})) == pytest.approx(5.0)


def test_missing_readings_give_missing_estimates_and_leave_a_rung_out_when_all_miss() -> None:
    readings = people()
    measured = readings["lung_volume"] + 1.0
    readings["perc85"][:] = np.nan
    found = {r.rung: r for r in fit_ladder(Measure.TLC, readings, measured)}
    assert set(found) == set(RUNGS) - {"lung_volume_perc85", "lung_volume_perc85_demographics", "network_demographics"}
    assert np.isnan(found["lung_volume"].estimate({"lung_volume": np.nan}))


def test_a_regression_survives_the_card() -> None:
    found = fit_rung("demographics", Measure.DLCO, people(), people()["age"] / 10)
    assert found is not None
    assert PlainRegression.from_document(found.to_document()) == found


def test_a_reading_far_from_those_of_the_fit_has_no_estimate() -> None:
    rung = PlainRegression("network_demographics", Measure.TLC, "logarithmic", (0.0, 9e3, 0.0, 0.0, 0.0, 0.0))
    readings = {"network": np.array([1.0, 2.0]), **dict.fromkeys(("male", "age", "height_cm"), np.array([1.0, 1.0]))}
    np.testing.assert_array_equal(rung.estimate(readings), [1.0, np.nan])
