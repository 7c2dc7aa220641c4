"""The patient page: one self-contained HTML file a scan, readable offline, on paper and on a telephone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.inference.prediction import Prediction
from spiroct.pft.units import TRADITIONAL
from spiroct.reporting import estimates, measured
from spiroct.reporting.figures import rendering, scale, views
from spiroct.reporting.html_template import html_template
from spiroct.reporting.wording import number

VIEW_PIXELS = {"axial": 620, "coronal": 760, "sagittal": 560}
SCALE_PIXELS = 390


@dataclass(frozen=True)
class Picture:
    """An inlined image with its size in pixels, its caption and its words for those who cannot see it."""

    uri: str
    width: int
    height: int
    caption: str
    alt: str


def write_report(
    prediction: Prediction, volume: CTVolume, lungs: LabelMap, path: Path, *, maps: dict[str, Any] | None = None
) -> None:
    """Write the page of one scan.

    The same prediction, scan and lungs give the same bytes: no time, host or path stands in it.

    Parameters
    ----------
    prediction : Prediction
        What is shown.
    volume : CTVolume
        The scan, in any orientation.
    lungs : LabelMap
        1 right, 2 left, on the scan's own grid.
    path : Path
        The HTML file to write; about 0.5 MB.
    maps : dict, optional
        Where the estimates come from, of :func:`~spiroct.reporting.explanation_page.write_explanation_page`, whose
        page lies beside this one.

    Raises
    ------
    ValueError
        If the lungs do not lie on the scan's grid.
    """
    path.write_text(render_report(prediction, volume, lungs, maps), encoding="utf-8", newline="\n")


def render_report(prediction: Prediction, volume: CTVolume, lungs: LabelMap, maps: dict[str, Any] | None = None) -> str:
    """Make the page of one scan as text (see :func:`write_report`)."""
    with rendering.figure_style():
        coronal, *others = lung_pictures(volume, lungs)
        cards = [(card, scale_picture(card)) for card in estimates.cards(prediction)]
    context: dict[str, Any] = {
        "p": prediction,
        "demonstration": estimates.is_demonstration(prediction),
        "volumes": measured.volumes(prediction),
        "biomarkers": measured.biomarker_table(prediction),
        "checks": measured.check_rows(prediction),
        "overrides": measured.override_rows(prediction),
        "quality_summary": measured.quality_summary(prediction),
        "patient": measured.patient_facts(prediction),
        "acquisition": measured.acquisition_facts(prediction),
        "cards": cards,
        "shared_reasons": estimates.shared_reasons(prediction),
        "derived": estimates.derived_rows(prediction),
        "alternatives": estimates.plain_alternatives(prediction),
        "traditional_unit": TRADITIONAL,
        "maps": maps,
        "coronal": coronal,
        "pictures": others,
        "level_hu": number(views.WINDOW_LEVEL_HU, 0),
        "width_hu": f"{views.WINDOW_WIDTH_HU:.0f}",
    }
    return str(html_template("report.html.j2").render(context))


def lung_pictures(volume: CTVolume, lungs: LabelMap) -> list[Picture]:
    """Draw all views of a scan: coronal first, then three axial levels and both lungs from the side."""
    scan = views.orient(volume, lungs)
    planes = views.choose_planes(scan)
    levels = tuple(plane for plane in planes if plane.kind == "axial")
    return [_view_picture(scan, plane, () if plane.kind == "axial" else levels) for plane in planes]


def _view_picture(scan: views.OrientedScan, plane: views.Plane, levels: tuple[views.Plane, ...]) -> Picture:
    width, height = views.picture_size(scan, plane.kind, width=VIEW_PIXELS[plane.kind])
    figure = rendering.blank_figure(width, height)
    views.draw_view(figure.add_axes((0.0, 0.0, 1.0, 1.0)), scan, plane, levels=levels)
    number = f"{plane.number}. " if plane.number else ""
    sides = (
        "Front of the body at the viewer's left."
        if plane.kind == "sagittal"
        else "Patient's right at the viewer's left."
    )
    alt = f"{plane.kind.capitalize()} CT view, {plane.where}, lungs outlined. {sides}"
    return Picture(rendering.webp_uri(figure), width, height, f"{number}{plane.kind.capitalize()}, {plane.where}", alt)


def scale_picture(card: estimates.Card) -> Picture | None:
    """Draw the scale of one measure; None where fewer than two numbers would stand on it."""
    if card.marks is None:
        return None
    height = card.marks.height
    figure = rendering.blank_figure(SCALE_PIXELS, height)
    left, right, bottom, top = 100, 20, 40, 34
    axes = figure.add_axes(
        (
            left / SCALE_PIXELS,
            bottom / height,
            1 - (left + right) / SCALE_PIXELS,
            1 - (bottom + top) / height,
        )
    )
    scale.draw_scale(axes, card.marks)
    return Picture(rendering.svg_uri(figure), SCALE_PIXELS, height, "", scale.describe_scale(card.marks))
