"""What the page says of lung function: a card for each measure, never an estimate without alternatives."""

from __future__ import annotations

from dataclasses import dataclass

from spiroct.inference.prediction import Baseline, Derived, Interpreted, Prediction
from spiroct.pft.measures import Measure
from spiroct.pft.units import TRADITIONAL
from spiroct.reporting.figures.scale import ScaleMarks
from spiroct.reporting.wording import (
    AGAINST_LLN,
    DASH,
    MINUS,
    dlco_number,
    number,
    quantity,
    sentence,
    traditional,
)

DEMONSTRATION = "demonstration only"
BASELINE_NAMES = {
    "reference_value": "GLI predicted",
    "ct_lung_volume": "CT lung volume",
    "cohort_mean": "Mean of its patients",
    "demographics": "From sex, age, height",
    "lung_volume": "From lung volume",
    "lung_volume_perc85": "From volume, Perc85",
    "lung_volume_perc85_demographics": "From all of these",
    "network_demographics": "Network, sex, age, height",
}
ON_THE_SCALE = ("reference_value", "ct_lung_volume")  # the fitted ones stand in the table: six more marks hide the rest


@dataclass(frozen=True)
class SourceRow:
    """One row of a card: where a value comes from and what it is."""

    source: str
    value: str
    traditional: str
    percent: str
    z_score: str
    kind: str


@dataclass(frozen=True)
class Card:
    """One measure as the page shows it.

    Parameters
    ----------
    measure, plain_name, unit : str
        Abbreviation, name in plain words and unit.
    value : str
        The estimate's digits, a dash where there is none.
    traditional : str or None
        DLCO in mL/min/mmHg.
    headline : tuple of str
        %predicted, z-score and place against the lower limit of normal.
    interval : str
        The interval, or why there is none; empty where the page says why once for all measures.
    limits : str
        Reference values and equation; empty where there are none.
    reason : str
        Why there is no value or no interpretation; empty where there are both, or the page says it once.
    rows : tuple of SourceRow
        Estimate, measurement, difference, plain alternatives.
    marks : ScaleMarks or None
        The scale; None where fewer than two numbers would stand on it.
    """

    measure: str
    plain_name: str
    unit: str
    value: str
    traditional: str | None
    headline: tuple[str, ...]
    interval: str
    limits: str
    reason: str
    rows: tuple[SourceRow, ...]
    marks: ScaleMarks | None


@dataclass(frozen=True)
class DerivedRow:
    """One ratio in words."""

    name: str
    value: str
    lln: str
    z_score: str
    note: str


def is_demonstration(prediction: Prediction) -> bool:
    """Tell whether the network was trained on simulated patients, so that its estimates say nothing."""
    return prediction.interpretation == DEMONSTRATION or prediction.model.demonstration_only


def cards(prediction: Prediction) -> tuple[Card, ...]:
    """One card for each estimated or measured measure, in the order of :class:`Measure`."""
    shown = [m for m in Measure if m in prediction.estimates or m in prediction.measured]
    return tuple(_card(prediction, measure) for measure in shown)


def shared_reasons(prediction: Prediction) -> tuple[str, ...]:
    """Say once what would stand on every card: why nothing is interpreted, why there are no intervals."""
    reason, interval_reason = _shared(prediction, "reason"), _shared(prediction, "interval_reason")
    texts = [f"No reference values: {reason}."] if reason else []
    return (*texts, f"No intervals: {interval_reason}.") if interval_reason else tuple(texts)


def plain_alternatives(prediction: Prediction) -> tuple[tuple[str, str], ...]:
    """Name each plain alternative, what it is, and why it is missing unless an estimate says the same."""
    told = " ".join(e.reason or "" for e in prediction.estimates.values())
    texts = []
    for baseline in prediction.baselines:
        missing = baseline.reason if baseline.reason and baseline.reason not in told else None
        text = sentence(baseline.meaning) + (f" Missing: {missing.rstrip('.')}." if missing else "")
        texts.append((_name(baseline), text))
    return tuple(texts)


def _shared(prediction: Prediction, field: str) -> str:
    """Return the one reason that all of several estimates share, without a full stop; else nothing."""
    found = {getattr(estimate, field) for estimate in prediction.estimates.values()}
    reason = found.pop() if len(found) == 1 and len(prediction.estimates) > 1 else None
    return (reason or "").rstrip(".")


def derived_rows(prediction: Prediction) -> tuple[DerivedRow, ...]:
    """Ratios of the estimates."""
    return tuple(_derived_row(name, ratio) for name, ratio in prediction.derived.items())


def interval_text(estimate: Interpreted, unit: str) -> str:
    """Write the interval with its level, or why there is none."""
    if estimate.lower is None or estimate.upper is None:
        return "No interval: " + (estimate.interval_reason or "none was computed").rstrip(".") + "."
    level = "Interval" if estimate.level is None else f"{100 * estimate.level:g} % interval"
    return f"{level} {number(estimate.lower)} to {number(estimate.upper)} {unit}"


