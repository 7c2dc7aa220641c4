"""The patient's record: checked, changed one cause at a time, the same through JSON."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiroct.documents import to_json
from spiroct.errors import InputError, UsageError
from spiroct.phantom.causes import PATTERNS, RANGES
from spiroct.phantom.patient import PhantomPatient
from spiroct.phantom.physiology import draw_patient


@pytest.fixture
def patient() -> PhantomPatient:
    return PhantomPatient(patient_id="P", seed=0, index=0, ild_extent=0.2)


@given(seed=st.integers(0, 2**40), index=st.integers(0, 2**20), site=st.sampled_from("AB"))
def test_survives_json(seed: int, index: int, site: str) -> None:
    drawn = draw_patient(seed, index, site=site, without=("emphysema",))
    assert PhantomPatient.from_document(json.loads(to_json(drawn.to_document()))) == drawn


def test_one_cause_changes_alone(patient: PhantomPatient) -> None:
    changed = patient.changed(ild_extent="0.3", kernel="sharp")
    assert changed.ild_extent == 0.3
    assert changed.kernel == "sharp"
    assert changed.changed(ild_extent=0.2, kernel="soft") == patient


def test_a_changed_pattern_makes_room(patient: PhantomPatient) -> None:
    changed = patient.changed(ild_honeycombing=0.55)
    assert sum(getattr(changed, name) for name in PATTERNS) == pytest.approx(1)
    assert changed.ild_ground_glass / changed.ild_reticulation == pytest.approx(0.5 / 0.4)
    pure = patient.changed(ild_ground_glass=1).changed(ild_honeycombing=0.5)  # no proportion among two zeros
    assert pure.ild_ground_glass == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("value", "kind"),
    [("true", "pah"), ("no", "pah"), ("7", "anatomy_seed"), ("none", "padding_hu"), ("emphysema", "without")],
)
def test_text_becomes_the_fields_type(patient: PhantomPatient, value: str, kind: str) -> None:
    expected: Any = {"true": True, "no": False, "7": 7, "none": None, "emphysema": ("emphysema",)}[value]
    assert getattr(patient.changed(**{kind: value}), kind) == expected


def test_an_unknown_cause_lists_the_known(patient: PhantomPatient) -> None:
    with pytest.raises(UsageError, match=r"'ild_extend' \(did you mean ild_extent\?\).*ild_basal.*effort"):
        patient.changed(ild_extend=0.3)
    with pytest.raises(UsageError, match="cause 'seed'"):
        patient.changed(seed=3)
    with pytest.raises(UsageError, match=r"effect 'height'.*chest_wall_stiffness"):
        patient.changed(without="height")


@pytest.mark.parametrize(
    ("causes", "says"),
    [
        ({"ild_extent": 0.9}, "ild_extent 0.9: it is 0 to 0.8"),
        ({"ild_extent": "much"}, "ild_extent 'much': it is a finite number"),
        ({"ild_extent": float("nan")}, "it is a finite number"),
        ({"ild_extent": True}, "it is a finite number"),
        ({"pah": "maybe"}, "pah 'maybe': it is true or false"),
        ({"sex": "W"}, "sex 'W': it is one of F, M"),
        ({"kernel": "B40f"}, "one of soft, standard, sharp"),
        ({"variant": 3}, "variant 3: it is 1 to 2"),
        ({"ild_ground_glass": 0.9, "ild_honeycombing": 0.3}, "sum to 1"),
        (dict.fromkeys(PATTERNS, 0.5), "sum to 1"),
    ],
)
def test_impossible_values_are_refused(patient: PhantomPatient, causes: dict[str, object], says: str) -> None:
    with pytest.raises(InputError) as refused:
        patient.changed(**causes)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d.pop("age"), "p.json, field 'age': it is missing"),
        (lambda d: d.update(colour="red"), "p.json, field 'colour': there is no such field"),
        (lambda d: d.update(age="old"), "p.json, age 'old': it is a finite number"),
        (lambda d: d.update(schema="x"), "its schema is not"),
        (lambda d: d.update(schema_version=99), "schema version 99"),
        (lambda d: d.update(without="emphysema"), "it is a list of words"),
    ],
)
def test_a_wrong_record_names_the_field(patient: PhantomPatient, change: Any, says: str) -> None:
    document = patient.to_document()
    change(document)
    with pytest.raises(InputError) as refused:
        PhantomPatient.from_document(document, source="p.json")
    assert says in str(refused.value)


def test_a_list_is_no_record() -> None:
    with pytest.raises(InputError, match="schema"):
        PhantomPatient.from_document([])


@given(index=st.integers(0, 5000), preset=st.sampled_from(("ssc", "healthy")))
def test_draws_stay_inside_the_ranges_that_a_renderer_must_know(index: int, preset: str) -> None:
    drawn = draw_patient(3, index, preset=preset)
    for name, (low, high) in RANGES.items():
        value = getattr(drawn, name)
        assert value is None or low <= value <= high
