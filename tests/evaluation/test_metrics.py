"""Every metric against an oracle: scipy, statsmodels, scikit-learn, pingouin, Anscombe, and sums against formulas."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats
from sklearn import metrics as sklearn_metrics
from statsmodels.stats.proportion import proportion_confint

from spiroct.evaluation.agreement import icc_a1
from spiroct.evaluation.bootstrap import bca_limits, bootstrap_metrics
from spiroct.evaluation.calibration import calibration_line, share
from spiroct.evaluation.correlation import partial_correlation, pearson, spearman, spearman_of_patients
from spiroct.evaluation.limits import limits_of_agreement, lin_ccc
from spiroct.evaluation.metrics import NAMES, NO_INTERVALS, REPEATED, Metric, metrics
from spiroct.evaluation.reliability import icc
from spiroct.evaluation.sums import metrics_of, pair_sums

with warnings.catch_warnings():  # pingouin's own, on import
    warnings.simplefilter("ignore")
    import pingouin

# Anscombe 1973, Am Stat 27:17: four sets of one mean, variance, correlation and line.
X = np.array([10.0, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5])
ANSCOMBE = (
    (X, np.array([8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68])),
    (X, np.array([9.14, 8.14, 8.74, 8.77, 9.26, 8.10, 6.13, 3.10, 9.13, 7.26, 4.74])),
    (X, np.array([7.46, 6.77, 12.74, 7.11, 7.81, 8.84, 6.08, 5.39, 8.15, 6.42, 5.73])),
    (
        np.array([8.0, 8, 8, 8, 8, 8, 8, 19, 8, 8, 8]),
        np.array([6.58, 5.76, 7.71, 8.84, 8.47, 7.04, 5.25, 12.50, 5.56, 7.91, 6.89]),
    ),
)


def pair(n: int = 50, seed: int = 7) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    measured = rng.normal(3.3, 0.97, n)
    return measured, 0.4 + 0.8 * measured + rng.normal(0, 0.4, n)


def by_name(found: list[Metric]) -> dict[str, Metric]:
    return {m.name: m for m in found}


@pytest.mark.parametrize(("x", "y"), ANSCOMBE)
def test_anscombe(x: np.ndarray, y: np.ndarray) -> None:
    # printed: r^2 0.667, y = 3 + 0.5 x, standard error of the slope 0.118
    slope, intercept = calibration_line(y, x)
    assert slope.value == pytest.approx(0.5, abs=0.0005)
    assert intercept.value == pytest.approx(3.0, abs=0.005)
    assert (slope.upper - slope.value) / stats.t.ppf(0.975, 9) == pytest.approx(0.118, abs=0.0005)
    assert pearson(x, y).value ** 2 == pytest.approx(0.667, abs=0.0011)


def test_accuracy_against_scikit_learn() -> None:
    x, y = pair()
    found = by_name(metrics(x, y))
    assert found["mae"].value == pytest.approx(sklearn_metrics.mean_absolute_error(x, y), abs=1e-10)
    assert found["mape"].value == pytest.approx(100 * sklearn_metrics.mean_absolute_percentage_error(x, y), abs=1e-8)
    assert found["rmse"].value == pytest.approx(sklearn_metrics.root_mean_squared_error(x, y), abs=1e-10)
    assert found["r2"].value == pytest.approx(sklearn_metrics.r2_score(x, y), abs=1e-10)
    assert found["mae_sd"].value == pytest.approx(np.std(np.abs(y - x), ddof=1), abs=1e-10)
    assert found["mape_sd"].value == pytest.approx(np.std(100 * np.abs(y - x) / x, ddof=1), abs=1e-8)
    assert found["error_sd"].value == pytest.approx(np.std(y - x, ddof=1), abs=1e-10)


def test_bias_against_scipy() -> None:
    x, y = pair()
    found, oracle = by_name(metrics(x, y))["bias"], stats.ttest_1samp(y - x, 0).confidence_interval()
    assert (found.value, found.lower, found.upper) == pytest.approx(
        (np.mean(y - x), oracle.low, oracle.high), abs=1e-10
    )


def test_pearson_against_scipy() -> None:
    x, y = pair()
    found, oracle = pearson(x, y), stats.pearsonr(x, y)
    interval = oracle.confidence_interval()
    assert (found.value, found.p) == pytest.approx((oracle.statistic, oracle.pvalue), rel=1e-9)
    assert (found.lower, found.upper) == pytest.approx((interval.low, interval.high), abs=1e-10)


def test_spearman_against_scipy_with_ties() -> None:
    x, y = (np.round(v, 1) for v in pair())
    found, oracle = spearman(x, y), stats.spearmanr(x, y)
    assert (found.value, found.p) == pytest.approx((oracle.statistic, oracle.pvalue), rel=1e-9)
    # Bonett and Wright 2000: the interval on Fisher's scale
    half = 1.959963984540054 * np.sqrt((1 + found.value**2 / 2) / 47)
    assert np.arctanh(found.upper) - np.arctanh(found.lower) == pytest.approx(2 * half, abs=1e-9)


def test_icc_and_concordance_of_sums_are_those_of_the_formulas() -> None:
    x, y = pair()
    found = {k: float(v) for k, v in metrics_of(pair_sums(x, y).table.sum(axis=0)).items()}
    for name, form in (("icc_a1", "A1"), ("icc_c1", "C1"), ("icc_ak", "Ak")):
        assert found[name] == pytest.approx(icc(x, y, form=form).value, abs=1e-12)
    assert found["ccc"] == pytest.approx(lin_ccc(x, y).value, abs=1e-12)
    limits = limits_of_agreement(x, y)
    assert (found["loa_lower"], found["loa_upper"]) == pytest.approx((limits.lower.value, limits.upper.value), abs=1e-9)


def test_icc_against_pingouin() -> None:
    x, y = pair()
    long = pd.DataFrame({"patient": np.tile(np.arange(50), 2), "rater": np.repeat([0, 1], 50), "v": [*x, *y]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oracle = pingouin.intraclass_corr(long, targets="patient", raters="rater", ratings="v").set_index("Type")
    found = by_name(metrics(x, y))
    for ours, theirs in (("icc_a1", "ICC(A,1)"), ("icc_c1", "ICC(C,1)"), ("icc_ak", "ICC(A,k)")):
        assert found[ours].value == pytest.approx(oracle.loc[theirs, "ICC"], abs=1e-8)
    assert found["icc_a1_p"].value == pytest.approx(oracle.loc["ICC(A,1)", "pval"], rel=1e-6)


def test_calibration_against_statsmodels() -> None:
    x, y = pair()
    oracle = sm.OLS(x, sm.add_constant(y)).fit()
    slope, intercept = calibration_line(x, y)
    assert (intercept.value, slope.value) == pytest.approx(tuple(oracle.params), abs=1e-9)
    for found, row in zip((intercept, slope), oracle.conf_int(), strict=True):
        assert (found.lower, found.upper) == pytest.approx(tuple(row), abs=1e-9)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (7, 10), (61, 64), (64, 64)])
def test_share_against_statsmodels(k: int, n: int) -> None:
    found, oracle = share(k, n), proportion_confint(k, n, method="wilson")
    assert (found.lower, found.upper) == pytest.approx(tuple(100 * v for v in oracle), abs=1e-8)


def test_partial_correlation_against_pingouin() -> None:
    rng = np.random.default_rng(2)
    x, y = pair()
    given = np.column_stack([x + rng.normal(0, 1, 50), rng.normal(165, 9, 50)])
    found = partial_correlation(x, y, given)
    table = pd.DataFrame({"x": x, "y": y, "a": given[:, 0], "b": given[:, 1]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oracle = pingouin.partial_corr(table, x="x", y="y", covar=["a", "b"]).iloc[0]
    assert found.value == pytest.approx(oracle["r"], abs=1e-8)
    assert found.p == pytest.approx(oracle["p_val"], rel=1e-6)


def test_partial_correlation_of_what_is_explained_is_undefined() -> None:
    x, y = pair()
    assert np.isnan(partial_correlation(x, y, x).value)
    assert np.isnan(partial_correlation(x[:4], y[:4], np.arange(8.0).reshape(4, 2)).value)


def test_bca_is_scipys() -> None:
    x, y = pair(30)
    error = np.abs(y - x)
    oracle = stats.bootstrap((error,), np.mean, n_resamples=999, method="BCa", rng=np.random.default_rng(0))
    jackknife = (error.sum() - error) / 29
    found = bca_limits(float(error.mean()), oracle.bootstrap_distribution, jackknife)
    assert found == pytest.approx(tuple(oracle.confidence_interval), abs=1e-12)


def test_bootstrap_agrees_with_scipys_whole() -> None:
    x, y = pair(80)
    found = bootstrap_metrics(pair_sums(x, y), resamples=6000)
    for name, statistic in (
        ("mae", lambda a, b, axis: np.mean(np.abs(b - a), axis=axis)),
        ("rmse", lambda a, b, axis: np.sqrt(np.mean((b - a) ** 2, axis=axis))),
        ("mae_sd", lambda a, b, axis: np.std(np.abs(b - a), axis=axis, ddof=1)),
    ):
        oracle = stats.bootstrap(
            (x, y), statistic, n_resamples=6000, paired=True, vectorized=True, rng=np.random.default_rng(1)
        ).confidence_interval
        assert found[name] == pytest.approx((oracle.low, oracle.high), abs=0.012), name


def test_bootstrap_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng, held = np.random.default_rng(4), 0
    truth = np.sqrt(2 / np.pi)  # mean absolute error of unit normal errors
    for i in range(300):
        x = rng.normal(5, 1, 60)
        lower, upper = bootstrap_metrics(pair_sums(x, x + rng.normal(0, 1, 60)), resamples=400, seed=i)["mae"]
        held += lower <= truth <= upper
    assert 0.90 < held / 300 < 0.985


def test_repeated_scans_widen_every_interval() -> None:
    x, y = pair(60)
    once = by_name(metrics(x, y))
    again = by_name(metrics(np.repeat(x, 4), np.repeat(y, 4), patients=np.repeat(np.arange(60), 4)))
    naive = by_name(metrics(np.repeat(x, 4), np.repeat(y, 4)))
    for name in ("mae", "r", "spearman", "icc_c1", "ccc", "bias", "slope"):
        width = {k: f[name].upper - f[name].lower for k, f in {"once": once, "again": again, "naive": naive}.items()}
        # four copies of a scan say nothing new: the interval stays as wide, where independence would halve it
        assert width["again"] == pytest.approx(width["once"], rel=0.35), name
        assert width["naive"] < 0.65 * width["once"], name
    assert again["r_p"].reason == REPEATED
    assert np.isnan(again["r_p"].value)


def test_spearman_of_patients_against_its_bootstrap() -> None:
    rng = np.random.default_rng(1)
    x = np.repeat(rng.normal(size=80), 2) + rng.normal(0, 0.3, 160)
    y = x + rng.normal(0, 0.7, 160)
    drawn = []
    for _ in range(1500):
        patients = rng.integers(0, 80, 80)
        scans = np.concatenate([2 * patients, 2 * patients + 1])
        drawn.append(stats.spearmanr(x[scans], y[scans]).statistic)
    found = spearman_of_patients(x, y, np.arange(160) // 2)
    assert (found.lower, found.upper) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.025)


def test_independent_of_the_order_of_rows() -> None:
    x, y = pair()
    names = np.array([f"p{i:02d}" for i in range(50)])
    order = np.random.default_rng(0).permutation(50)
    first, second = metrics(x, y, patients=names), metrics(x[order], y[order], patients=names[order])
    for a, b in zip(first, second, strict=True):
        assert a.value == pytest.approx(b.value, nan_ok=True, abs=1e-9)


def test_coverage_and_width() -> None:
    x, y = pair(40)
    found = by_name(metrics(x, y, lower=y - 0.5, upper=y + 0.5))
    assert found["coverage"].value == pytest.approx(100 * np.mean(np.abs(y - x) <= 0.5))
    assert found["coverage"].lower < found["coverage"].value < found["coverage"].upper
    assert found["width"].value == pytest.approx(1.0)
    without = by_name(metrics(x, y))
    assert without["coverage"].reason == without["width"].reason == NO_INTERVALS


def test_undefined_is_told_and_never_nought() -> None:
    x, _ = pair(20)
    flat = by_name(metrics(x, np.full(20, 3.3)))
    for name in ("r", "r_p", "spearman", "spearman_p", "ccc", "slope", "intercept"):
        assert np.isnan(flat[name].value), name
        assert flat[name].reason == "the estimated values are all the same", name
    assert flat["mae"].value > 0
    assert flat["icc_a1"].value == pytest.approx(icc_a1(x, np.full(20, 3.3)), abs=1e-12)
    few = metrics(x[:2], x[:2])
    assert [m.name for m in few] == list(NAMES)
    assert all(np.isnan(m.value) and "three" in m.reason for m in few)
    zero = by_name(metrics(np.array([0.0, 1, 2, 3]), np.array([0.1, 1, 2, 3])))
    assert "percentage" in zero["mape"].reason


def test_every_undefined_metric_has_a_reason_and_every_other_has_none() -> None:
    x, y = pair(12)
    cases = [(x, y), (x, x), (x, x + 1), (x, np.full(12, 2.0)), (np.full(12, 2.0), y), (x[:3], y[:3])]
    for measured, estimated in cases:
        for metric in metrics(measured, estimated, resamples=200):
            assert np.isfinite(metric.value) or metric.reason, metric
            assert np.isfinite(metric.lower) or metric.reason or metric.name.endswith(("_p", "_slope")), metric
            assert not np.isinf(metric.value)


def test_far_from_nought_nothing_cancels() -> None:
    x, y = pair()
    near, far = by_name(metrics(x, y)), by_name(metrics(x + 1e6, y + 1e6))
    for name in ("mae", "r", "icc_a1", "ccc", "slope", "error_sd"):
        assert far[name].value == pytest.approx(near[name].value, rel=1e-6), name
