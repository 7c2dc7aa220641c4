"""Estimates, biomarkers and verdicts as a DICOM Comprehensive 3D SR after template TID 1500."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from highdicom import sr
from highdicom.coding_schemes import CodingSchemeIdentificationItem
from pydicom.sr.codedict import codes

from spiroct.inference.prediction import Derived, Interpreted, Prediction
from spiroct.interchange import vocabulary
from spiroct.interchange.coding import DESIGNATOR, SCHEME_NAME, SCHEME_UID
from spiroct.interchange.identity import MANUFACTURER, MODEL_NAME, Identity
from spiroct.interchange.source import SourceSeries
from spiroct.pft.measures import Measure
from spiroct.quality.verdict import Outcome, Verdict

_SIDES = {"right_lung": (codes.SCT.Right, 1), "left_lung": (codes.SCT.Left, 2), "lungs": (None, None)}
_OUTCOMES = {
    Outcome.PASS: vocabulary.own("PASS", "Passed"),
    Outcome.WARN: vocabulary.own("WARN", "Warning"),
    Outcome.FAIL: vocabulary.own("FAIL", "Failed"),
}


def structured_report(
    prediction: Prediction, source: SourceSeries, identity: Identity, lungs: Any, *, number: int
) -> Any:
    """Make the measurement report of one scan.

    Every lung function measure is a group (TID 1501) of numbers with UCUM units: estimate, interval, predicted,
    %predicted, z-score, lower and upper limit of normal. The biomarkers of a lung are a group that points to its
    segment (TID 1411). Numbers stand with full precision in Floating Point Value.

    Parameters
    ----------
    prediction : Prediction
        What is reported.
    source : SourceSeries
        Whose study it joins; all its slices are the evidence.
    identity : Identity
        UIDs and maker.
    lungs : highdicom.seg.Segmentation
        Of this result: segment 1 right lung, 2 left lung.
    number : int
        Series number.

    Returns
    -------
    highdicom.sr.Comprehensive3DSR
        Complete, neither final nor verified: no person has looked at it.
    """
    algorithm = sr.AlgorithmIdentification(
        name=prediction.model.name[:64],
        version=identity.version,
        family=codes.DCM.ArtificialIntelligence,
        manufacturer=MANUFACTURER,
        parameters=[f"checkpoint SHA-256 {prediction.model.hash}"],
    )
    groups = [
        *(_measure_group(m, e, prediction, identity, algorithm) for m, e in prediction.estimates.items()),
        *(_supplied_group(m, e, identity) for m, e in prediction.measured.items()),
        _summary_group(prediction, identity, algorithm),
        *_biomarker_groups(prediction, source, identity, lungs),
        _quality_group(prediction, identity),
    ]
    observer = sr.DeviceObserverIdentifyingAttributes(
        uid=identity.uid("device"), name="spiroct", manufacturer_name=MANUFACTURER, model_name=MODEL_NAME,
        serial_number=identity.serial,
    )  # fmt: skip
    context = sr.ObservationContext(
        observer_device_context=sr.ObserverContext(
            observer_type=codes.DCM.Device, observer_identifying_attributes=observer
        )
    )
    report = sr.MeasurementReport(
        observation_context=context,
        procedure_reported=codes.SCT.ComputedTomography,
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )
    scheme = CodingSchemeIdentificationItem(
        designator=DESIGNATOR,
        name=SCHEME_NAME,
        uid=SCHEME_UID,
    )
    document = sr.Comprehensive3DSR(
        evidence=[*source.slices, lungs],
        content=report,
        is_complete=True,
        coding_schemes=[scheme],
        series_description=identity.described("spiroct lung function from CT"),
        **identity.equipment("report", number),
    )
    document.SpecificCharacterSet = "ISO_IR 192"  # check texts carry superscripts and dashes
    return document


def _measure_group(
    measure: Measure, estimate: Interpreted, prediction: Prediction, identity: Identity, algorithm: Any
) -> Any:
    numbers = [
        (vocabulary.estimated(measure), estimate.value, measure.unit),
        (vocabulary.INTERVAL_LOWER, estimate.lower, measure.unit),
        (vocabulary.INTERVAL_UPPER, estimate.upper, measure.unit),
        (vocabulary.INTERVAL_LEVEL, _percent(estimate.level), "%"),
        *_interpretation(estimate, measure),
    ]
    evaluations = [_use(prediction)]
    if estimate.against_lln is not None:
        place = vocabulary.own(estimate.against_lln.upper()[:16], estimate.against_lln)
        evaluations.append(sr.QualitativeEvaluation(name=vocabulary.AGAINST_LLN, value=place))
    texts = [
        (vocabulary.EQUATION, estimate.equation),
        (vocabulary.REASON, estimate.reason),
        (vocabulary.REASON, estimate.interval_reason and f"No interval: {estimate.interval_reason}"),
    ]
    return _group(
        f"{measure} estimate", identity, numbers, evaluations, texts, algorithm=algorithm,
        finding=vocabulary.own(str(measure), measure.plain_name), method=vocabulary.NETWORK_METHOD,
    )  # fmt: skip


def _supplied_group(measure: Measure, value: Interpreted, identity: Identity) -> Any:
    numbers = [(vocabulary.supplied(measure), value.value, measure.unit), *_interpretation(value, measure)]
    return _group(
        f"{measure} supplied", identity, numbers, [], [(vocabulary.EQUATION, value.equation)],
        finding=vocabulary.own(str(measure), measure.plain_name), method=vocabulary.SUPPLIED_METHOD,
    )  # fmt: skip


def _summary_group(prediction: Prediction, identity: Identity, algorithm: Any) -> Any:
    numbers = [row for name, ratio in prediction.derived.items() for row in _ratio(name, ratio)]
    pattern = ", ".join(part for part in (prediction.pattern, prediction.severity) if part)
    texts = [
        (vocabulary.PATTERN, pattern or f"Not given: {prediction.pattern_reason}"),
        (vocabulary.MODEL, f"{prediction.model.name}, trained on {prediction.model.trained_on}"),
        (vocabulary.INTENDED_USE, prediction.model.intended_use),
        *((vocabulary.OVERRIDE, text) for text in prediction.overrides),
        *((vocabulary.REASON, f"{name}: {r.reason}") for name, r in prediction.derived.items() if r.reason),
    ]
    return _group(
        "Summary of the estimates", identity, numbers, [_use(prediction)], texts, algorithm=algorithm,
        finding=vocabulary.own("SUMMARY", "Ratios and pattern of the estimates"), method=vocabulary.NETWORK_METHOD,
    )  # fmt: skip


def _biomarker_groups(prediction: Prediction, source: SourceSeries, identity: Identity, lungs: Any) -> Iterable[Any]:
    for region, (side, segment) in _SIDES.items():
        found = [b for b in prediction.biomarkers if b.region == region]
        numbers = [(_biomarker_name(b.name), b.value, b.unit) for b in found]
        if not any(value is not None for _, value, _ in numbers):
            continue
        segmented: dict[str, Any] = {}
        if segment is not None:
            segmented["referenced_segment"] = sr.ReferencedSegment(
                sop_class_uid=lungs.SOPClassUID,
                sop_instance_uid=lungs.SOPInstanceUID,
                segment_number=segment,
                source_series=sr.SourceSeriesForSegmentation(str(source.first.SeriesInstanceUID)),
            )
        texts = [(vocabulary.REASON, f"{b.name}: {b.reason}") for b in found if b.reason]
        yield _group(
            f"CT measurements, {region.replace('_', ' ')}", identity, numbers, [], texts, side=side,
            finding=codes.SCT.Lung, method=vocabulary.CT_METHOD, segmented=segmented,
        )  # fmt: skip


def _quality_group(prediction: Prediction, identity: Identity) -> Any:
    evaluations = [sr.QualitativeEvaluation(name=_check(v), value=_OUTCOMES[v.outcome]) for v in prediction.quality]
    texts = [
        (_check(v), f"{v.meaning}. Found: {v.value}. Rule: {v.limit}. {v.remedy}".strip())
        for v in prediction.quality
        if v.outcome is not Outcome.PASS
    ]
    return _group(
        "Quality of scan and outlines", identity, [], evaluations, texts,
        finding=vocabulary.own("QUALITY", "Quality of scan and lung outlines"), method=vocabulary.CT_METHOD,
    )  # fmt: skip


def _group(
    name: str,
    identity: Identity,
    numbers: Sequence[tuple[Any, float | None, str]],
    evaluations: Sequence[Any],
    texts: Sequence[tuple[Any, str | None]],
    *,
    finding: Any,
    method: Any,
    algorithm: Any = None,
    side: Any = None,
    segmented: dict[str, Any] | None = None,
) -> Any:
    """Make a measurement group; what is missing has no row, its reason a text."""
    kind = (
        sr.VolumetricROIMeasurementsAndQualitativeEvaluations if segmented else sr.MeasurementsAndQualitativeEvaluations
    )
    group = kind(
        tracking_identifier=sr.TrackingIdentifier(uid=identity.uid("tracking", name), identifier=name),
        finding_type=finding,
        method=method,
        algorithm_id=algorithm,
        finding_sites=[sr.FindingSite(anatomic_location=codes.SCT.Lung, laterality=side)],
        measurements=[
            sr.Measurement(name=code, value=float(value), unit=vocabulary.unit(unit))
            for code, value, unit in numbers
            if value is not None
        ],
        qualitative_evaluations=evaluations,
        **(segmented or {}),
    )
    for code, text in texts:
        if text:
            item = sr.TextContentItem(name=code, value=text, relationship_type=sr.RelationshipTypeValues.CONTAINS)
            group[0].ContentSequence.append(item)
    return group


def _interpretation(value: Interpreted, measure: Measure) -> list[tuple[Any, float | None, str]]:
    return [
        (vocabulary.PREDICTED, value.predicted, measure.unit),
        (vocabulary.PERCENT_PREDICTED, value.percent_predicted, "%"),
        (vocabulary.Z_SCORE, value.z_score, "z-score"),
        (vocabulary.LLN, value.lln, measure.unit),
        (vocabulary.ULN, value.uln, measure.unit),
    ]


def _ratio(name: str, ratio: Derived) -> list[tuple[Any, float | None, str]]:
    short = name.replace("/", "-")
    return [
        (vocabulary.own(f"{short}-CT", f"{name} estimated from chest CT"), ratio.value, ratio.unit),
        (vocabulary.own(f"{short}-LOWER", f"{name}: lower end of the interval"), ratio.lower, ratio.unit),
        (vocabulary.own(f"{short}-UPPER", f"{name}: upper end of the interval"), ratio.upper, ratio.unit),
        (vocabulary.own(f"{short}-LLN", f"{name}: lower limit of normal"), ratio.lln, ratio.unit),
        (vocabulary.own(f"{short}-Z-SCORE", f"{name}: z-score"), ratio.z_score, "z-score"),
    ]


def _use(prediction: Prediction) -> Any:
    demonstration = prediction.model.demonstration_only or prediction.interpretation == "demonstration only"
    value = vocabulary.DEMONSTRATION if demonstration else vocabulary.RESEARCH
    return sr.QualitativeEvaluation(name=vocabulary.INTENDED_USE, value=value)


def _check(verdict: Verdict) -> Any:
    return vocabulary.own(verdict.check.upper().replace("_", "-"), verdict.check.replace("_", " "))


def _biomarker_name(name: str) -> Any:
    return codes.SCT.Volume if name == "volume" else vocabulary.own(name.upper(), name.replace("_", " "))


def _percent(level: float | None) -> float | None:
    return None if level is None else 100 * level
