"""The PDF report: what it says, that markup in tags stays text, and the same bytes every time."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable

import pypdfium2
import pytest

from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.inference.prediction import Prediction
from spiroct.reporting.pdf import NO_SCAN, render_pdf


def words(pdf: bytes) -> str:
    """All text of a PDF on one line."""
    document = pypdfium2.PdfDocument(pdf)
    text = " ".join(page.get_textpage().get_text_bounded() for page in document)
    document.close()
    return re.sub(r"\s+", " ", text.replace("\ufffe", ""))


@pytest.fixture
def shown(small_scan: tuple[CTVolume, LabelMap]) -> dict[str, object]:
    return dict(zip(("volume", "lungs"), small_scan, strict=True))


def test_every_estimate_interval_and_warning_is_there(
    trained_on_patients: Prediction, shown: dict[str, object]
) -> None:
    text = words(render_pdf(trained_on_patients, **shown))  # type: ignore[arg-type]
    for part in ("4.62 mmol/min/kPa", "= 13.8", "4.12 to 5.22 (90 %)", "2.11 L", "\u22121.79", "restriction, mild"):
        assert part in text, part
    assert "Contrast agent makes vessels" in text
    assert "Supplied measurement of FVC: 2.59 L" in text
    assert "Where the lungs were outlined" in text
    assert "DEMONSTRATION" not in text
    assert NO_SCAN not in text


def test_a_demonstration_says_so_on_every_page(
    make_prediction: Callable[..., Prediction], shown: dict[str, object]
) -> None:
    pdf = render_pdf(make_prediction(overrides=("slice_thickness: 8 mm (limit: 3 mm)",)), **shown)  # type: ignore[arg-type]
    document = pypdfium2.PdfDocument(pdf)
    pages = [page.get_textpage().get_text_bounded() for page in document]
    document.close()
    assert len(pages) >= 2
    assert all("DEMONSTRATION ONLY" in page for page in pages)
    assert "the user overrode the refusal" in " ".join(pages[0].split())
    assert "slice_thickness: 8 mm" in pages[0]


def test_without_a_reference_each_reason_is_told(without_reference: Prediction) -> None:
    text = words(render_pdf(without_reference, volume=None, lungs=None))
    assert "height is missing" in text
    assert NO_SCAN in text


def test_markup_in_a_tag_is_shown_and_not_obeyed(make_prediction: Callable[..., Prediction]) -> None:
    evil = '<img src="file:///etc/passwd"/><b>x</b> & \x00\x1b[31m\u202e'
    prediction = make_prediction()
    acquisition = dataclasses.replace(prediction.acquisition, series_description=evil, kernel="</para>")
    text = words(render_pdf(make_prediction(acquisition=acquisition, scan_id="<script>"), volume=None, lungs=None))
    assert '<img src="file:///etc/passwd"/><b>x</b> &' in text
    assert "</para>" in text
    assert "<script>" in text


def test_the_same_result_gives_the_same_bytes(
    make_prediction: Callable[..., Prediction], shown: dict[str, object]
) -> None:
    assert render_pdf(make_prediction(), **shown) == render_pdf(make_prediction(), **shown)  # type: ignore[arg-type]
