"""The FHIR bundle: valid by fhir.resources, the numbers of prediction.json, references that resolve."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pydicom
import pytest
from fhir.resources.R4B.bundle import Bundle

from spiroct.documents import to_json
from spiroct.inference.prediction_reading import read_prediction
from spiroct.interchange.fhir import Subject, fhir_bundle


@pytest.fixture(scope="module")
def bundle(result: Path) -> dict[str, Any]:
    return json.loads((result / "fhir.json").read_text(encoding="utf-8"))


def resources(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == kind]


def test_the_bundle_is_valid(bundle: dict[str, Any]) -> None:
    checked = Bundle.model_validate(bundle)
    kinds = [entry.resource.get_resource_type() for entry in checked.entry]
    assert kinds == ["DiagnosticReport", *["Observation"] * 4, "Device"]


def test_a_bundle_with_a_word_that_fhir_has_not_is_refused(bundle: dict[str, Any]) -> None:
    spoiled = json.loads(json.dumps(bundle))
    resources(spoiled, "Observation")[0]["valueNumber"] = 1
    with pytest.raises(ValueError, match="valueNumber"):
        Bundle.model_validate(spoiled)


def test_observations_carry_the_numbers_of_the_prediction(bundle: dict[str, Any], result: Path) -> None:
    document = json.loads((result / "prediction.json").read_text(encoding="utf-8"))
    for found in resources(bundle, "Observation"):
        measure = found["code"]["coding"][0]["code"].removesuffix("-CT")
        estimate = document["estimates"][measure]
        assert found["valueQuantity"]["value"] == estimate["value"]
        assert found["valueQuantity"]["code"] == estimate["unit"]
        assert found["referenceRange"][0]["low"]["value"] == estimate["lln"]
        parts = {c["code"]["coding"][0]["code"]: c["valueQuantity"]["value"] for c in found["component"]}
        names = {"INTERVAL-LOWER": "lower", "INTERVAL-UPPER": "upper", "PREDICTED": "predicted",
                 "PERCENT-PREDICT": "percent_predicted", "Z-SCORE": "z_score"}  # fmt: skip
        assert parts == {code: estimate[name] for code, name in names.items()}
        assert "Demonstration only" in found["note"][0]["text"]
        assert found["meta"]["security"][0]["code"] == "HTEST"
        assert found["status"] == "preliminary"


def test_references_resolve_and_lead_to_the_study(bundle: dict[str, Any], scan: Path) -> None:
    source = pydicom.dcmread(next(scan.iterdir()))
    urls = {entry["fullUrl"] for entry in bundle["entry"]}
    (report,) = resources(bundle, "DiagnosticReport")
    assert {r["reference"] for r in report["result"]} < urls
    assert {o["device"]["reference"] for o in resources(bundle, "Observation")} < urls
    assert report["imagingStudy"][0]["identifier"]["value"] == f"urn:oid:{source.StudyInstanceUID}"
    assert report["subject"]["identifier"]["value"] == source.PatientID
    assert report["effectiveDateTime"] == "2023-01-01"
    assert base64.b64decode(report["presentedForm"][0]["data"]).startswith(b"%PDF-")


def test_nobody_is_named_and_no_spirometry_is_pretended(bundle: dict[str, Any]) -> None:
    text = json.dumps(bundle)
    assert "SIMULATED^" not in text
    assert "loinc.org" not in text


def test_without_reference_values_and_without_a_study_it_is_valid_too(result: Path) -> None:
    import dataclasses

    prediction = read_prediction(result / "prediction.json")
    bare = {
        m: dataclasses.replace(
            e, value=None, predicted=None, percent_predicted=None, z_score=None, lln=None, uln=None, lower=None,
            upper=None, level=None, against_lln=None, reason="height is missing", interval_reason="nothing there",
        )
        for m, e in prediction.estimates.items()
    }  # fmt: skip
    made = fhir_bundle(dataclasses.replace(prediction, estimates=bare), Subject())
    Bundle.model_validate(json.loads(to_json(made)))
    assert {o["dataAbsentReason"]["text"] for o in resources(made, "Observation")} == {"height is missing"}
    assert "imagingStudy" not in resources(made, "DiagnosticReport")[0]
