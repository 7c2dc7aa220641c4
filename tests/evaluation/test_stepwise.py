"""Stepwise regression: Hald's cement, an independent run of the rule with statsmodels, and the printed Table 6."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from spiroct.errors import UsageError
from spiroct.evaluation.least_squares import f_change
from spiroct.evaluation.stepwise import stepwise

# Hald's cement data, as in Draper and Smith, Applied Regression Analysis: heat (y) of thirteen mixtures.
HALD = pd.DataFrame(
    {
        "x1": [7, 1, 11, 11, 7, 11, 3, 1, 2, 21, 1, 11, 10],
        "x2": [26, 29, 56, 31, 52, 55, 71, 31, 54, 47, 40, 66, 68],
        "x3": [6, 15, 8, 8, 6, 9, 17, 22, 18, 4, 23, 9, 8],
        "x4": [60, 52, 20, 47, 33, 22, 6, 44, 22, 26, 34, 12, 12],
        "y": [78.5, 74.3, 104.3, 87.6, 95.9, 109.2, 102.7, 72.5, 93.1, 115.9, 83.8, 113.3, 109.4],
    }
)
XS = ["x1", "x2", "x3", "x4"]


def test_hald_enters_three_and_lets_the_first_go() -> None:
    found = stepwise(HALD, "y", XS, enter=0.10, remove=0.15)
    assert list(found.steps["action"]) == ["entered", "entered", "entered", "removed"]
    assert list(found.steps["predictor"]) == ["x4", "x1", "x2", "x4"]
    assert found.selected == ("x1", "x2")
    # y = 52.58 + 1.47 x1 + 0.66 x2, R2 = 97.9 %, s = 2.406: the equation that the book ends with
    last = found.coefficients.loc[found.coefficients["step"] == 4].set_index("predictor")
    assert last["coefficient"].round(2).tolist() == [52.58, 1.47, 0.66]
    assert found.steps["r2"].iloc[-1] == pytest.approx(0.979, abs=5e-4)
    assert found.steps["standard_error"].iloc[-1] == pytest.approx(2.406, abs=5e-4)
    assert found.steps["r2_change"].iloc[-1] < 0
    assert found.steps["p_change"].iloc[-1] > 0.15


def test_with_the_levels_of_spss_hald_stops_after_two() -> None:
    # x2 would enter third with p = 0.0517
    assert stepwise(HALD, "y", XS).selected == ("x4", "x1")


def by_statsmodels(table: pd.DataFrame, enter: float, remove: float) -> list[tuple[str, str, float, float]]:
    """Run SPSS's rule with another library, straight from its description."""
    inside: list[str] = []
    moves = []

    def fit(names: list[str]) -> object:
        return sm.OLS(table["y"], sm.add_constant(table[names]) if names else np.ones(len(table))).fit()

    while True:
        if inside:
            p = fit(inside).pvalues[inside]
            if p.max() > remove:
                inside = [n for n in inside if n != p.idxmax()]
                moves.append(("removed", p.idxmax(), fit(inside).rsquared_adj, p.max()))
                continue
        outside = {n: fit([*inside, n]).pvalues[n] for n in XS if n not in inside}
        best = min(outside, key=outside.get) if outside else None
        if best is None or outside[best] >= enter:
            return moves
        inside = [*inside, best]
        moves.append(("entered", best, fit(inside).rsquared_adj, outside[best]))


def suppressed(seed: int) -> pd.DataFrame:
    """A proxy of two causes that enters first and is worth nothing once both are in."""
    rng = np.random.default_rng(seed)
    a, b, c = rng.normal(size=(3, 60))
    table = pd.DataFrame({"x1": a, "x2": b, "x3": a + b + rng.normal(0, 0.6, 60), "x4": c})
    return table.assign(y=a + b + rng.normal(0, rng.uniform(0.3, 3.0), 60))


