"""One prediction as a short text table for the terminal and as rows of ``predictions.csv``."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from spiroct.documents import finite_or_none
from spiroct.inference.prediction import Interpreted, Prediction
from spiroct.pft.measures import Measure
from spiroct.reporting.estimates import is_demonstration
from spiroct.reporting.measured import quality_summary
from spiroct.reporting.wording import DASH, number, traditional

PREDICTION_COLUMNS = (
    "patient_id", "scan_id", "model", "set", "fold", "measure", "quantity",
    "unit", "measured", "estimated", "lower", "upper", "level",
)  # fmt: skip
_HEADINGS = ("measure", "estimate", "unit", "interval", "% predicted", "z-score", "LLN", "measured")


def prediction_rows(
    prediction: Prediction,
    *,
    patient_id: str | None = None,
    set_name: str = "external",
    fold: str = "ensemble",
) -> list[dict[str, Any]]:
    """Rows of ``predictions.csv`` of one scan, one for each measure and quantity.

    Parameters
    ----------
    prediction : Prediction
        One scan's results.
    patient_id : str, optional
        From the cohort; the scan_id by default.
    set_name : str
        ``"validation"``, ``"test"`` or ``"external"`` (a scan from outside the training cohort).
    fold : str
        ``"1"`` to ``"k"`` or ``"ensemble"``.

    Returns
    -------
    list of dict
        Keys are :data:`PREDICTION_COLUMNS`; missing values are None. ``absolute`` always,
        ``percent_predicted`` where there is a predicted value; its interval is
        the absolute one over the predicted value, in percent.
    """
    rows = []
    for measure, estimate in prediction.estimates.items():
        measured = prediction.measured.get(measure, Interpreted(None))
        common = {
            "patient_id": patient_id or prediction.scan_id,
            "scan_id": prediction.scan_id,
            "model": prediction.model.name,
            "set": set_name,
            "fold": fold,
            "measure": measure.value,
        }
        absolute = {"quantity": "absolute", "unit": measure.unit, "measured": measured.value}
        rows.append({**common, **absolute, **_numbers(estimate, estimate.value, 1.0)})
        if estimate.predicted is not None and estimate.percent_predicted is not None:
            share = {"quantity": "percent_predicted", "unit": "%", "measured": measured.percent_predicted}
            scale = 100.0 / estimate.predicted
            rows.append({**common, **share, **_numbers(estimate, estimate.percent_predicted, scale)})
    return rows


def write_predictions(predictions: Iterable[Prediction], path: Path, *, patient_id: str | None = None) -> None:
    """Write ``predictions.csv`` of scans that no training saw (:func:`prediction_rows`); None is empty."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, PREDICTION_COLUMNS, lineterminator="\n")
        writer.writeheader()
        for prediction in predictions:
            writer.writerows(prediction_rows(prediction, patient_id=patient_id))


def prediction_table(prediction: Prediction) -> str:
    """Short text table of one scan: estimates, lung volume, quality, and what the estimates are good for."""
    demonstration = is_demonstration(prediction)
    lines = [f"{prediction.scan_id} ({prediction.model.name})"]
    if demonstration:
        lines.append("DEMONSTRATION ONLY: a network trained on simulated patients; says nothing about a patient")
    table = [list(_HEADINGS)]
    table += [_line(prediction, measure, estimate) for measure, estimate in prediction.estimates.items()]
    if not prediction.measured:
        table = [row[:-1] for row in table]
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    lines += ["  ".join(map(_place, row, widths, range(len(row)))).rstrip() for row in table]
    lines += _explanations(prediction)
    lines.append(f"CT lung volume: {_volumes(prediction)}")
    lines.append(f"quality: {quality_summary(prediction)}")
    lines += [f"  {v.outcome.value}: {v.meaning}" for v in prediction.quality if v.outcome.value != "pass"]
    if prediction.overrides:
        lines.append(f"OVERRIDDEN with --force: {'; '.join(prediction.overrides)}")
    lines.append(f"interpretation: {prediction.interpretation}")
    return "\n".join(lines)


def _numbers(estimate: Interpreted, value: float | None, scale: float) -> dict[str, float | None]:
    lower = None if estimate.lower is None else estimate.lower * scale
    upper = None if estimate.upper is None else estimate.upper * scale
    return {
        "estimated": finite_or_none(value),
        "lower": finite_or_none(lower),
        "upper": finite_or_none(upper),
        "level": estimate.level,
    }


def _line(prediction: Prediction, measure: Measure, estimate: Interpreted) -> list[str]:
    measured = prediction.measured.get(measure)
    interval = (
        DASH
        if estimate.lower is None or estimate.upper is None
        else f"{number(estimate.lower)} to {number(estimate.upper)}"
    )
    other = traditional(measure, estimate.value)
    return [
        measure.value,
        number(estimate.value),
        measure.unit if other is None else f"{measure.unit} (= {other})",
        interval,
        number(estimate.percent_predicted, 0),
        number(estimate.z_score),
        number(estimate.lln),
        number(None if measured is None else measured.value),
    ]


def _place(cell: str, width: int, column: int) -> str:
    """Words to the left, numbers to the right."""
    return cell.ljust(width) if column in (0, 2) else cell.rjust(width)


def _explanations(prediction: Prediction) -> list[str]:
    """Each reason once, with the measures that it is about."""
    about: dict[str, list[str]] = {}
    for measure, estimate in prediction.estimates.items():
        for reason, prefix in ((estimate.reason, ""), (estimate.interval_reason, "no interval, ")):
            if reason:
                about.setdefault(prefix + reason.rstrip("."), []).append(measure.value)
    return [f"{', '.join(measures)}: {text}" for text, measures in about.items()]


def _volumes(prediction: Prediction) -> str:
    values = {b.region: b.value for b in prediction.biomarkers if b.name == "volume"}
    return (
        f"{number(values.get('lungs'))} L"
        f" (right {number(values.get('right_lung'))} L, left {number(values.get('left_lung'))} L)"
    )
