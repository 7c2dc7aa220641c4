"""The page of one scan: complete, self-contained, safe, accessible, and honest about what it is."""

from __future__ import annotations

import base64
import dataclasses
import re
import time
from collections.abc import Callable
from html.parser import HTMLParser
from importlib import resources
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from spiroct.imaging.acquisition import Acquisition
from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.inference.prediction import Interpreted, Prediction
from spiroct.pft.measures import Measure
from spiroct.quality.verdict import Outcome, Verdict
from spiroct.reporting.page import render_report, write_report

Make = Callable[..., Prediction]
Scan = tuple[CTVolume, LabelMap]
VOID = {"meta", "img", "br", "wbr", "link"}


class Outline(HTMLParser):
    """A page's tags, attributes and visible words; refuses tags that do not nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        assert not self.open
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    def all(self, *names: str) -> list[tuple[str, dict[str, str | None]]]:
        return [(tag, attributes) for tag, attributes in self.tags if tag in names]


def _outline(prediction: Prediction, scan: Scan) -> Outline:
    return Outline(render_report(prediction, *scan))


def test_the_same_prediction_gives_the_same_bytes(make_prediction: Make, small_scan: Scan, tmp_path: Path) -> None:
    for name in ("a.html", "b.html"):
        write_report(make_prediction(), *small_scan, tmp_path / name)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_nothing_comes_from_elsewhere_and_nothing_runs(make_prediction: Make, small_scan: Scan) -> None:
    page = _outline(make_prediction(), small_scan)
    assert not page.all("script", "link", "iframe", "object", "embed", "a")
    for _, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")]
        assert (attributes.get("src") or "data:image/").startswith("data:image/")
    css = render_report(make_prediction(), *small_scan).split("</style>")[0]
    assert "url(" not in css
    assert "@import" not in css
    policy = next(a["content"] for _, a in page.all("meta") if a.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_measured_and_quality_come_before_estimates_and_views(make_prediction: Make, small_scan: Scan) -> None:
    text = _outline(make_prediction(), small_scan).text
    headings = ["Measured on the CT", "Quality of scan", "Lung function estimated", "Where the lungs", "How to read"]
    places = [text.index(h) for h in headings]
    assert places == sorted(places)


def test_every_number_stands_on_the_page(make_prediction: Make, small_scan: Scan) -> None:
    text = _outline(make_prediction(), small_scan).text
    for piece in (
        "Both lungs 3.87 L", "Right lung 2.09 L", "Left lung 1.78 L", "\u2212742", "\u2212561", "LAA-950",
        "1.00 0.53 0.47",
        "4.62 mmol/min/kPa", "= 13.8 mL/min/mmHg", "60 % of predicted", "z-score \u22123.05", "below the LLN",
        "predicted 7.70, LLN 5.86, ULN 9.95 mmol/min/kPa (23.0, 17.5, 29.7 mL/min/mmHg)", "GLI predicted",
        "CT lung volume",
        "No intervals: this checkpoint carries no residuals", "FEV1/FVC", "FVC/DLCO", "THORAX 2.5 STANDARD",
        "LightSpeed Plus", "120 kV, 300 mA", "168 cm given", "female DICOM header", "3b" * 32,
        "2,000 simulated patients",
        "level \u2212600 HU, width 1500 HU", "Prefer a series without contrast where there is one.",
        "1 warning, 3 passed",
        "The only CT series.", "torch 2.13.0", "\u22122048 HU",
    ):  # fmt: skip
        assert piece in text, piece


def test_a_demonstration_cannot_be_overlooked(make_prediction: Make, small_scan: Scan) -> None:
    page = _outline(make_prediction(), small_scan)
    assert len(re.findall("demonstration only", page.text, re.IGNORECASE)) >= 9
    assert "trained on simulated patients" in page.text
    assert "say nothing about this patient" in page.text
    scales = [a["src"] or "" for _, a in page.all("img") if a.get("class") == "scale"]
    assert len(scales) == 4
    for uri in scales:
        assert b"DEMONSTRATION ONLY" in base64.b64decode(uri.split(",")[1])


def test_a_network_of_patients_carries_no_demonstration_label(
    trained_on_patients: Prediction, small_scan: Scan
) -> None:
    page = render_report(trained_on_patients, *small_scan)
    assert "demonstration" not in Outline(page).text.lower()
    assert "<body>" in page
    assert "DEMONSTRATION" not in page
    assert "research use only" in page


def test_either_sign_of_a_demonstration_is_enough(make_prediction: Make, small_scan: Scan) -> None:
    assert "Demonstration only" in _outline(make_prediction(interpretation="research use only"), small_scan).text


def test_measured_values_and_intervals_stand_beside_the_estimate(
    trained_on_patients: Prediction, small_scan: Scan
) -> None:
    text = _outline(trained_on_patients, small_scan).text
    assert (
        "Network 4.62 13.8 60 % \u22123.05 "
        "Measured 4.80 14.3 62 % \u22121.50 Network \u2212 measured \u22120.18 \u22120.6" in text
    )
    assert "90 % interval 4.12 to 5.22 mmol/min/kPa" in text
    assert "restriction , severity by z-score: mild" in text
    assert "No intervals" not in text


def test_missing_demographics_leave_the_absolute_values_and_say_why_once(
    without_reference: Prediction, small_scan: Scan
) -> None:
    page = _outline(without_reference, small_scan)
    assert "Height unknown" in page.text
    assert page.text.count("the reference equations need sex, age and height") == 1
    assert "4.62 mmol/min/kPa" in page.text
    assert "of predicted" not in page.text.replace("of predicted value", "")
    assert not [a for _, a in page.all("img") if a.get("class") == "scale"]  # one number alone needs no scale


def test_an_age_beyond_one_equation_is_told_on_that_card_only(make_prediction: Make, small_scan: Scan) -> None:
    base = make_prediction()
    reason = "GLI-2021 covers 5 to 80 years, and the age is 84"
    estimates = {**base.estimates, Measure.TLC: Interpreted(4.05, reason=reason, interval_reason="none yet")}
    text = _outline(make_prediction(estimates=estimates), small_scan).text
    assert text.count(reason) == 1
    assert "60 % of predicted" in text
    assert "No interval: none yet." in text


def test_overrides_stand_before_any_number(make_prediction: Make, small_scan: Scan) -> None:
    failed = Verdict("lungs_cut", Outcome.FAIL, "12 cm2", "at most 2 cm2", "The base is missing", "Scan it whole")
    overrides = ("lungs_cut: 12 cm2 (limit: at most 2 cm2)", "something_else: 1 (limit: 2)")
    page = _outline(make_prediction(quality=(failed,), overrides=overrides), small_scan)
    assert page.text.index("Checks overridden with --force") < page.text.index("Measured on the CT")
    assert "Lungs cut : 12 cm² (rule: at most 2 cm²). The base is missing." in page.text
    assert "something_else: 1 (limit: 2)" in page.text
    assert "Failed overridden Lungs cut" in page.text
    assert "overridden" not in _outline(make_prediction(), small_scan).text


def test_text_from_the_header_is_shown_as_text(make_prediction: Make, small_scan: Scan) -> None:
    hostile = "<script>alert(1)</script>"
    base = make_prediction()
    acquisition = dataclasses.replace(
        base.acquisition, series_description=hostile, scanner='"><img src=x onerror=alert(1)>',
        kernel="B\x0040\u202ef\ud800",
        choice=hostile, notes=(hostile, "tilt sheared back"), contrast=hostile,
    )  # fmt: skip
    verdict = Verdict("kernel", Outcome.WARN, hostile, hostile, hostile, hostile)
    prediction = make_prediction(acquisition=acquisition, scan_id=hostile, quality=(verdict,), overrides=(hostile,))
    page = _outline(prediction, small_scan)
    assert not page.all("script")
    assert hostile in page.text
    assert "B 40 f" in page.text
    assert "tilt sheared back" in page.text
    assert len(page.all("img")) == len(_outline(base, small_scan).all("img"))


def test_a_silent_header_is_said_to_be_silent(make_prediction: Make, small_scan: Scan) -> None:
    text = _outline(make_prediction(acquisition=Acquisition(format="NIfTI")), small_scan).text
    assert "Kernel not told by the file" in text
    assert "Contrast agent none named in the header" in text


def test_the_page_is_accessible(make_prediction: Make, small_scan: Scan) -> None:
    page = _outline(make_prediction(), small_scan)
    levels = [int(tag[1]) for tag, _ in page.all("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    for _, attributes in page.all("img"):
        assert len(attributes["alt"] or "") > 20
        assert attributes["width"]
        assert attributes["height"]
    for _, attributes in page.all("th"):
        assert attributes["scope"] in ("row", "col")
    assert len(page.all("table")) == len(page.all("caption"))
    identifiers = [a["id"] for _, a in page.tags if "id" in a]
    assert len(identifiers) == len(set(identifiers))
    references = [a["aria-labelledby"] for _, a in page.tags if "aria-labelledby" in a]
    assert set(references) <= set(identifiers)
    assert ("html", {"lang": "en"}) in page.tags


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(
    ("ink", "paper"),
    [
        ("#1b2530", "#f4f6f8"), ("#4d5a66", "#ffffff"), ("#4d5a66", "#f4f6f8"), ("#0b5cad", "#ffffff"),
        ("#8c1d18", "#fff3c4"), ("#8c1d18", "#fdecea"), ("#17603a", "#e3f1e8"), ("#6d4400", "#fff0cc"),
        ("#ffffff", "#8c1d18"),
    ],
)  # fmt: skip
def test_colours_have_the_contrast_that_wcag_asks_for(ink: str, paper: str) -> None:
    css = (resources.files("spiroct.reporting") / "templates" / "report.css").read_text(encoding="utf-8")
    assert ink.replace("#ffffff", "#fff") in css
    bright, dark = sorted((_luminance(ink), _luminance(paper)), reverse=True)
    assert (bright + 0.05) / (dark + 0.05) >= 4.5  # WCAG 2.2, 1.4.3, level AA


def test_unmeasurable_biomarkers_say_why(make_prediction: Make, small_scan: Scan) -> None:
    base = make_prediction()
    gone = tuple(
        dataclasses.replace(b, value=None, reason="there is no left lung") if b.region == "left_lung" else b
        for b in base.biomarkers
    )
    text = _outline(make_prediction(biomarkers=gone), small_scan).text
    assert "Left lung \u2013 L There is no left lung." in text


def test_a_prediction_without_checks_ratios_or_alternatives_still_makes_a_page(
    make_prediction: Make, small_scan: Scan
) -> None:
    bare = make_prediction(quality=(), derived={}, baselines=(), estimates={}, biomarkers=(), pattern_reason=None)
    text = _outline(bare, small_scan).text
    assert "no checks were made" in text
    assert "Not given: no pattern could be told." in text


def test_passed_checks_are_named_in_a_line_and_told_on_demand(make_prediction: Make, small_scan: Scan) -> None:
    passed = Verdict("mask_leak", Outcome.PASS, "0 mL", "at most 12 mL", "The mask holds no air but the lungs'")
    warned = Verdict("kernel", Outcome.WARN, "B70f", "a soft kernel", "Noise counts as emphysema", "Use another")
    html = render_report(make_prediction(quality=(passed, warned)), *small_scan)
    before, after = html.split('<details class="passed"', 1)
    assert "Noise counts as emphysema" in before
    assert "No other air in the outlines" in after.split("</summary>")[0]
    assert "at most 12 mL" in after.split("</details>")[0]
    assert '<details class="passed"' not in render_report(make_prediction(quality=(warned,)), *small_scan)


@pytest.mark.slow
def test_a_usual_scan_takes_under_three_seconds_and_two_megabytes(make_prediction: Make, tmp_path: Path) -> None:
    shape = (133, 512, 512)
    generator = np.random.default_rng(0)
    hu = generator.normal(-700, 120, shape).astype(np.float32)  # noise is the hardest thing to compress
    labels = np.zeros(shape, np.uint8)
    labels[10:120, 120:400, 60:240], labels[10:120, 120:400, 280:460] = 1, 2
    geometry = Geometry(shape, (2.5, 0.86, 0.86))
    began = time.perf_counter()
    write_report(make_prediction(), CTVolume(hu, geometry), LabelMap(labels, geometry), tmp_path / "report.html")
    assert time.perf_counter() - began < 3
    assert (tmp_path / "report.html").stat().st_size < 2e6
