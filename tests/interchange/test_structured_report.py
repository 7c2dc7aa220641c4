"""The SR read back by pydicom and by highdicom: the numbers and units of prediction.json, to the last digit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import highdicom as hd
import pydicom
import pytest

UCUM = {"L": "L", "mmol/min/kPa": "mmol/min/kPa", "HU": "[hnsf'U]", "%": "%", "kg": "kg"}
ROWS = {
    "INTERVAL-LOWER": "lower", "INTERVAL-UPPER": "upper", "PREDICTED": "predicted",
    "PERCENT-PREDICT": "percent_predicted", "Z-SCORE": "z_score", "385524004": "lln", "371933006": "uln",
}  # fmt: skip


@pytest.fixture(scope="module")
def document(result: Path) -> dict[str, Any]:
    return json.loads((result / "prediction.json").read_text(encoding="utf-8"))


def expected(document: dict[str, Any], measure: str) -> dict[str, tuple[float, str]]:
    estimate = document["estimates"][measure]
    units = {"PERCENT-PREDICT": "%", "Z-SCORE": "1"}
    rows = {code: (estimate[key], units.get(code, UCUM[estimate["unit"]])) for code, key in ROWS.items()}
    rows |= {f"{measure}-CT": (estimate["value"], UCUM[estimate["unit"]]), "INTERVAL-LEVEL": (90.0, "%")}
    return rows


def code_of(item: Any) -> str:
    return str(item.get("CodeValue") or item.get("LongCodeValue"))


def groups(report: pydicom.Dataset) -> dict[str, pydicom.Dataset]:
    """Measurement groups by tracking identifier, found without any SR library."""
    found = {}
    for item in walk(report):
        if item.get("ConceptNameCodeSequence") and code_of(item.ConceptNameCodeSequence[0]) == "125007":
            (name,) = [c.TextValue for c in item.ContentSequence if code_of(c.ConceptNameCodeSequence[0]) == "112039"]
            found[name] = item
    return found


def walk(item: pydicom.Dataset) -> Iterator[pydicom.Dataset]:
    for child in item.get("ContentSequence", ()):
        yield child
        yield from walk(child)


def numbers(group: pydicom.Dataset) -> dict[str, tuple[float, str]]:
    return {
        code_of(c.ConceptNameCodeSequence[0]): (
            c.MeasuredValueSequence[0].FloatingPointValue,
            code_of(c.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0]),
        )
        for c in group.ContentSequence
        if c.ValueType == "NUM"
    }


@pytest.mark.parametrize("measure", ["DLCO", "FEV1", "FVC", "TLC"])
def test_pydicom_reads_every_number_and_unit(measure: str, result: Path, document: dict[str, Any]) -> None:
    report = pydicom.dcmread(result / "dicom/report.dcm")
    assert numbers(groups(report)[f"{measure} estimate"]) == expected(document, measure)


@pytest.mark.parametrize("measure", ["DLCO", "FEV1", "FVC", "TLC"])
def test_highdicom_reads_the_same(measure: str, result: Path, document: dict[str, Any]) -> None:
    report = hd.sr.srread(result / "dicom/report.dcm")
    found = report.content.get_image_measurement_groups()
    (group,) = [g for g in found if g.tracking_identifier == f"{measure} estimate"]
    read = {m.name.value: (m.value, m.unit.value) for m in group.get_measurements()}
    assert read == expected(document, measure)
    assert group.finding_sites[0].value.value == "39607008"


def test_biomarkers_point_to_their_segment(result: Path, document: dict[str, Any]) -> None:
    report = hd.sr.srread(result / "dicom/report.dcm")
    lungs = pydicom.dcmread(result / "dicom/segmentation-lungs.dcm", stop_before_pixels=True)
    found = report.content.get_volumetric_roi_measurement_groups()
    assert len(found) == 2
    for group in found:
        segment = group.referenced_segment
        assert segment.referenced_sop_instance_uid == lungs.SOPInstanceUID
        region = {1: "right_lung", 2: "left_lung"}[segment.referenced_segment_numbers[0]]
        wanted = {n.upper(): (b["value"], UCUM[b["unit"]]) for n, b in document["biomarkers"][region].items()}
        wanted["118565006"] = wanted.pop("VOLUME")
        assert {m.name.value: (m.value, m.unit.value) for m in group.get_measurements()} == wanted


def test_every_verdict_is_coded_and_the_label_stands_at_every_estimate(result: Path, document: dict[str, Any]) -> None:
    report = pydicom.dcmread(result / "dicom/report.dcm")
    found = groups(report)
    coded = {
        code_of(c.ConceptNameCodeSequence[0]): code_of(c.ConceptCodeSequence[0])
        for c in found["Quality of scan and outlines"].ContentSequence
        if c.ValueType == "CODE" and c.ConceptNameCodeSequence[0].CodingSchemeDesignator == "99SPIROCT"
    }
    assert coded == {v["check"].upper().replace("_", "-"): v["outcome"].upper() for v in document["quality"]}
    for name in ("DLCO estimate", "FEV1 estimate", "FVC estimate", "TLC estimate", "Summary of the estimates"):
        uses = [
            code_of(c.ConceptCodeSequence[0])
            for c in found[name].ContentSequence
            if code_of(c.ConceptNameCodeSequence[0]) == "INTENDED-USE" and c.ValueType == "CODE"
        ]
        assert uses == ["DEMONSTRATION"]
    assert report.SeriesDescription.startswith("DEMONSTRATION ONLY")


def test_a_supplied_measurement_is_told_apart_from_the_estimate(result: Path) -> None:
    found = numbers(groups(pydicom.dcmread(result / "dicom/report.dcm"))["FVC supplied"])
    assert found["FVC-SUPPLIED"] == (3.1, "L")
    assert "FVC-CT" not in found


def test_all_slices_are_the_evidence(result: Path, scan: Path) -> None:
    report = pydicom.dcmread(result / "dicom/report.dcm")
    slices = {pydicom.dcmread(f, stop_before_pixels=True).SOPInstanceUID for f in scan.iterdir()}
    cited = {
        r.ReferencedSOPInstanceUID
        for keyword in ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence")
        for study in report.get(keyword, ())
        for series in study.ReferencedSeriesSequence
        for r in series.ReferencedSOPSequence
    }
    assert slices < cited
    assert report.CompletionFlag == "COMPLETE"
    assert report.VerificationFlag == "UNVERIFIED"