def scale_marks(prediction: Prediction, measure: Measure) -> ScaleMarks | None:
    """Collect what stands on a measure's scale; None where fewer than two would."""
    estimate = prediction.estimates.get(measure, Interpreted(None))
    measured = prediction.measured.get(measure, Interpreted(None))
    reference = estimate if estimate.predicted is not None else measured
    alternatives = tuple(
        (_name(b), value)
        for b in prediction.baselines
        if b.name in ON_THE_SCALE and (value := b.values.get(measure)) is not None
    )
    marks = ScaleMarks(
        unit=measure.unit,
        estimate=estimate.value,
        lower=estimate.lower,
        upper=estimate.upper,
        lln=reference.lln,
        predicted=reference.predicted,
        uln=reference.uln,
        measured=measured.value,
        alternatives=alternatives,
        watermark="DEMONSTRATION ONLY" if is_demonstration(prediction) else "",
    )
    return marks if len(marks.values) > 1 else None


def _card(prediction: Prediction, measure: Measure) -> Card:
    estimate = prediction.estimates.get(measure, Interpreted(None, reason="this network does not estimate it"))
    measured = prediction.measured.get(measure)
    tells_interval = estimate.lower is not None or not _shared(prediction, "interval_reason")
    return Card(
        measure=measure.value,
        plain_name=sentence(measure.plain_name).rstrip("."),
        unit=measure.unit,
        value=number(estimate.value),
        traditional=traditional(measure, estimate.value),
        headline=_headline(estimate),
        interval=interval_text(estimate, measure.unit) if estimate.value is not None and tells_interval else "",
        limits=_limits(estimate if estimate.predicted is not None else measured, measure),
        reason="" if _shared(prediction, "reason") else sentence(estimate.reason),
        rows=_source_rows(prediction, measure, estimate, measured),
        marks=scale_marks(prediction, measure),
    )


def _headline(estimate: Interpreted) -> tuple[str, ...]:
    parts = []
    if estimate.percent_predicted is not None:
        parts.append(f"{number(estimate.percent_predicted, 0)} % of predicted")
    if estimate.z_score is not None:
        parts.append(f"z-score {number(estimate.z_score)}")
    if estimate.against_lln is not None:
        parts.append(AGAINST_LLN.get(estimate.against_lln, estimate.against_lln))
    return tuple(parts)


def _limits(reference: Interpreted | None, measure: Measure) -> str:
    if reference is None or reference.predicted is None:
        return ""
    limits = (("predicted", reference.predicted), ("LLN", reference.lln), ("ULN", reference.uln))
    known = [(name, value) for name, value in limits if value is not None]
    text = ", ".join(f"{name} {number(value)}" for name, value in known) + f" {measure.unit}"
    others = [dlco_number(measure, value) for _, value in known]
    if all(others):
        text += f" ({', '.join(others)} {TRADITIONAL})"
    return f"Reference{f' ({reference.equation})' if reference.equation else ''}: {text}"


def _source_rows(
    prediction: Prediction, measure: Measure, estimate: Interpreted, measured: Interpreted | None
) -> tuple[SourceRow, ...]:
    rows = [_interpreted_row("Network", measure, estimate, "network")]
    if measured is not None:
        rows.append(_interpreted_row("Measured", measure, measured, "measured"))
        if measured.value is not None and estimate.value is not None:
            rows.append(_difference_row(measure, estimate.value - measured.value))
    for baseline in prediction.baselines:
        if measure in baseline.values:
            value = baseline.values[measure]
            rows.append(SourceRow(_name(baseline), number(value), dlco_number(measure, value), "", "", "plain"))
    return tuple(rows)


def _interpreted_row(source: str, measure: Measure, value: Interpreted, kind: str) -> SourceRow:
    percent = DASH if value.percent_predicted is None else f"{number(value.percent_predicted, 0)} %"
    traditional_value = dlco_number(measure, value.value)
    return SourceRow(source, number(value.value), traditional_value, percent, number(value.z_score), kind)


def _difference_row(measure: Measure, difference: float) -> SourceRow:
    sign = "+" if difference > 0 else ""
    other = dlco_number(measure, difference)
    return SourceRow(
        f"Network {MINUS} measured", sign + number(difference), other and sign + other, "", "", "difference"
    )


def _name(baseline: Baseline) -> str:
    return BASELINE_NAMES.get(baseline.name, baseline.name.replace("_", " "))


def _derived_row(name: str, ratio: Derived) -> DerivedRow:
    interval = None
    if ratio.lower is not None and ratio.upper is not None and ratio.level is not None:
        interval = f"{100 * ratio.level:g} % interval {number(ratio.lower)} to {number(ratio.upper)}"
    note = "; ".join(text.rstrip(".") for text in (interval, ratio.equation, ratio.reason) if text)
    return DerivedRow(name, quantity(ratio.value, ratio.unit), number(ratio.lln), number(ratio.z_score), sentence(note))
