"""The tables of an evaluation: agreement in full, and Tables 2 to 5 and 7 as Jia 2023 lays them out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from spiroct.evaluation import published
from spiroct.evaluation.metrics import NAMES
from spiroct.evaluation.normal_limits import NAMES as LLN_NAMES
from spiroct.evaluation.parts import Part
from spiroct.evaluation.repeatability import NO_BETWEEN_SESSION_TLC, criteria_of
from spiroct.pft.measures import Measure
from spiroct.reporting.evaluation_words import (
    METRIC_WORDS,
    cells,
    digits,
    interval_of,
    measure_words,
    measures_in,
    models_and_sets,
    p_words,
    strength_words,
    unit_words,
    with_interval,
    with_sd,
)
from spiroct.reporting.result_table import ResultTable
from spiroct.reporting.wording import DASH, number

OTHER_PATIENTS = (
    "Rows of Jia 2023 come from other patients: they show whether the protocol behaves alike, not who is better."
)
PAPER_METRICS = (("r", "R", 2), ("icc_a1", "ICC", 2), ("mae", "MAE", 2), ("mape", "MAPE (%)", 1))
INDIRECT = "percent_predicted_indirect"
ONE_ESTIMATE = "Either"
_LIMITS = ("value", "lower", "upper")


def summary_table(metrics: pd.DataFrame) -> ResultTable:
    """Lay out what a reader asks first, one row a model, set and measure."""
    chosen = metrics.loc[metrics["headline"] & (metrics["quantity"] == "absolute")]
    rows = []
    for model, set_name, fold in models_and_sets(chosen):
        own = chosen.loc[(chosen["model"] == model) & (chosen["set"] == set_name)]
        for measure in measures_in(own):
            found = own.loc[own["measure"] == measure].set_index("metric")
            rows.append((model, f"{set_name}, {fold}", f"{measure} ({Measure(measure).unit})", *_summary(found)))
    return ResultTable.of(
        "summary",
        "In short, with 95 % intervals",
        (
            *("Model", "Set", "Measure", "n", "MAE±SD", "MAPE±SD (%)", "Bias", "Limits of agreement"),
            *("R", "R in words", "ICC(A,1)", "ICC in words", "CCC"),
        ),
        rows,
        words=3,
        notes=("Bias is estimated minus measured. Words: R by Schober 2018; ICC by Koo and Li 2016, of both limits.",),
    )


def _summary(found: pd.DataFrame) -> tuple[str, ...]:
    value = {name: float(found.loc[name, "value"]) for name in found.index}
    classes = [strength_words(name, *(float(found.loc[name, c]) for c in _LIMITS)) for name in ("r", "icc_a1")]
    span = f"{number(value['loa_lower'])} to {number(value['loa_upper'])}"
    return (
        *(str(int(found.loc["mae", "n"])), with_sd(value["mae"], value["mae_sd"])),
        *(with_sd(value["mape"], value["mape_sd"], 1), interval_of(found, "bias")),
        span if math.isfinite(value["loa_lower"]) else DASH,
        *(interval_of(found, "r"), classes[0], interval_of(found, "icc_a1"), classes[1], interval_of(found, "ccc")),
    )


def agreement_table(metrics: pd.DataFrame) -> ResultTable:
    """Lay out every metric of every model, set, measure and quantity with its interval and its class in words."""
    rows = []
    for (model, set_name, fold), own in metrics.loc[metrics["headline"]].groupby(["model", "set", "fold"], sort=False):
        for (measure, quantity), part in own.groupby(["measure", "quantity"], sort=False):
            for row in part.itertuples():
                if row.metric not in NAMES:
                    continue
                unit = unit_words(row.metric, str(measure), str(quantity))
                name = METRIC_WORDS[row.metric] + (f" ({unit})" if unit else "")
                text = (
                    p_words(row.value)
                    if row.metric.endswith("_p")
                    else with_interval(row.value, row.lower, row.upper, digits(row.metric, str(quantity)))
                )
                words = strength_words(row.metric, row.value, row.lower, row.upper) or row.reason
                what = measure_words(str(measure), str(quantity))
                rows.append((str(model), str(set_name), str(fold), what, name, text, str(row.n), words))
    return ResultTable.of(
        "agreement",
        "Accuracy and agreement, with 95 % intervals",
        ("Model", "Set", "Fold", "Measure", "Metric", "Value (95 % interval)", "n", "In words"),
        rows,
        words=5,
        notes=("R by Schober 2018, ICC by Koo and Li 2016; n counts scans.",),
    )


def folds_table(metrics: pd.DataFrame) -> ResultTable:
    """Lay out R, ICC, MAE and MAPE by fold (Table 2), with the standard deviation over folds."""
    absolute = metrics.loc[metrics["quantity"] == "absolute"]
    folds = sorted({f for f in absolute["fold"] if f.isdecimal()}, key=int)
    rows = []
    for (model, set_name), own in absolute.groupby(["model", "set"], sort=False):
        for measure in measures_in(own):
            part = own.loc[own["measure"] == measure]
            for metric, name, places in PAPER_METRICS:
                values = part.loc[part["metric"] == metric].set_index("fold")["value"]
                head = part.loc[(part["metric"] == metric) & part["headline"]]
                spread = part.loc[part["metric"] == f"{metric}_fold_sd", "value"]
                by_fold = [number(values.get(f, float("nan")), places) for f in folds]
                sd = number(float(spread.iloc[0]), places) if len(spread) else DASH
                alike = (
                    [number(float(head["value"].iloc[0]), places), str(head["fold"].iloc[0])]
                    if len(head)
                    else [DASH] * 2
                )
                rows.append((str(model), str(set_name), measure, name, *by_fold, alike[0], alike[1], sd))
    for variant, by_measure in published.VALIDATION.items():
        if folds != ["1", "2", "3", "4"]:
            break
        for published_measure, by_metric in by_measure.items():
            for metric, name, places in PAPER_METRICS:
                values_ = by_metric[metric]
                shown = [number(v, 0 if metric == "mape" else places) for v in values_]
                rows.append((f"Jia 2023, {variant}", "validation", published_measure.value, name, *shown, "All", DASH))
    return ResultTable.of(
        "table-2",
        "Results by fold (Table 2 of Jia 2023)",
        ("Model", "Set", "Measure", "Metric", *(f"Fold {f}" for f in folds), "All", "of", "SD over folds"),
        rows,
        words=4,
        notes=(OTHER_PATIENTS, "The paper's column All is not everywhere the pooled folds: see its pooled FVC."),
    )


def percent_predicted_table(metrics: pd.DataFrame) -> ResultTable | None:
    """Lay out %predicted, direct and indirect (Table 3); None where there are none."""
    chosen = metrics.loc[metrics["quantity"].isin(["percent_predicted", INDIRECT]) & metrics["headline"]]
    if chosen.empty:
        return None
    rows = []
    for (model, set_name, quantity), own in chosen.groupby(["model", "set", "quantity"], sort=False):
        beside = set(metrics.loc[(metrics["model"] == model) & (metrics["set"] == set_name), "quantity"])
        kind = (
            "Indirect" if quantity == INDIRECT else "Direct" if INDIRECT in beside or len(beside) == 1 else ONE_ESTIMATE
        )
        for metric, name, places in PAPER_METRICS:
            found = {m: cells(own, measure=m).get(metric) for m in Measure}
            shown = [DASH if v is None else with_interval(*v, places if metric != "mae" else 1) for v in found.values()]
            rows.append((str(model), str(set_name), kind, name, *shown))
    for printed, by_measure in published.PERCENT_PREDICTED.items():
        for place, (metric, name, places) in enumerate(PAPER_METRICS):
            shown = [number(by_measure[m][place], 0 if metric == "mape" else places) for m in Measure]
            rows.append(("Jia 2023", "validation", printed.capitalize(), name, *shown))
    return ResultTable.of(
        "table-3",
        "Percent predicted, estimated directly and by way of the absolute value (Table 3 of Jia 2023)",
        ("Model", "Set", "Method", "Metric", *(f"{m.value} %pred" for m in Measure)),
        rows,
        words=4,
        notes=(
            "Indirect: the absolute estimate over the reference value of the patient (GLI).",
            f"{ONE_ESTIMATE}: the table holds absolute and %predicted estimates, one made of the other.",
            "MAE is in percent of predicted, MAPE in percent of the measured percentage.",
            OTHER_PATIENTS,
        ),
    )


def models_table(metrics: pd.DataFrame) -> ResultTable:
    """Lay out R, MAE and MAPE with standard deviations, a row a model (Table 4)."""
    chosen = metrics.loc[metrics["headline"] & (metrics["quantity"] == "absolute")]
    rows = []
    for model, set_name, fold in models_and_sets(chosen):
        own = {m: cells(chosen, model=model, set=set_name, fold=fold, measure=m) for m in Measure}
        nothing = (float("nan"),) * 3
        r = [own[m].get("r", nothing)[0] for m in Measure]
        mape = [own[m].get("mape", nothing)[0] for m in Measure]
        rows.append((model, set_name, "R", *(number(v) for v in r), number(_mean(r))))
        for metric, name, places in (("mae", "MAE±SD", 2), ("mape", "MAPE±SD (%)", 1)):
            pairs = [(own[m].get(metric, nothing)[0], own[m].get(f"{metric}_sd", nothing)[0]) for m in Measure]
            last = number(_mean(mape), places) if metric == "mape" else DASH
            rows.append((model, set_name, name, *(with_sd(*pair, places) for pair in pairs), last))
    for model, row in published.INPUTS.items():
        rows.append((f"Jia 2023, {model}", "validation", "R", *(number(v) for v in row["r"])))
        rows.append((f"Jia 2023, {model}", "validation", "MAE", *(number(v) for v in row["mae"][:4]), DASH))
    units = ", ".join(f"{m.value} in {m.unit}" for m in Measure)
    return ResultTable.of(
        "table-4",
        "Models side by side (Table 4 of Jia 2023)",
        ("Model", "Set", "Metric", *(m.value for m in Measure), "Mean"),
        rows,
        words=3,
        notes=(f"{units}. The mean MAE of measures of different units, which the paper prints, means nothing.",
               OTHER_PATIENTS),
    )  # fmt: skip


def repeatability_table(parts: Sequence[Part], metrics: pd.DataFrame) -> ResultTable:
    """Set errors beside what repeated tests of one person may differ by (Table 5), within and between sessions."""
    rows = []
    absolute = [p for p in parts if p.quantity == "absolute"]
    for part in absolute:
        measured, estimated = (part.rows[c].to_numpy(dtype=float) for c in ("measured", "estimated"))
        found = cells(metrics, model=part.model, set=part.set_name, fold=part.fold, measure=part.measure,
                      quantity="absolute")  # fmt: skip
        error = with_sd(found["mape"][0], found["mape_sd"][0], 1)
        for criterion in criteria_of(Measure(part.measure)):
            limit = f"{number(criterion.limit, 0 if criterion.unit == '%' else 2)} {criterion.unit}"
            held = criterion.share(measured, estimated)
            rows.append((part.model, part.set_name, part.measure, criterion.period, limit, criterion.source,
                         number(criterion.percent(measured), 1), error,
                         with_interval(held.value, held.lower, held.upper, 1)))  # fmt: skip
    for measure, (limit_, mape, sd) in published.REPEATABILITY.items():
        rows.append(("Jia 2023", "test", measure.value, "within session", f"{limit_} %", "its Table 5", str(limit_),
                     f"{mape}±{sd}", DASH))  # fmt: skip
    return ResultTable.of(
        "table-5",
        "Errors beside the repeatability of lung function tests (Table 5 of Jia 2023)",
        (
            "Model",
            "Set",
            "Measure",
            "Tests compared",
            "Limit",
            "Source",
            "Limit (%)",
            "MAPE±SD (%)",
            "Scans within (%)",
        ),
        rows,
        words=6,
        notes=(
            "A CT and a lung function test lie days apart: limits between sessions are the fairer ones.",
            f"{NO_BETWEEN_SESSION_TLC}.",
            "Limits in L and mmol/min/kPa are also given in percent of the mean measured value.",
        ),
    )


def others_table(metrics: pd.DataFrame) -> ResultTable:
    """Set FEV1 and FVC beside what other groups published (Table 7)."""
    chosen = metrics.loc[metrics["headline"] & (metrics["quantity"] == "absolute")]
    rows = []
    for model, set_name, fold in models_and_sets(chosen):
        own = [cells(chosen, model=model, set=set_name, fold=fold, measure=m) for m in (Measure.FEV1, Measure.FVC)]
        counts = chosen.loc[(chosen["model"] == model) & (chosen["set"] == set_name) & (chosen["metric"] == "mae"), "n"]
        values = [number(one[metric][0]) if metric in one else DASH for metric in ("mae", "r") for one in own]
        rows.append((f"{model} ({set_name})", str(int(counts.max())), *values))
    for name, (n, *values_) in published.OTHERS.items():
        rows.append((name, str(n), *(DASH if v is None else number(v) for v in values_)))
    return ResultTable.of(
        "table-7",
        "Beside other methods (Table 7 of Jia 2023)",
        ("Method", "n", "MAE FEV1 (L)", "MAE FVC (L)", "R FEV1", "R FVC"),
        rows,
        notes=("Other patients, other diseases, other scanners: not a ranking.",),
    )


def limits_table(metrics: pd.DataFrame) -> ResultTable | None:
    """Lay out sensitivity and specificity below the lower limit of normal; None where there is no limit."""
    chosen = metrics.loc[metrics["headline"] & metrics["metric"].isin(LLN_NAMES)]
    if chosen.empty:
        return None
    rows = []
    for (model, set_name, measure), own in chosen.groupby(["model", "set", "measure"], sort=False):
        found = own.set_index("metric")
        shown = [interval_of(found, name, 0) for name in LLN_NAMES]
        low = str(int(found.loc["lln_sensitivity", "n"]))
        rows.append((str(model), str(set_name), str(measure), low, *shown))
    return ResultTable.of(
        "limits-of-normal",
        "Who lies below the lower limit of normal",
        ("Model", "Set", "Measure", "Measured below", *(f"{METRIC_WORDS[n]} (%)" for n in LLN_NAMES)),
        rows,
        words=3,
        notes=("Indeterminate: the limit lies inside the interval of the estimate.",),
    )


def _mean(values: Sequence[float]) -> float:
    known = [v for v in values if math.isfinite(v)]
    return sum(known) / len(known) if len(known) == len(values) else float("nan")


def short_text(metrics: pd.DataFrame) -> str:
    """Write the main metrics as a short text table for the terminal."""
    head = f"{'model':<22}{'set':<12}{'measure':<22}{'n':>6}{'MAE':>8}{'bias':>8}{'R':>7}{'ICC':>7}  ICC in words"
    lines = [head]
    for key, own in metrics.loc[metrics["headline"]].groupby(["model", "set", "measure", "quantity"], sort=False):
        model, set_name, measure, quantity = (str(k) for k in key)
        found = own.set_index("metric")
        value = {name: float(found.loc[name, "value"]) for name in ("mae", "bias", "r", "icc_a1")}
        places = digits("mae", quantity)
        numbers = f"{number(value['mae'], places):>8}{number(value['bias'], places):>8}"
        numbers += f"{number(value['r']):>7}{number(value['icc_a1']):>7}"
        name, count = measure_words(measure, quantity), int(found.loc["mae", "n"])
        words = strength_words("icc_a1", *(float(found.loc["icc_a1", c]) for c in _LIMITS))
        lines.append(f"{model[:21]:<22}{set_name:<12}{name:<22}{count:>6}{numbers}  {words}")
    return "\n".join(lines)
