"""Units: conversions, and values that look like another unit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiroct.errors import DemographicsError, InputError
from spiroct.pft.demographics import Demographics, Ethnicity, Sex, check_person
from spiroct.pft.measures import Measure
from spiroct.pft.units import absolute_value, dlco_to_si, dlco_to_traditional


@given(st.floats(0.1, 30))
def test_dlco_round_trip(value: float) -> None:
    assert dlco_to_si(dlco_to_traditional(value)) == pytest.approx(value, rel=1e-15)


def test_the_papers_mean_dlco() -> None:
    assert dlco_to_traditional(5.55) == pytest.approx(16.6, abs=0.03)  # paper-notes: 5.55 = 16.6 mL/min/mmHg


@pytest.mark.parametrize(
    ("measure", "value", "unit", "words"),
    [
        (Measure.FVC, 3320, None, ["3320", "looks like mL"]),
        (Measure.DLCO, 45.0, "mmol/min/kPa", ["45", "looks like mL/min/mmHg"]),
        (Measure.TLC, 0.1, None, ["0.1", "between"]),
        (Measure.FEV1, -1.0, None, ["-1", "positive"]),
        (Measure.FEV1, float("nan"), None, ["nan", "positive"]),
        (Measure.DLCO, 5.6, "mL/s", ["mL/s", "mmol/min/kPa"]),
        (Measure.FVC, 3.3, "mL/min/mmHg", ["mL/min/mmHg", "L"]),
    ],
)
def test_implausible_values(measure: Measure, value: float, unit: str | None, words: list[str]) -> None:
    with pytest.raises(InputError) as refusal:
        absolute_value(measure, value, unit)
    assert all(word in str(refusal.value) for word in words), str(refusal.value)


def test_values_come_back_in_spirocts_unit() -> None:
    assert absolute_value(Measure.DLCO, 16.6, "mL/min/mmHg") == pytest.approx(5.5585, abs=1e-4)
    assert absolute_value(Measure.FVC, 3.3) == 3.3


def test_measures_know_their_unit_and_name() -> None:
    assert Measure.from_name(" dlco ") is Measure.DLCO
    assert {m.unit for m in Measure} == {"mmol/min/kPa", "L"}
    assert Measure.TLC.plain_name == "total lung capacity"
    with pytest.raises(InputError, match="DLCO, FEV1, FVC, TLC"):
        Measure.from_name("KCO")


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ({"height_cm": 1.68}, ["1.68", "metres", "168"]),
        ({"height_cm": 66.0}, ["66", "inches", "168"]),
        ({"height_cm": 99.0}, ["99", "100 to 230"]),
        ({"height_cm": 231.0}, ["231", "100 to 230"]),
        ({"age": 534.0}, ["534", "120"]),
        ({"age": 0.0}, ["0", "120"]),
        ({"sex": "W"}, ["W", "F or M"]),
        ({"ethnicity": "martian"}, ["martian", "caucasian"]),
    ],
)
def test_people_who_cannot_be(given_: dict[str, object], words: list[str]) -> None:
    with pytest.raises(DemographicsError) as refusal:
        check_person(**given_)
    assert all(word in str(refusal.value) for word in words), str(refusal.value)


def test_equations_accept_whoever_their_tables_cover() -> None:
    assert Demographics("F", 4.0, 98.0).height_cm == 98.0
    with pytest.raises(DemographicsError, match="positive"):
        Demographics(height_cm=-3.0)


def test_plain_words_become_members() -> None:
    person = check_person(sex="F", ethnicity="ne_asian")
    assert (person.sex, person.ethnicity) == (Sex.FEMALE, Ethnicity.NE_ASIAN)
    assert person.missing == ("age", "height")
