"""Numbers and words for readers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from spiroct.pft.measures import Measure
from spiroct.reporting.measured import acquisition_facts, biomarker_table, patient_facts
from spiroct.reporting.wording import (
    check_name,
    found,
    number,
    printable,
    quantity,
    sentence,
    traditional,
    typeset,
)


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(-1.645, 1, "\u22121.6"), (None, 2, "\u2013"), (float("nan"), 2, "\u2013"), (-0.001, 2, "0.00"), (61.4, 0, "61")],
)
def test_numbers(value: float | None, digits: int, text: str) -> None:
    assert number(value, digits) == text


@given(st.floats(-1e4, 1e4))
def test_numbers_read_back_to_half_a_digit(value: float) -> None:
    assert float(number(value, 2).replace("\u2212", "-")) == pytest.approx(value, abs=0.005001)


def test_quantities_carry_their_unit() -> None:
    assert quantity(5.614, "L") == "5.61 L"
    assert quantity(-742.4, "HU") == "\u2212742 HU"
    assert quantity(0.847, "fraction") == "0.85"
    assert quantity(None, "L") == "\u2013"


def test_only_dlco_has_a_traditional_unit() -> None:
    assert traditional(Measure.DLCO, 5.55) == "16.6 mL/min/mmHg"  # the paper's own pair of numbers
    assert traditional(Measure.FVC, 3.3) is None
    assert traditional(Measure.DLCO, None) is None


def test_checks_are_typeset_and_named() -> None:
    assert typeset("4 cm2 at -1035 to -945 HU, LAA-950") == "4 cm² at \u22121035 to \u2212945 HU, LAA-950"
    assert check_name("mask_holes") == "No holes in the outlines"
    assert check_name("height_contradicts_header") == "Height contradicts header"


def test_words() -> None:
    assert found(3.87) == "3.87"
    assert found("B40f") == "B40f"
    assert found(None) == "\u2013"
    assert sentence("too thick") == "Too thick."
    assert sentence("Is it?") == "Is it?"
    assert sentence(None) == ""


@given(st.text())
def test_printable_text_hides_nothing_from_the_reader(text: str) -> None:
    shown = printable(text)
    assert all(c.isprintable() or c.isspace() or c == "\n" or not c.isascii() for c in shown)
    assert "\u202e" not in shown
    shown.encode("utf-8")


def test_printable_leaves_markup_and_numbers_alone() -> None:
    assert printable(Markup("<b>\x00</b>")) == Markup("<b>\x00</b>")
    assert printable(3) == 3


def test_facts_of_unusual_predictions(make_prediction) -> None:  # type: ignore[no-untyped-def]
    from spiroct.biomarkers.biomarker import Biomarker
    from spiroct.pft.demographics import Demographics

    prediction = make_prediction(
        demographics=Demographics("M", 40.0, 180.0, "ne_asian"),
        demographics_source={"sex": "given", "age": "given", "height_cm": "given"},
        biomarkers=(Biomarker("left_upper_lobe", "volume", 0.9, "L", "native"),),
    )
    facts = {f.name: f for f in patient_facts(prediction)}
    assert facts["Ethnicity (GLI-2012 only)"].text == "ne asian"
    assert facts["Height"].note == "given"
    table = biomarker_table(prediction)
    assert table.regions == ("Left upper lobe",)
    assert table.rows[0][:3] == ("Volume", "L", ("0.90",))
    voxels = next(f.text for f in acquisition_facts(prediction) if f.name.startswith("Voxels"))
    assert voxels == "64 \u00d7 48 \u00d7 40, each 4 \u00d7 4 \u00d7 5 mm"
