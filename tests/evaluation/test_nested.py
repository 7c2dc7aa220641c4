"""The honest version: leave-one-out by the hat matrix, noise that looks like something, and folds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spiroct.errors import InputError, UsageError
from spiroct.evaluation.folds import deal_folds
from spiroct.evaluation.nested import cross_validated
from spiroct.evaluation.stepwise import stepwise

NAMES = ["net", "a", "b", "c", "d", "e"]


def noise(seed: int, n: int = 40) -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(seed).normal(size=(n, 7)), columns=[*NAMES, "y"])


def signal(seed: int, n: int = 64) -> pd.DataFrame:
    table = noise(seed, n)
    return table.assign(y=1.2 * table["net"] + 0.6 * table["a"] + table["y"])


def test_leaving_one_out_is_what_the_hat_matrix_says() -> None:
    """Allen's PRESS: a residual left out is e / (1 - h)."""
    table = signal(0, 30)
    found = cross_validated(table, "y", NAMES, method="all", folds=30, repeats=1)
    x = np.column_stack([np.ones(30), table[NAMES]])
    hat, y = x @ np.linalg.pinv(x), table["y"].to_numpy()
    left_out = y - (y - hat @ y) / (1 - np.diag(hat))
    np.testing.assert_allclose(found.estimates[0], left_out, rtol=1e-8)
    assert found.r == pytest.approx(np.corrcoef(y, left_out)[0, 1], rel=1e-8)
    means = (y.sum() - y) / 29
    assert found.r2 == pytest.approx(1 - ((y - left_out) ** 2).sum() / ((y - means) ** 2).sum(), rel=1e-8)


def test_noise_looks_like_something_and_is_nothing() -> None:
    """Among six candidates of pure noise a lenient selection finds R well above 0, and none of it holds."""
    found = [cross_validated(noise(seed), "y", NAMES, folds=5, repeats=2, enter=0.2, remove=0.3) for seed in range(30)]
    apparent = np.mean([one.apparent_r for one in found])
    honest = np.nanmean([one.r for one in found])
    assert apparent > 0.25
    assert honest < 0.1
    assert np.mean([one.r2 for one in found if np.isfinite(one.r2)]) < 0


@pytest.mark.parametrize("method", ["stepwise", "lasso", "all"])
def test_a_signal_holds_and_beats_the_network_alone(method: str) -> None:
    found = cross_validated(signal(1, 200), "y", NAMES, method=method, baseline=("net",), folds=5, repeats=3)
    assert found.r > found.baseline_r > 0.5
    assert found.r2 > found.baseline_r2
    assert 0 < found.optimism < 0.08
    chosen = found.frequency.set_index("predictor")["chosen"]
    assert chosen["net"] == chosen["a"] == 1.0
    assert (chosen["b"] < 1) == (method != "all")
    assert "200 patients that chose the predictors" in found.sentence
    assert f"{found.r:.2f} on patients left out (5-fold cross-validation, 3 repeats)" in found.sentence


def test_the_apparent_figures_are_those_of_the_printed_table() -> None:
    table = signal(2)
    found, printed = cross_validated(table, "y", NAMES, repeats=2), stepwise(table, "y", NAMES).steps.iloc[-1]
    assert found.apparent_r == pytest.approx(printed["r"], rel=1e-8)
    assert found.apparent_adjusted_r2 == pytest.approx(printed["adjusted_r2"], rel=1e-8)


def test_nothing_chosen_is_said() -> None:
    signs = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=float)
    table = pd.DataFrame(np.tile(signs, (20, 1)), columns=["a", "b", "y"])
    found = cross_validated(table, "y", ["a", "b"], enter=0.0001, folds=4, repeats=2)
    assert np.isnan(found.r)
    assert found.apparent_r == 0
    assert np.isnan(found.baseline_r)
    assert found.sentence == "No predictor was chosen in any fold (4-fold cross-validation, 2 repeats, 80 patients)."


def test_a_deal_that_chose_nothing_counts_as_nothing_and_not_as_wrong() -> None:
    """Means of the training parts run against the patients left out: a correlation of -1 out of nothing."""
    table = noise(0, 20)[["net", "y"]]
    table["y"] = 0.38 * table["net"] + table["y"]
    none = cross_validated(table, "y", ["net"], folds=20, repeats=1, enter=1e-9)
    assert np.corrcoef(table["y"], none.estimates[0])[0, 1] == pytest.approx(-1)
    assert np.isnan(none.r)
    mixed = cross_validated(table, "y", ["net"], folds=2, repeats=30, enter=0.05)
    nothing = [np.unique(one.round(12)).size == 2 for one in mixed.estimates]
    assert 0 < sum(nothing) < 30
    counted = [0.0 if n else np.corrcoef(table["y"], e)[0, 1] for n, e in zip(nothing, mixed.estimates, strict=True)]
    assert mixed.r == pytest.approx(np.mean(counted))


def test_scans_of_one_patient_stay_together() -> None:
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(25), 4)
    for repeat in range(20):
        fold = deal_folds(patients, 4, (0, repeat))
        assert all(len(set(fold[patients == p])) == 1 for p in range(25))
        assert sorted(np.bincount(fold) // 4) == [6, 6, 6, 7]
    # a patient's own noise, the same in all scans, is learned from scans of the same patient only
    table = pd.DataFrame({"x": rng.normal(size=25)}).loc[patients].assign(patient_id=patients)
    table["z"], table["y"] = rng.normal(size=25)[patients], rng.normal(size=25)[patients]
    table = table.reset_index(drop=True)
    whole = cross_validated(table, "y", ["x", "z"], method="all", groups="patient_id", folds=5, repeats=5)
    torn = cross_validated(table, "y", ["x", "z"], method="all", folds=5, repeats=5)
    assert whole.r2 < torn.r2


def test_the_seed_decides() -> None:
    table = signal(4)
    one, two, other = (cross_validated(table, "y", NAMES, repeats=2, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.estimates, two.estimates)
    assert (one.estimates != other.estimates).any()


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"method": "forward"}, UsageError, "methods are stepwise, lasso and all"),
        ({"repeats": 0}, UsageError, "at least one repeat"),
        ({"baseline": ("lung",)}, UsageError, "baseline lung: it is among the predictors"),
        ({"folds": 1}, UsageError, "1 folds for 15 patients"),
        ({"folds": 2}, InputError, "15 patients in 2 folds leave 7 to choose among 6 predictors"),
        ({"enter": 0.2}, UsageError, "enter below p 0.2 and remove above p 0.1"),
        ({"rule": "best"}, UsageError, "rules are min and one_se"),
    ],
)
def test_refusals(options: dict[str, object], error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        cross_validated(noise(0, 15), "y", NAMES, **options)  # type: ignore[arg-type]


def test_a_predictor_that_does_not_vary_in_a_part_is_refused() -> None:
    table = noise(0, 20)
    table["rare"] = [1.0] + [0.0] * 19
    with pytest.raises(InputError, match="predictors that vary in it"):
        cross_validated(table, "y", ["net", "rare"])
