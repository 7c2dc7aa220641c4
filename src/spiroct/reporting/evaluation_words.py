"""Metrics as a manuscript writes them: names, units, digits, intervals."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from spiroct.evaluation.strength import correlation_strength, reliability_strength
from spiroct.pft.measures import Measure
from spiroct.reporting.wording import DASH, MINUS, number

METRIC_WORDS = {
    "mae": "MAE",
    "mae_sd": "SD of the absolute error",
    "mape": "MAPE",
    "mape_sd": "SD of the percentage error",
    "rmse": "RMSE",
    "bias": f"Bias (estimated {MINUS} measured)",
    "error_sd": "SD of the error",
    "r": "R",
    "r_p": "p of R",
    "spearman": "Spearman",
    "spearman_p": "p of Spearman",
    "r2": "R²",
    "icc_a1": "ICC(A,1)",
    "icc_a1_p": "p of ICC(A,1)",
    "icc_c1": "ICC(C,1)",
    "icc_ak": "ICC(A,k)",
    "ccc": "CCC",
    "slope": "Calibration slope",
    "intercept": "Calibration intercept",
    "loa_lower": "Lower limit of agreement",
    "loa_upper": "Upper limit of agreement",
    "loa_slope": "Proportional bias, slope",
    "loa_slope_p": "p of proportional bias",
    "coverage": "Interval coverage",
    "width": "Interval width",
    "absolute_error": "median absolute error",
    "estimated": "median prediction",
    "lln_sensitivity": "Sensitivity below the LLN",
    "lln_specificity": "Specificity",
    "lln_indeterminate": "Indeterminate",
    "lln_sensitivity_determinate": "Sensitivity, determinate only",
    "lln_specificity_determinate": "Specificity, determinate only",
}
QUANTITY_WORDS = {
    "absolute": "",
    "percent_predicted": "%pred",
    "percent_predicted_indirect": "%pred, indirect",
}
IN_UNIT = {"mae", "mae_sd", "rmse", "bias", "error_sd", "intercept", "loa_lower", "loa_upper", "width"}
IN_PERCENT = {"mape", "mape_sd", "coverage", *(n for n in METRIC_WORDS if n.startswith("lln_"))}


def measure_words(measure: str, quantity: str) -> str:
    """Name a measure and quantity: ``FVC``, ``FVC %pred``."""
    return f"{measure} {QUANTITY_WORDS[quantity]}".strip()


def unit_words(metric: str, measure: str, quantity: str) -> str:
    """Name the unit that a metric has; empty for R and the like."""
    if metric in IN_PERCENT or (metric in IN_UNIT and quantity != "absolute"):
        return "%"
    return Measure(measure).unit if metric in IN_UNIT else ""


def digits(metric: str, quantity: str) -> int:
    """Tell how many decimals a metric deserves."""
    return 1 if unit_words(metric, Measure.FVC, quantity) == "%" else 2


def p_words(p: float) -> str:
    """Write a p-value: ``<0.001``, three digits below 0.1, two above; a dash where undefined."""
    if not math.isfinite(p):
        return DASH
    return "<0.001" if p < 0.001 else number(p, 3 if p < 0.1 else 2)


def with_interval(value: float, lower: float, upper: float, places: int = 2) -> str:
    """Write ``0.81 (0.70 to 0.88)``, the value alone where it has no interval, a dash where undefined."""
    text = number(value, places)
    if text == DASH or not (math.isfinite(lower) and math.isfinite(upper)):
        return text
    return f"{text} ({number(lower, places)} to {number(upper, places)})"


def interval_of(found: pd.DataFrame, metric: str, places: int = 2) -> str:
    """Write a metric with its interval from rows whose index is ``metric``."""
    value, lower, upper = (float(found.loc[metric, column]) for column in ("value", "lower", "upper"))
    return with_interval(value, lower, upper, places)


def with_sd(value: float, sd: float, places: int = 2) -> str:
    """Write ``0.41±0.36``, the value alone where there is no SD."""
    text = number(value, places)
    return text if text == DASH or not math.isfinite(sd) else f"{text}±{number(sd, places)}"


def strength_words(metric: str, value: float, lower: float, upper: float) -> str:
    """Name the class of a correlation; of a reliability the classes of both limits, as Koo and Li 2016 ask."""
    if metric == "r":
        return correlation_strength(value)
    if metric != "icc_a1":
        return ""
    low, high = (reliability_strength(v) for v in (lower, upper))
    if not (math.isfinite(lower) and math.isfinite(upper)) or low == high:
        return reliability_strength(value)
    return f"{low} to {high}"


def cells(table: pd.DataFrame, **where: str) -> dict[str, tuple[float, float, float]]:
    """Value and limits by metric of the rows of metrics.csv that match."""
    chosen = table
    for column, value in where.items():
        chosen = chosen.loc[chosen[column] == value]
    return {str(r.metric): (float(r.value), float(r.lower), float(r.upper)) for r in chosen.itertuples()}


def measures_in(table: pd.DataFrame, quantity: str = "absolute") -> list[str]:
    """List the measures that a table has of a quantity, in the order of :class:`Measure`."""
    there = set(table.loc[table["quantity"] == quantity, "measure"])
    return [m.value for m in Measure if m.value in there]


def models_and_sets(table: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    """List model, set and headline fold of a table that holds headline rows alone, in their order."""
    for row in table[["model", "set", "fold"]].drop_duplicates().itertuples(index=False):
        yield str(row.model), str(row.set), str(row.fold)
