"""Least squares against NIST's certified Longley values and statsmodels; tables that cannot be regressed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.stats.outliers_influence import variance_inflation_factor

from spiroct.errors import InputError, UsageError
from spiroct.evaluation.least_squares import coefficient_rows, design_of, f_change, least_squares

# NIST Statistical Reference Datasets, Longley: certified estimates and standard deviations, intercept first.
LONGLEY = [
    (-3482258.63459582, 890420.383607373),
    (15.0618722713733, 84.9149257747669),
    (-0.358191792925910e-01, 0.334910077722432e-01),
    (-2.02022980381683, 0.488399681651699),
    (-1.03322686717359, 0.214274163161675),
    (-0.511041056535807e-01, 0.226073200069370),
    (1829.15146461355, 455.478499142212),
]


def random_table(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    net, lung = rng.normal(5.5, 1.6, n), rng.normal(4.2, 1.1, n)
    table = pd.DataFrame({"net": net, "lung": lung, "vessel": 0.05 * lung + rng.normal(0, 0.02, n)})
    table["beta"] = rng.normal(10, 0.5, n)
    table["dlco"] = 0.7 * net + 0.4 * lung + 0.8 * table["beta"] - 8 + rng.normal(0, 1.0, n)
    return table


PREDICTORS = ["net", "lung", "vessel", "beta"]


def test_longley_is_as_nist_certifies() -> None:
    data = sm.datasets.longley.load_pandas()
    fit = least_squares(data.exog.to_numpy(), data.endog.to_numpy())
    np.testing.assert_allclose([fit.intercept, *fit.coefficients], [b for b, _ in LONGLEY], rtol=1e-8)
    np.testing.assert_allclose(fit.errors, [s for _, s in LONGLEY], rtol=1e-8)
    assert fit.standard_error == pytest.approx(304.854073561965, rel=1e-8)
    assert fit.r2 == pytest.approx(0.995479004577296, rel=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_everything_agrees_with_statsmodels(seed: int) -> None:
    table = random_table(64, seed)
    design = design_of(table, "dlco", PREDICTORS)
    fit = least_squares(design.x, design.y)
    ours = pd.DataFrame(coefficient_rows(fit, PREDICTORS))
    theirs = sm.OLS(table["dlco"], sm.add_constant(table[PREDICTORS])).fit()
    for column, values in (
        ("coefficient", theirs.params), ("standard_error", theirs.bse), ("t", theirs.tvalues), ("p", theirs.pvalues),
        ("lower", theirs.conf_int()[0]), ("upper", theirs.conf_int()[1]),
    ):  # fmt: skip
        np.testing.assert_allclose(ours[column], values, rtol=1e-8, atol=1e-12)
    assert fit.r2 == pytest.approx(theirs.rsquared, rel=1e-10)
    assert fit.adjusted_r2 == pytest.approx(theirs.rsquared_adj, rel=1e-10)
    assert fit.standard_error == pytest.approx(np.sqrt(theirs.mse_resid), rel=1e-10)
    exog = sm.add_constant(table[PREDICTORS]).to_numpy()
    vif = [variance_inflation_factor(exog, place) for place in range(1, 5)]
    np.testing.assert_allclose(ours["vif"][1:], vif, rtol=1e-8)
    scaled = (table - table.mean()) / table.std()
    np.testing.assert_allclose(
        ours["standardised"][1:], sm.OLS(scaled["dlco"], scaled[PREDICTORS]).fit().params, rtol=1e-8
    )


def test_no_predictor_leaves_the_mean() -> None:
    fit = least_squares(np.empty((3, 0)), np.array([1.0, 2.0, 6.0]))
    assert (fit.intercept, fit.r, fit.freedom) == (3.0, 0.0, 2)
    assert fit.standard_error == pytest.approx(np.std([1, 2, 6], ddof=1))


def test_a_perfect_line_has_no_error() -> None:
    x = np.arange(6.0)[:, None]
    fit = least_squares(x, 2 * x[:, 0] + 1)
    assert (fit.r2, fit.standard_error) == (1.0, 0.0)
    assert fit.p[1] == 0.0


def test_f_change_is_the_f_test_of_nested_models() -> None:
    table = random_table(64, 5)
    small = sm.OLS(table["dlco"], sm.add_constant(table[["net"]])).fit()
    large = sm.OLS(table["dlco"], sm.add_constant(table[PREDICTORS])).fit()
    f, p, added = large.compare_f_test(small)
    ours = f_change(small.rsquared, large.rsquared, n=64, predictors_after=4, added=int(added))
    assert ours == pytest.approx((f, p), rel=1e-8)
    with pytest.raises(ValueError, match="no degree of freedom"):
        f_change(0.1, 0.2, n=3, predictors_after=2)
    assert f_change(0.5, 1.0, n=10, predictors_after=2) == (np.inf, 0.0)


def test_missing_values_are_left_out_by_patient() -> None:
    table = random_table(30, 1)
    table.loc[[3, 7], "beta"] = np.nan
    table.loc[9, "dlco"] = np.nan
    design = design_of(table, "dlco", PREDICTORS)
    assert (len(design.y), design.dropped) == (27, 3)
    assert not {3, 7, 9} & set(design.rows)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"lung": None}, "no column lung in the table"),
        ({"beta": "high"}, "column beta holds text"),
        ({"net": 4.0}, "net is the same in all 40 patients"),
        ({"dlco": 4.0}, "dlco is the same in all 40 patients"),
        ({"beta": np.nan}, "0 patients with all of dlco, net, lung, vessel, beta .40 lack one.*8 at least"),
    ],
)
def test_what_cannot_be_regressed_is_refused_in_one_sentence(change: dict[str, object], sentence: str) -> None:
    table = random_table(40, 2)
    for column, value in change.items():
        if value is None:
            table = table.drop(columns=column)
        else:
            table[column] = value
    with pytest.raises(InputError, match=sentence):
        design_of(table, "dlco", PREDICTORS)


def test_collinear_predictors_are_named_and_only_they() -> None:
    table = random_table(40, 3)
    table["right"] = 0.55 * table["lung"] + np.random.default_rng(0).normal(0, 0.1, 40)
    table["left"] = table["lung"] - table["right"]
    with pytest.raises(InputError, match=r"predictors lung, right, left are collinear .*leave one of them out"):
        design_of(table, "dlco", ["net", "lung", "right", "left", "beta"])
    assert design_of(table, "dlco", ["net", "lung", "right", "beta"]).x.shape == (40, 4)


@pytest.mark.parametrize("predictors", [[], ["net", "net"], ["net", "dlco"]])
def test_predictors_are_given_once_and_are_not_the_response(predictors: list[str]) -> None:
    with pytest.raises(UsageError, match="at least one predictor"):
        design_of(random_table(20, 0), "dlco", predictors)


def test_least_squares_needs_a_degree_of_freedom() -> None:
    with pytest.raises(ValueError, match="at least 3 patients"):
        least_squares(np.ones((2, 1)), np.ones(2))
