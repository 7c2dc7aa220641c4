"""``spiroct reference``: the document and the table."""

from __future__ import annotations

import pytest

from spiroct.errors import InputError
from spiroct.workflows.reference import reference

PERSON = {"sex": "F", "age": 53.4, "height": 168.0}


def test_the_document_keeps_the_contract() -> None:
    found = reference(**PERSON, dlco=5.6, fev1=2.6, fvc=3.3, tlc=4.9).to_document()
    assert found["schema"] == "spiroct.reference"
    assert set(found["measures"]) == {"DLCO", "FEV1", "FVC", "TLC"}
    tlc = found["measures"]["TLC"]
    assert {"value", "unit", "predicted", "percent_predicted", "z_score", "lln", "uln", "equation", "reason"} <= set(
        tlc
    )
    assert tlc["percent_predicted"] == pytest.approx(100 * 4.9 / tlc["predicted"])
    assert found["pattern"] == "normal"
    assert found["severity"]["DLCO"] == "normal"
    assert found["derived"]["FEV1/FVC"]["value"] == pytest.approx(2.6 / 3.3)


def test_a_restrictive_patient() -> None:
    found = reference(**PERSON, fev1=1.6, fvc=1.8, tlc=3.2)
    assert found.pattern == "restriction"
    assert found.severities["TLC"] in {"moderate", "severe"}
    assert "pattern (ERS/ATS 2022): restriction" in found.to_table()


def test_without_values_the_reference_alone_and_no_pattern() -> None:
    found = reference(**PERSON)
    assert found.pattern is None
    assert "needs FEV1 and FVC" in found.pattern_reason
    assert found.measures["FVC"].predicted > 0
    assert "gli" not in found.to_table().lower().replace("gli-2017", "").replace("gli global", "").replace(
        "gli-2021", ""
    )


def test_dlco_in_the_unit_it_was_given_in() -> None:
    found = reference(**PERSON, dlco=16.6, dlco_unit="mL/min/mmHg").measures["DLCO"]
    assert found.unit == "mL/min/mmHg"
    assert found.predicted == pytest.approx(21.4, abs=0.2)


def test_an_implausible_value_is_refused() -> None:
    with pytest.raises(InputError, match="looks like mL"):
        reference(**PERSON, fvc=3320)
    with pytest.raises(InputError, match="furlongs"):
        reference(**PERSON, dlco_unit="furlongs")


def test_a_missing_height_is_explained_in_the_table() -> None:
    table = reference(sex="F", age=50.0, fvc=3.0).to_table()
    assert "note: height missing" in table
