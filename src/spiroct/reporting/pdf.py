"""The patient report as a PDF of a few A4 pages: what a PACS, a chart and a printer take."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.inference.prediction import Prediction
from spiroct.pft.measures import Measure
from spiroct.reporting import estimates, measured
from spiroct.reporting.figures import rendering, scale, views
from spiroct.reporting.pdf_layout import MARGIN_MM, TEXT_MM, Frame, Style, box, image, mm
from spiroct.reporting.wording import AGAINST_LLN, DASH, number, sentence, traditional

NO_SCAN = "The scan was not given, so that its views and the lung outlines are not shown. Look at them in report.html."
DEMONSTRATION = (
    "The lung function estimates in this report come from a network trained on simulated patients. They show how the "
    "software works and say nothing about this patient. Do not use them for any decision. The volumes, densities and "
    "quality checks are measured on the scan itself and do not depend on that network."
)
READING = (
    "Predicted is the average of healthy people of the same sex, age and height; LLN and ULN, the limits of normal, "
    "are the 5th and 95th percentile. The z-score counts the distance from predicted in standard deviations. A shallow "
    "breath makes volumes and every estimate smaller and the lung denser. Networks pull towards the average. A CT does "
    "not show effort, muscle weakness, airway reactivity or haemoglobin. Not a spirometer and not a medical device: "
    "for research. Where a patient can blow, the measurement is the truth."
)


def write_pdf(prediction: Prediction, path: Path, *, volume: CTVolume | None, lungs: LabelMap | None) -> None:
    """Write the report of one scan as PDF (see :func:`render_pdf`)."""
    path.write_bytes(render_pdf(prediction, volume=volume, lungs=lungs))


def render_pdf(prediction: Prediction, *, volume: CTVolume | None, lungs: LabelMap | None) -> bytes:
    """Make the report of one scan as PDF; the same inputs give the same bytes, and nobody is named.

    Parameters
    ----------
    prediction : Prediction
        What is shown.
    volume : CTVolume or None
        The scan in any orientation; without it the views are left out, and the report says so.
    lungs : LabelMap or None
        1 right, 2 left, on the scan's own grid.

    Raises
    ------
    ValueError
        If the lungs do not lie on the scan's grid.
    """
    from reportlab.platypus import SimpleDocTemplate

    stream = io.BytesIO()
    document = SimpleDocTemplate(
        stream, leftMargin=mm(MARGIN_MM), rightMargin=mm(MARGIN_MM), topMargin=mm(20), bottomMargin=mm(16),
        title="Lung function from chest CT", author="spiroct", subject=prediction.interpretation,
        creator=f"spiroct {prediction.versions.get('spiroct', '')}".strip(), invariant=1,
    )  # fmt: skip
    style = Style()
    with rendering.figure_style():
        story = [
            *_head(prediction, style),
            *_estimate_part(prediction, style),
            *_measured_part(prediction, style),
            *_quality_part(prediction, style),
            *_view_part(volume, lungs, style),
            *_facts_part(prediction, style),
        ]
    frame = Frame(prediction, style)
    document.build(story, onFirstPage=frame.draw, onLaterPages=frame.draw)
    return stream.getvalue()


def _head(prediction: Prediction, style: Style) -> list[Any]:
    from reportlab.platypus import Spacer

    facts = [f"{f.name}: {f.text}" + (f" ({f.note})" if f.note else "") for f in measured.patient_facts(prediction)]
    parts: list[Any] = [
        style.text("Lung function from chest CT", style.title),
        style.text(f"{';  '.join(facts)};  use: {prediction.interpretation}"),
        Spacer(1, mm(2)),
    ]
    if estimates.is_demonstration(prediction):
        parts += [box([style.text("Demonstration only", style.shout), style.text(DEMONSTRATION, style.warning)])]
    if prediction.overrides:
        lines = [style.text(f"- {text}", style.warning) for text in prediction.overrides]
        told = "This scan was refused, and the user overrode the refusal. Numbers may be wrong for this reason:"
        parts += [box([style.text("Checks overridden", style.shout), style.text(told, style.warning), *lines])]
    return parts


def _estimate_part(prediction: Prediction, style: Style) -> list[Any]:
    from reportlab.platypus import Spacer, Table

    rows: list[list[Any]] = [["Measure", "Estimate", "Interval", "% predicted", "z-score", "LLN", "Against the LLN"]]
    for measure, e in prediction.estimates.items():
        level = "" if e.level is None else f" ({100 * e.level:g} %)"
        interval = DASH if e.lower is None else f"{number(e.lower)} to {number(e.upper)}{level}"
        other = traditional(measure, e.value)
        value = f"{number(e.value)} {measure.unit}" + (f" = {other}" if other else "")
        place = AGAINST_LLN.get(e.against_lln or "", DASH)
        name = f"{measure} ({measure.plain_name})"
        rows.append([name, value, interval, number(e.percent_predicted, 0), number(e.z_score), number(e.lln), place])
    parts: list[Any] = [style.text("Lung function estimated by a network", style.heading)]
    parts.append(style.table(rows, [36, 31, 32, 18, 14, 11, 33.7]))
    parts += [style.text(reason, style.warning) for reason in estimates.shared_reasons(prediction)]
    pictures = [_scale_picture(prediction, measure) for measure in Measure if measure in prediction.estimates]
    shown = [[style.text(m, bold=True), p] for m, p in pictures if p is not None]
    if shown:
        grid = [shown[i : i + 2] for i in range(0, len(shown), 2)]
        grid[-1] += [""] * (2 - len(grid[-1]))  # type: ignore[list-item]
        parts += [Spacer(1, mm(2)), Table(grid, [mm(TEXT_MM / 2)] * 2)]
        key = "Green: the normal range. Filled circle: the network, with its interval. Diamond: a supplied measurement."
        parts.append(style.text(f"{key} Hollow circle: a plain alternative that needs no network.", style.small))
    derived = [[r.name, r.value, r.lln, r.z_score, r.note] for r in estimates.derived_rows(prediction)]
    if derived:
        parts += [
            Spacer(1, mm(2)),
            style.table([["Ratio", "Value", "LLN", "z-score", ""], *derived], [22, 42, 14, 16, 81.7]),
        ]
    pattern = ", ".join(part for part in (prediction.pattern, prediction.severity) if part)
    parts.append(style.text(f"Pattern (ERS/ATS 2022): {pattern or 'not given: ' + (prediction.pattern_reason or '')}"))
    for measure, e in prediction.measured.items():
        percent = "" if e.percent_predicted is None else f", {number(e.percent_predicted, 0)} % of predicted"
        parts.append(style.text(f"Supplied measurement of {measure}: {number(e.value)} {measure.unit}{percent}."))
    return parts


def _measured_part(prediction: Prediction, style: Style) -> list[Any]:
    from reportlab.platypus import KeepTogether

    table = measured.biomarker_table(prediction)
    names = ["Biomarker", *table.regions, "Unit", "Meaning"]
    volumes = ", ".join(f"{f.name.lower()} {f.text} L" for f in measured.volumes(prediction))
    rows = [names, *([label, *cells, unit, meaning] for label, unit, cells, meaning in table.rows)]
    count = len(table.regions)
    parts = [
        style.text("Measured on the CT", style.heading),
        style.text(f"Lung volume at the breath of this scan: {volumes}."),
        style.table(rows, [30, *([17.0] * count), 12, TEXT_MM - 42 - 17.0 * count]),
    ]
    return [KeepTogether(parts)]


def _quality_part(prediction: Prediction, style: Style) -> list[Any]:
    rows: list[list[Any]] = [["Verdict", "Check", "Found", "Rule", "What it means"]]
    for check in measured.check_rows(prediction):
        if check.outcome != "pass":
            word = check.word + (", overridden" if check.overridden else "")
            rows.append([word, check.name, check.found, check.limit, f"{check.meaning} {check.remedy}".strip()])
    passed = ", ".join(c.name for c in measured.check_rows(prediction) if c.outcome == "pass")
    parts = [style.text(f"Quality of scan and lung outlines: {measured.quality_summary(prediction)}", style.heading)]
    if len(rows) > 1:
        parts.append(style.table(rows, [18, 31, 33, 32, 61.7]))
    if passed:
        parts.append(style.text(f"Passed: {passed}.", style.small))
    return parts


def _view_part(volume: CTVolume | None, lungs: LabelMap | None, style: Style) -> list[Any]:
    from reportlab.platypus import KeepTogether, Table

    heading = style.text("Where the lungs were outlined", style.heading)
    if volume is None or lungs is None:
        return [heading, style.text(NO_SCAN)]
    scan = views.orient(volume, lungs)
    planes = views.choose_planes(scan)
    levels = tuple(plane for plane in planes if plane.kind == "axial")
    cells = []
    for plane in planes:
        pixels = views.picture_size(scan, plane.kind, width=480)
        figure = rendering.blank_figure(*pixels)
        marks = () if plane.kind == "axial" else levels
        views.draw_view(figure.add_axes((0.0, 0.0, 1.0, 1.0)), scan, plane, levels=marks)
        label = f"{plane.number}. " if plane.number else ""
        words = style.text(f"{label}{plane.kind.capitalize()}, {plane.where}", style.small)
        cells.append([image(figure, width=55, highest=60, photograph=True), words])
    legend = (
        "Orange, solid: right lung; blue, dashed: left lung. Axial views are seen from the feet, coronal ones from the "
        "front: patient's right (R) is at the viewer's left. If an outline leaves lung out or takes something else in, "
        "distrust every number of this report."
    )
    grid = Table([cells[:3], cells[3:]], [mm(TEXT_MM / 3)] * 3, style=[("VALIGN", (0, 0), (-1, -1), "BOTTOM")])
    return [KeepTogether([heading, grid, style.text(legend, style.small)])]


def _facts_part(prediction: Prediction, style: Style) -> list[Any]:
    from reportlab.platypus import KeepTogether

    model = prediction.model
    versions = ", ".join(f"{name} {version}" for name, version in sorted(prediction.versions.items()))
    rows = [[f.name, f.text] for f in measured.acquisition_facts(prediction)]
    rows += [["Note of reading", note] for note in prediction.acquisition.notes]
    rows += [
        ["Model", f"{model.name}, SHA-256 {model.hash}"],
        ["Trained on", model.trained_on],
        ["Intended use", model.intended_use],
        ["Versions", versions],
    ]
    facts = [style.text("Scan, model and versions", style.heading), style.table(rows, [38, TEXT_MM - 38], head=False)]
    reading = [style.text("How to read this report", style.heading), style.text(READING)]
    alternatives = [style.text(f"{n}: {sentence(t)}", style.small) for n, t in estimates.plain_alternatives(prediction)]
    return [*facts, KeepTogether([*reading, *alternatives])]


def _scale_picture(prediction: Prediction, measure: Measure) -> tuple[str, Any]:
    marks = estimates.scale_marks(prediction, measure)
    if marks is None:
        return measure.value, None
    figure = rendering.blank_figure(390, marks.height)
    bottom, top = 40 / marks.height, 34 / marks.height
    scale.draw_scale(figure.add_axes((112 / 390, bottom, 262 / 390, 1 - bottom - top)), marks)
    return measure.value, image(figure, width=74, highest=60)
