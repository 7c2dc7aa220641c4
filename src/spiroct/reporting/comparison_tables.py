"""Tables of comparisons: between two models, between groups of patients, and of regressions on biomarkers."""

from __future__ import annotations

import math

import pandas as pd

from spiroct.evaluation import published
from spiroct.evaluation.comparison import BOOTSTRAP, CORRELATIONS, EQUIVALENCE, WILCOXON
from spiroct.evaluation.table_six import TableSix
from spiroct.reporting.evaluation_words import METRIC_WORDS, digits, interval_of, measure_words, p_words, with_interval
from spiroct.reporting.result_table import ResultTable
from spiroct.reporting.wording import DASH, number

SIGNIFICANT = 0.05


def comparison_summary(comparison: pd.DataFrame) -> ResultTable:
    """Lay out what a reader asks first of two models: is one more accurate, or are they equivalent."""
    rows = []
    for key, own in comparison.groupby(["model", "against", "set", "measure", "quantity"], sort=False):
        model, against, set_name, measure, quantity = (str(k) for k in key)
        first = own.iloc[0]
        found = own.set_index(["test", "metric"])
        if (WILCOXON, "absolute_error") not in found.index:
            rows.append((model, against, set_name, measure_words(measure, quantity), str(first["n"]),
                         str(first["unpaired"]), *(DASH,) * 5, str(first["reason"])))  # fmt: skip
            continue
        places = digits("mae", quantity) + 1
        equivalence = found.loc[(EQUIVALENCE, "mae")]
        verdict = "yes" if equivalence["p_holm"] < SIGNIFICANT else "not shown"
        rows.append((
            *(model, against, set_name, measure_words(measure, quantity), str(first["n"]), str(first["unpaired"])),
            _difference(found.loc[(BOOTSTRAP, "mae")], places),
            p_words(float(found.loc[(WILCOXON, "absolute_error"), "p_holm"])),
            _difference(found.loc[(CORRELATIONS, "r")], 2), p_words(float(found.loc[(CORRELATIONS, "r"), "p_holm"])),
            f"{p_words(float(equivalence['p_holm']))} (margin {number(float(equivalence['margin']), places)})", verdict,
        ))  # fmt: skip
    return ResultTable.of(
        "comparison-summary",
        "Two models in short; p corrected over measures (Holm)",
        (
            *("Model", "Against", "Set", "Measure", "n", "Unpaired", "MAE difference (95 %)", "p, absolute errors"),
            *("R difference (95 %)", "p, correlations", "p, equivalence of MAE", "Equivalent"),
        ),
        rows,
        words=4,
        notes=(
            "Differences are model minus against: a negative MAE difference favours the model.",
            "A difference that is not significant is no equivalence; equivalence has its own test.",
        ),
    )


def _difference(row: pd.Series, places: int) -> str:
    return with_interval(float(row["difference"]), float(row["lower"]), float(row["upper"]), places)


def comparison_table(comparison: pd.DataFrame) -> ResultTable:
    """Lay out comparison.csv: values of both models, the difference with its interval, p and Holm's p."""
    rows = []
    for row in comparison.itertuples():
        places = digits(row.metric, row.quantity)
        values = [number(v, places) for v in (row.value, row.against_value)]
        test = row.test if math.isnan(row.margin) else f"{row.test}, margin {number(row.margin, 3)}"
        rows.append((row.model, row.against, row.set, measure_words(row.measure, row.quantity), test,
                     METRIC_WORDS.get(row.metric, row.metric), *values,
                     with_interval(row.difference, row.lower, row.upper, places + 1), p_words(row.p),
                     p_words(row.p_holm), str(row.n), row.reason))  # fmt: skip
    return ResultTable.of(
        "comparison",
        "Two models on the same patients",
        ("Model", "Against", "Set", "Measure", "Test", "Metric", "Model's", "Other's", "Difference (interval)", "p",
         "p (Holm)", "n", "Remark"),
        rows,
        words=6,
        notes=(
            f"Differences are model minus other. {BOOTSTRAP.capitalize()} and correlations have 95 % intervals.",
            "Holm corrects each test over the measures.",
            "Equivalence has 90 % intervals and holds at p < 0.05, where the interval lies within the margin.",
        ),
    )  # fmt: skip


def subgroups_table(subgroups: pd.DataFrame) -> ResultTable:
    """Lay out the main metrics by group of patients."""
    rows = []
    metrics = list(dict.fromkeys(subgroups["metric"]))
    for key, own in subgroups.groupby(["model", "set", "measure", "quantity", "subgroup", "group"], sort=False):
        model, set_name, measure, quantity, subgroup, group = (str(k) for k in key)
        found = own.set_index("metric")
        shown = [interval_of(found, m, digits(m, quantity)) for m in metrics]
        warnings = [w for w in dict.fromkeys(own["warning"]) if w]
        rows.append((model, set_name, measure_words(measure, quantity), subgroup, group, *shown,
                     str(int(found["n"].max())), "; ".join(warnings)))  # fmt: skip
    return ResultTable.of(
        "subgroups",
        "In groups of patients, with 95 % intervals",
        ("Model", "Set", "Measure", "By", "Group", *(METRIC_WORDS[m] for m in metrics), "n", "Warning"),
        rows,
        words=5,
    )


def partial_table(partial: pd.DataFrame) -> ResultTable:
    """Lay out correlations at fixed covariates."""
    rows = [
        (r.model, r.set, measure_words(r.measure, r.quantity), r.given, with_interval(r.value, r.lower, r.upper),
         p_words(r.p), str(r.n), r.reason)
        for r in partial.itertuples()
    ]  # fmt: skip
    return ResultTable.of(
        "partial-correlations",
        "Correlation of estimated and measured values at fixed covariates",
        ("Model", "Set", "Measure", "At fixed", "Partial R (95 % interval)", "p", "n", "Remark"),
        rows,
        words=4,
        notes=("What an estimate knows beyond what the covariates tell of the patient.",),
    )


def regression_table(found: TableSix, model: str, set_name: str, *, name: str = "table-6") -> ResultTable:
    """Lay out Table 6: R of the network's estimate with biomarkers added step by step, and what is honest about it."""
    rows = [
        (str(step.measure), f"stepwise, step {step.step}", str(step.predictors), number(step.r), DASH)
        for step in found.steps.itertuples()
    ]
    rows += [
        (
            str(row.measure),
            f"{row.method}, out of fold",
            str(row.sentence),
            number(row.r_apparent),
            number(row.r_out_of_fold),
        )
        for row in found.honest.itertuples()
    ]
    for measure, steps in published.STEPWISE.items():
        for i, (_, r) in enumerate(steps):
            rows.append((measure.value, "Jia 2023", ", ".join(one for one, _ in steps[: i + 1]), number(r), DASH))
    left_out = tuple(f"{measure} is left out: {reason}" for measure, reason in found.reasons.items())
    return ResultTable.of(
        name,
        f"Measured lung function explained by estimate and biomarkers: {model}, {set_name} (Table 6 of Jia 2023)",
        ("Measure", "Method", "Predictors", "R", "R out of fold"),
        rows,
        words=3,
        notes=(
            "R of stepwise is computed on the patients that chose the predictors: believe the one out of fold.",
            *left_out,
        ),
    )