def test_the_rule_is_the_same_with_another_library() -> None:
    removals = 0
    for seed in range(25):
        table = suppressed(seed)
        found, expected = stepwise(table, "y", XS), by_statsmodels(table, 0.05, 0.10)
        steps = found.steps
        assert list(zip(steps["action"], steps["predictor"], strict=True)) == [(a, n) for a, n, *_ in expected]
        np.testing.assert_allclose(steps["adjusted_r2"].astype(float), [r for *_, r, _ in expected], rtol=1e-8)
        np.testing.assert_allclose(steps["p_change"].astype(float), [p for *_, p in expected], rtol=1e-7, atol=1e-300)
        removals += int((steps["action"] == "removed").sum())
    assert removals >= 3  # otherwise the test shows nothing of removing


def test_f_change_is_the_square_of_t_of_what_entered() -> None:
    found = stepwise(suppressed(0), "y", XS)
    for _, step in found.steps.loc[found.steps["action"] == "entered"].iterrows():
        rows = found.coefficients
        row = rows.loc[(rows["step"] == step["step"]) & (rows["predictor"] == step["predictor"])].iloc[0]
        assert step["f_change"] == pytest.approx(row["t"] ** 2, rel=1e-8)
        assert step["p_change"] == pytest.approx(row["p"], rel=1e-8)
        assert step["df2"] == found.n - 1 - step["predictors"].count("x")


def test_nothing_enters_where_nothing_explains() -> None:
    # columns of a Hadamard matrix are orthogonal to each other: every correlation is exactly 0
    signs = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=float)
    table = pd.DataFrame(np.tile(signs, (4, 1)), columns=["x1", "x2", "y"])
    found = stepwise(table, "y", ["x1", "x2"])
    assert found.selected == ()
    assert len(found.steps) == len(found.coefficients) == 0
    assert "f_change" in found.steps
    assert (found.n, found.dropped) == (16, 0)


def test_it_stops_where_all_is_explained() -> None:
    table = HALD.assign(y=3 * HALD["x1"] - HALD["x3"])
    found = stepwise(table, "y", XS)
    assert set(found.selected) == {"x1", "x3"}
    assert found.steps["r"].iloc[-1] == pytest.approx(1.0)


def test_levels_that_could_cycle_are_refused() -> None:
    with pytest.raises(UsageError, match=r"enter below p 0\.1 and remove above p 0.1"):
        stepwise(HALD, "y", XS, enter=0.10, remove=0.10)


# Jia 2023, Table 6: R of each step; n = 64 test patients, which the paper does not say in so many words.
PAPER = {"DLCO": (0.75, 0.78, 0.81), "FEV1": (0.74, 0.83), "FVC": (0.82, 0.87, 0.88), "TLC": (0.83, 0.88, 0.90)}


@pytest.mark.parametrize("measure", PAPER)
def test_printed_steps_could_have_entered_in_64_patients(measure: str) -> None:
    for number, (before, after) in enumerate(zip(PAPER[measure], PAPER[measure][1:], strict=False), start=2):
        _, p = f_change(before**2, after**2, n=64, predictors_after=number)
        assert p < 0.05, f"step {number} would not have entered"


def test_printed_digits_leave_the_last_step_of_fvc_open() -> None:
    """From 0.87 to 0.88 is p = 0.035; the digits printed allow anything from no gain to a clear one."""
    assert f_change(0.87**2, 0.88**2, n=64, predictors_after=3)[1] == pytest.approx(0.035, abs=0.001)
    assert f_change(0.875**2, 0.875**2, n=64, predictors_after=3)[1] == 1.0
    assert f_change(0.865**2, 0.885**2, n=64, predictors_after=3)[1] < 0.01


def test_printed_r_hides_what_selection_adds() -> None:
    """DLCO's R of 0.81 with three of six candidates: adjusted for three it is 0.80, for all six tried 0.79."""
    r2, n = 0.81**2, 64
    adjusted = {k: np.sqrt(1 - (1 - r2) * (n - 1) / (n - k - 1)) for k in (3, 6)}
    assert {k: round(float(v), 2) for k, v in adjusted.items()} == {3: 0.80, 6: 0.79}
