"""LASSO: soft thresholding, the conditions of the optimum, coordinate descent and another library's folds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Lasso as CoordinateDescent
from sklearn.model_selection import PredefinedSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from spiroct.errors import InputError, UsageError
from spiroct.evaluation.folds import deal_folds
from spiroct.evaluation.lasso import coefficients_at, lasso

NAMES = ["net", "lung", "vessel", "beta", "alpha"]


def table_of(n: int = 80, seed: int = 0, noise: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        rng.normal(size=(n, 5)) * [1.6, 1.1, 0.03, 0.5, 0.2] + [5.5, 4.2, 0.2, 10, -1.4], columns=NAMES
    )
    table["lung"] += 0.4 * table["net"]
    return table.assign(dlco=0.8 * table["net"] + 0.5 * table["lung"] + noise * rng.normal(size=n))


def arrays(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    return table[NAMES].to_numpy(), table["dlco"].to_numpy()


def test_orthonormal_predictors_are_soft_thresholded() -> None:
    rng = np.random.default_rng(3)
    x = np.linalg.qr(rng.normal(size=(50, 4)) - 0)[0]
    x = np.linalg.qr(x - x.mean(axis=0))[0] * np.sqrt(50)  # columns of mean 0, SD 1, orthogonal
    y = x @ [2.0, -1.0, 0.4, 0.0] + 7 + rng.normal(0, 0.5, 50)
    plain = x.T @ (y - y.mean()) / 50
    penalties = np.array([1.5, 0.6, 0.1])
    intercepts, slopes = coefficients_at(x, y, penalties)
    for penalty, slope in zip(penalties, slopes, strict=True):
        np.testing.assert_allclose(slope, np.sign(plain) * np.maximum(np.abs(plain) - penalty, 0), atol=1e-10)
    np.testing.assert_allclose(intercepts, y.mean(), atol=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_the_optimum_is_an_optimum_and_coordinate_descent_finds_it_too(seed: int) -> None:
    x, y = arrays(table_of(seed=seed))
    scaled, response = (x - x.mean(axis=0)) / x.std(axis=0), y - y.mean()
    penalties = np.geomspace(1.0, 1e-3, 12)
    _, slopes = coefficients_at(x, y, penalties)
    for penalty, slope in zip(penalties, slopes * x.std(axis=0), strict=True):
        pull = scaled.T @ (response - scaled @ slope) / len(y)
        # Karush, Kuhn and Tucker: the pull equals the penalty where a coefficient lives and stays below it elsewhere
        np.testing.assert_allclose(pull[slope != 0], penalty * np.sign(slope[slope != 0]), atol=1e-8)
        assert (np.abs(pull[slope == 0]) <= penalty + 1e-8).all()
        other = CoordinateDescent(alpha=penalty, tol=1e-14, max_iter=1_000_000).fit(scaled, response)
        np.testing.assert_allclose(slope, other.coef_, atol=1e-8)


def test_no_penalty_is_least_squares_and_a_large_one_leaves_the_mean() -> None:
    x, y = arrays(table_of())
    intercepts, slopes = coefficients_at(x, y, np.array([1e6, 0.0]))
    assert not slopes[0].any()
    assert intercepts[0] == pytest.approx(y.mean())
    expected = np.linalg.lstsq(np.column_stack([np.ones(len(y)), x]), y, rcond=None)[0]
    np.testing.assert_allclose([intercepts[1], *slopes[1]], expected, rtol=1e-7)


def test_errors_of_patients_left_out_are_those_of_another_library() -> None:
    table = table_of()
    found = lasso(table, "dlco", NAMES, folds=5, seed=4)
    x, y = arrays(table)
    split = PredefinedSplit(deal_folds(np.arange(len(y)), 5, (4,)))
    for place in (0, 30, 60, 99):
        row = found.errors.iloc[place]
        pipeline = make_pipeline(
            StandardScaler(), CoordinateDescent(alpha=row["penalty"], tol=1e-13, max_iter=1_000_000)
        )
        scores = -cross_val_score(pipeline, x, y, cv=split, scoring="neg_mean_squared_error")
        assert row["error"] == pytest.approx(scores.mean(), rel=1e-8)
        assert row["standard_error"] == pytest.approx(scores.std(ddof=1) / np.sqrt(5), rel=1e-7)


def test_the_smallest_error_and_one_standard_error() -> None:
    table = table_of(noise=2.0)
    least, fewer = (lasso(table, "dlco", NAMES, rule=rule) for rule in ("min", "one_se"))
    errors = least.errors.set_index("penalty")
    assert least.penalty == errors["error"].idxmin()
    bound = errors["error"].min() + errors.loc[least.penalty, "standard_error"]
    assert errors.loc[fewer.penalty, "error"] <= bound
    assert (errors.loc[errors.index > fewer.penalty, "error"] > bound).all()
    assert fewer.penalty > least.penalty
    assert set(fewer.selected) <= set(least.selected)
    assert fewer.r2 < least.r2
    assert {"net", "lung"} <= set(least.selected)


def test_what_is_dropped_is_zero_and_units_do_not_matter() -> None:
    table = table_of(noise=2.0)
    found = lasso(table, "dlco", NAMES, rule="one_se")
    rows = found.coefficients.set_index("predictor")
    assert {n for n in NAMES if rows.loc[n, "coefficient"] != 0} == set(found.selected)
    assert len(found.selected) < len(NAMES)
    again = lasso(table.assign(lung=table["lung"] * 1000), "dlco", NAMES, rule="one_se").coefficients.set_index(
        "predictor"
    )
    assert again.loc["lung", "coefficient"] * 1000 == pytest.approx(rows.loc["lung", "coefficient"], rel=1e-8)
    np.testing.assert_allclose(again["standardised"], rows["standardised"], rtol=1e-7)
    assert np.isnan(rows.loc["(intercept)", "standardised"])


def test_the_same_seed_gives_the_same_and_patients_stay_whole() -> None:
    table = pd.concat([table_of(40), table_of(40)], ignore_index=True).assign(patient_id=[*range(40), *range(40)])
    one, two = (lasso(table, "dlco", NAMES, seed=7, groups="patient_id") for _ in range(2))
    pd.testing.assert_frame_equal(one.errors, two.errors)
    # every scan is there twice: only with patients whole are those left out unknown, and their error larger
    assert one.errors["error"].min() > lasso(table, "dlco", NAMES, seed=7).errors["error"].min()


def test_refusals() -> None:
    table = table_of(20)
    with pytest.raises(UsageError, match="rules are min and one_se"):
        lasso(table, "dlco", NAMES, rule="best")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="21 folds for 20 patients"):
        lasso(table, "dlco", NAMES, folds=21)
    with pytest.raises(InputError, match="no column patient in the table"):
        lasso(table, "dlco", NAMES, groups="patient")
    with pytest.raises(InputError, match="p is empty in 1 rows"):
        lasso(table.assign(p=[None, *"abcdefghijklmnopqrs"]), "dlco", NAMES, groups="p", folds=2)
