"""One result as a FHIR R4 bundle: an Observation for each measure, a DiagnosticReport and the Device that made them."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from spiroct.documents import finite_or_none
from spiroct.inference.prediction import Interpreted, Prediction
from spiroct.interchange.coding import SCHEME_UID, UNITS
from spiroct.interchange.identity import MANUFACTURER, Identity
from spiroct.pft.measures import Measure

UCUM = "http://unitsofmeasure.org"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_AGAINST_LLN = {"below": ("L", "Low"), "above": ("N", "Normal"), "indeterminate": ("IND", "Indeterminate")}


@dataclass(frozen=True)
class Subject:
    """Whose result it is, as far as the scan tells.

    Parameters
    ----------
    patient_id : str or None
        Number of the patient in the scan's header; never a name.
    study_uid : str or None
        StudyInstanceUID of the scan.
    study_date : str or None
        ``YYYYMMDD``.
    """

    patient_id: str | None = None
    study_uid: str | None = None
    study_date: str | None = None


def fhir_bundle(prediction: Prediction, subject: Subject, *, pdf: bytes | None = None) -> dict[str, Any]:
    """Make the bundle of one scan; the same result gives the same document.

    Everything has the status ``preliminary``: no person has looked at it. Results of a network trained on simulated
    patients carry the security label ``HTEST`` (test health data) as well as the words.

    Parameters
    ----------
    prediction : Prediction
        What is reported.
    subject : Subject
        Referred to by identifiers alone, so that the receiving system resolves them.
    pdf : bytes, optional
        The report, presented with the DiagnosticReport.

    Returns
    -------
    dict
        Plain data of a Bundle of type ``collection`` (FHIR R4, 4.0.1).
    """
    identity = Identity.of(prediction)
    common = _common(prediction, subject, identity)
    observations = [
        _entry(identity, f"observation-{m}", _observation(m, e, prediction, common))
        for m, e in prediction.estimates.items()
    ]
    report: dict[str, Any] = {
        "resourceType": "DiagnosticReport",
        "category": [{"coding": [{"system": f"{_TERMINOLOGY}/v2-0074", "code": "RAD", "display": "Radiology"}]}],
        "code": _own("SUMMARY", "Lung function estimated from chest CT"),
        "result": [{"reference": entry["fullUrl"]} for entry in observations],
        "conclusion": _conclusion(prediction),
        **{key: common[key] for key in ("meta", "status", "subject", "effectiveDateTime") if key in common},
    }
    if subject.study_uid:
        report["imagingStudy"] = [_study(subject.study_uid)]
    if pdf is not None:
        data = base64.b64encode(pdf).decode("ascii")
        report["presentedForm"] = [
            {"contentType": "application/pdf", "title": "Lung function from chest CT", "data": data}
        ]
    return {
        "resourceType": "Bundle",
        "id": str(identity.uuid("bundle")),
        "type": "collection",
        "entry": [
            _entry(identity, "report", report),
            *observations,
            _entry(identity, "device", _device(prediction, identity)),
        ],
    }


def _common(prediction: Prediction, subject: Subject, identity: Identity) -> dict[str, Any]:
    """Collect what all Observations say alike."""
    who = {"identifier": {"value": subject.patient_id}} if subject.patient_id else {}
    common: dict[str, Any] = {
        "status": "preliminary",
        "subject": {**who, "display": f"Patient of the scan {prediction.scan_id}"},
        "device": {"reference": f"urn:uuid:{identity.uuid('device')}"},
    }
    if identity.demonstration:
        label = {"system": f"{_TERMINOLOGY}/v3-ActReason", "code": "HTEST", "display": "test health data"}
        common["meta"] = {"security": [label]}
    date = subject.study_date or ""
    if len(date) == 8 and date.isdigit():
        common["effectiveDateTime"] = f"{date[:4]}-{date[4:6]}-{date[6:]}"
    if subject.study_uid:
        common["derivedFrom"] = [_study(subject.study_uid)]
    return common


def _observation(
    measure: Measure, estimate: Interpreted, prediction: Prediction, common: dict[str, Any]
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "resourceType": "Observation",
        "category": [{"coding": [{"system": f"{_TERMINOLOGY}/observation-category", "code": "imaging"}]}],
        "code": _own(f"{measure}-CT", f"{measure} ({measure.plain_name}) estimated from chest CT"),
        "method": _own("CT-NETWORK", "Estimation from a chest CT by a neural network"),
        "note": [{"text": text} for text in _notes(estimate, prediction)],
        **common,
    }
    if estimate.value is None:
        found["dataAbsentReason"] = {"text": estimate.reason or "not estimated"}
    else:
        found["valueQuantity"] = _quantity(estimate.value, measure.unit)
    if estimate.against_lln is not None:
        code, display = _AGAINST_LLN[estimate.against_lln]
        coding = {"system": f"{_TERMINOLOGY}/v3-ObservationInterpretation", "code": code, "display": display}
        found["interpretation"] = [{"coding": [coding], "text": f"{estimate.against_lln} the lower limit of normal"}]
    if estimate.lln is not None:
        limits = {"low": _quantity(estimate.lln, measure.unit), "text": estimate.equation or "reference equation"}
        if estimate.uln is not None:
            limits["high"] = _quantity(estimate.uln, measure.unit)
        found["referenceRange"] = [limits]
    parts = (
        ("INTERVAL-LOWER", "Lower end of the interval", estimate.lower, measure.unit),
        ("INTERVAL-UPPER", "Upper end of the interval", estimate.upper, measure.unit),
        ("PREDICTED", "Predicted by the reference equation", estimate.predicted, measure.unit),
        ("PERCENT-PREDICT", "Percent of predicted", estimate.percent_predicted, "%"),
        ("Z-SCORE", "z-score against the reference equation", estimate.z_score, "z-score"),
    )
    components = [
        {"code": _own(code, text), "valueQuantity": _quantity(value, unit)}
        for code, text, value, unit in parts
        if value is not None
    ]
    if components:
        found["component"] = components
    return found


def _notes(estimate: Interpreted, prediction: Prediction) -> list[str]:
    model = f"Model: {prediction.model.name}, trained on {prediction.model.trained_on}."
    notes = [f"{prediction.interpretation.capitalize()}. {model}"]
    if estimate.level is not None:
        notes.append(f"The interval holds {100 * estimate.level:g} % of such patients.")
    if estimate.reason:
        notes.append(f"{estimate.reason}.")
    if estimate.interval_reason:
        notes.append(f"No interval: {estimate.interval_reason}.")
    notes += [f"Check overridden: {text}" for text in prediction.overrides]
    return notes + [
        f"Quality {v.outcome.value}: {v.check.replace('_', ' ')}: {v.meaning}."
        for v in prediction.quality
        if v.outcome.value != "pass"
    ]


def _conclusion(prediction: Prediction) -> str:
    pattern = ", ".join(part for part in (prediction.pattern, prediction.severity) if part)
    told = f"Pattern of the estimates (ERS/ATS 2022): {pattern or f'not given: {prediction.pattern_reason}'}."
    use = f"{prediction.interpretation.capitalize()}: {prediction.model.intended_use}."
    return f"{use} {told} Not a spirometry, and not seen by a physician."


def _device(prediction: Prediction, identity: Identity) -> dict[str, Any]:
    return {
        "resourceType": "Device",
        "status": "active",
        "manufacturer": MANUFACTURER,
        "deviceName": [{"name": f"spiroct, model {prediction.model.name}", "type": "model-name"}],
        "serialNumber": identity.serial,
        "type": {"text": "Software that estimates lung function from chest CT"},
        "version": [{"value": f"{name} {version}"} for name, version in sorted(prediction.versions.items())],
        "note": [{"text": f"{prediction.model.intended_use}. Checkpoint SHA-256 {prediction.model.hash}."}],
    }


def _entry(identity: Identity, name: str, resource: dict[str, Any]) -> dict[str, Any]:
    key = str(identity.uuid(name))
    return {"fullUrl": f"urn:uuid:{key}", "resource": {**resource, "id": key}}


def _study(uid: str) -> dict[str, Any]:
    """Refer to a DICOM study by its UID, as FHIR's ImagingStudy identifies it."""
    return {"type": "ImagingStudy", "identifier": {"system": "urn:dicom:uid", "value": f"urn:oid:{uid}"}}


def _own(code: str, text: str) -> dict[str, Any]:
    return {"coding": [{"system": f"urn:oid:{SCHEME_UID}", "code": code, "display": text}], "text": text}


def _quantity(value: float, unit: str) -> dict[str, Any]:
    return {"value": finite_or_none(value), "unit": unit, "system": UCUM, "code": UNITS[unit][0]}
