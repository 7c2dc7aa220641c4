"""What the page shows of a result, in the words of the report: everything is text, numbers or an inlined drawing."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from spiroct.inference.prediction import Prediction
from spiroct.pft.units import TRADITIONAL
from spiroct.reporting import estimates, measured
from spiroct.reporting.figures import rendering, views
from spiroct.reporting.page import Picture, scale_picture
from spiroct.reporting.wording import printable


def summary_document(prediction: Prediction) -> dict[str, Any]:
    """Collect what the page shows of one scan.

    Parameters
    ----------
    prediction : Prediction
        Of the scan.

    Returns
    -------
    dict
        Plain data; text from DICOM headers has lost its control characters and is to be shown as text, never as markup.
    """
    with rendering.figure_style():
        cards = [asdict(card) | {"scale": _picture(scale_picture(card))} for card in estimates.cards(prediction)]
    for card in cards:
        del card["marks"]  # drawn
    acquisition = [*measured.acquisition_facts(prediction)]
    acquisition += [measured.Fact("Note of reading", note) for note in prediction.acquisition.notes]
    document = {
        "scan_id": prediction.scan_id,
        "interpretation": prediction.interpretation,
        "demonstration": estimates.is_demonstration(prediction),
        "patient": [asdict(fact) for fact in measured.patient_facts(prediction)],
        "volumes": [asdict(fact) for fact in measured.volumes(prediction)],
        "biomarkers": asdict(measured.biomarker_table(prediction)),
        "quality_summary": measured.quality_summary(prediction),
        "checks": [asdict(row) for row in measured.check_rows(prediction)],
        "overrides": [row if isinstance(row, str) else asdict(row) for row in measured.override_rows(prediction)],
        "cards": cards,
        "shared_reasons": list(estimates.shared_reasons(prediction)),
        "alternatives": [list(pair) for pair in estimates.plain_alternatives(prediction)],
        "derived": [asdict(row) for row in estimates.derived_rows(prediction)],
        "pattern": {
            "pattern": prediction.pattern,
            "severity": prediction.severity,
            "reason": prediction.pattern_reason,
        },
        "acquisition": [asdict(fact) for fact in acquisition],
        "model": asdict(prediction.model),
        "versions": dict(prediction.versions),
        "traditional_unit": TRADITIONAL,
        "window": {"level_hu": views.WINDOW_LEVEL_HU, "width_hu": views.WINDOW_WIDTH_HU},
    }
    return _printable(document)  # type: ignore[no-any-return]


def list_facts(prediction: Prediction) -> dict[str, Any]:
    """Return what the list of results tells of one."""
    d = prediction.demographics
    return {
        "scan_id": printable(prediction.scan_id),
        "sex": d.sex,
        "age": d.age,
        "demonstration": estimates.is_demonstration(prediction),
        "quality": measured.quality_summary(prediction),
    }


def _picture(picture: Picture | None) -> dict[str, Any] | None:
    return None if picture is None else asdict(picture)


def _printable(value: Any) -> Any:
    """Take what no reader can see out of every text of a document."""
    if isinstance(value, dict):
        return {str(key): _printable(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_printable(v) for v in value]
    return printable(value)
