"""From a scan that was read to its prediction: the steps that one scan and a cohort share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spiroct.attribution.method import Subject, subject_of
from spiroct.biomarkers.biomarker import Biomarker
from spiroct.biomarkers.lungs import lung_biomarkers
from spiroct.checkpoints.baselines import NETWORK, RUNGS
from spiroct.checkpoints.checkpoint import Checkpoint
from spiroct.checkpoints.readings import readings_of
from spiroct.documents import finite_or_none, write_json
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.imaging.writing import write_nifti
from spiroct.inference.prediction import Baseline, ModelLine, Prediction
from spiroct.inference.predictor import Predictor
from spiroct.pft.demographics import Demographics
from spiroct.pft.measures import Measure
from spiroct.pft.reference import DEFAULT_EQUATIONS, interpret
from spiroct.preprocessing.recipe import Region
from spiroct.quality.verdict import Verdict
from spiroct.reporting.page import write_report
from spiroct.reporting.table import write_predictions
from spiroct.segmentation.vessels import segment_vessels
from spiroct.workflows.examine import Examined, examine
from spiroct.workflows.interpretation import (
    NO_PATTERN,
    NO_RESIDUALS,
    TOO_FEW,
    absolute_estimates,
    classify,
    derived_ratios,
    interpret_values,
)
from spiroct.workflows.stages import Stage, begin
from spiroct.workflows.versions import result_versions

RUNG_MEANINGS = {
    "cohort_mean": "The mean of the patients that the network was trained on",
    "demographics": "A regression on sex, age and height, fitted on the network's training patients",
    "lung_volume": "A regression on CT lung volume, fitted on the network's training patients",
    "lung_volume_perc85": "A regression on CT lung volume and Perc85, fitted on the network's training patients",
    "lung_volume_perc85_demographics": "A regression on CT lung volume, Perc85, sex, age and height, fitted on the "
    "network's training patients",
    "network_demographics": "The network's estimate corrected for sex, age and height by a regression",
}


@dataclass(frozen=True)
class Person:
    """Whose scan it is.

    Parameters
    ----------
    demographics : Demographics
        As used.
    sources : dict of str to str
        Where sex, age and height came from.
    contradictions : tuple of Verdict
        Where two sources disagree.
    measured : dict of Measure to float
        Measured lung function, in each measure's unit.
    """

    demographics: Demographics
    sources: dict[str, str]
    contradictions: tuple[Verdict, ...]
    measured: dict[Measure, float]


@dataclass(frozen=True, eq=False)
class SeenScan:
    """A scan that was examined and shown to the networks.

    Parameters
    ----------
    examined : Examined
        Scan, lungs and checks.
    subject : Subject
        The networks' input, and what they made of it.
    biomarkers : tuple of Biomarker
        Of the lungs.
    vessels : LabelMap or None
        What networks that see vessels saw.
    """

    examined: Examined
    subject: Subject
    biomarkers: tuple[Biomarker, ...]
    vessels: LabelMap | None


def see_scan(
    volume: CTVolume,
    scan: Path,
    *,
    predictor: Predictor,
    demographics: Demographics,
    equations: str = DEFAULT_EQUATIONS,
    lungs: str | LabelMap = "threshold",
    vessels: LabelMap | None = None,
    force: bool = False,
) -> SeenScan:
    """Examine a scan and let the networks estimate: what every estimate and every explanation begins with.

    Parameters
    ----------
    volume : CTVolume
        The scan.
    scan : Path
        Where it came from, for messages.
    predictor : Predictor
        Whose estimates.
    demographics : Demographics
        Whose scan it is.
    equations : str
        Set of reference equations.
    lungs : str or LabelMap
        Segmentation method, or a mask.
    vessels : LabelMap, optional
        Mask for a network that sees vessels; segmented where it is not given.
    force : bool
        Let judgements pass.

    Raises
    ------
    SpiroctError
        If the scan is refused, or the network needs what is not there.
    """
    checkpoint = predictor.checkpoint
    examined = examine(
        volume,
        scan,
        lungs=lungs,
        domain=checkpoint.training_domain.read_at(checkpoint.recipe.spacing_mm),
        one_sided=checkpoint.recipe.region in (Region.LEFT_LUNG, Region.RIGHT_LUNG),
        predicted_tlc=interpret(Measure.TLC, None, demographics, equations=equations).predicted,
        force=force,
    )
    begin(Stage.ESTIMATE)
    if checkpoint.recipe.region.needs_vessels and vessels is None:
        vessels = segment_vessels(volume, examined.lungs)
    biomarkers = lung_biomarkers(volume, examined.lungs)
    readings = readings_of(
        sex=demographics.sex, age=demographics.age, height_cm=demographics.height_cm, biomarkers=biomarkers
    )
    subject = subject_of(predictor, volume, lungs=examined.lungs, vessels=vessels, readings=readings)
    return SeenScan(examined, subject, biomarkers, vessels)


def estimate_scan(
    volume: CTVolume,
    scan: Path,
    *,
    predictor: Predictor,
    scan_id: str,
    person: Person,
    equations: str,
    lungs: str | LabelMap = "threshold",
    vessels: LabelMap | None = None,
    force: bool = False,
) -> tuple[Prediction, SeenScan]:
    """Estimate a person's lung function and interpret it (parameters and errors as in :func:`see_scan`).

    Parameters
    ----------
    scan_id : str
        Name of the scan.
    person : Person
        Whose scan it is.
    """
    checkpoint, demographics = predictor.checkpoint, person.demographics
    seen = see_scan(
        volume,
        scan,
        predictor=predictor,
        demographics=demographics,
        equations=equations,
        lungs=lungs,
        vessels=vessels,
        force=force,
    )
    found = absolute_estimates(seen.subject.estimates, checkpoint, demographics, equations)
    estimates = interpret_values(
        found.values,
        demographics,
        equations,
        interval_reason=TOO_FEW if checkpoint.intervals else NO_RESIDUALS,
        intervals=found.intervals,
    )
    derived = derived_ratios(found.values, demographics, equations, found.intervals)
    classified = classify(estimates, derived, demographics, equations)
    prediction = Prediction(
        scan_id=scan_id,
        acquisition=volume.acquisition,
        geometry=volume.geometry,
        demographics=demographics,
        demographics_source=person.sources,
        model=model_line(checkpoint),
        estimates=estimates,
        measured=interpret_values(person.measured, demographics, equations, interval_reason="a measurement"),
        derived=derived,
        baselines=(
            *plain_baselines(demographics, equations, seen.biomarkers),
            *fitted_baselines(checkpoint, seen.subject.readings, found.values),
        ),
        biomarkers=seen.biomarkers,
        quality=(*person.contradictions, *seen.examined.verdicts, *predictor.verdicts(seen.subject.prepared)),
        overrides=seen.examined.overrides,
        interpretation="demonstration only" if checkpoint.demonstration_only else "research use only",
        pattern=classified.pattern,
        severity=classified.severity,
        pattern_reason=classified.reason if checkpoint.intervals else NO_PATTERN,
        versions={**result_versions(), "engine": predictor.engine.description},
    )
    return prediction, seen


def write_prediction(
    prediction: Prediction,
    examined: Examined,
    folder: Path,
    *,
    patient_id: str | None = None,
    maps: dict[str, Any] | None = None,
) -> None:
    """Write one scan's ``prediction.json``, ``predictions.csv``, ``lungs.nii.gz`` and ``report.html``."""
    begin(Stage.REPORT)
    write_json(folder / "prediction.json", prediction.to_document())
    write_predictions([prediction], folder / "predictions.csv", patient_id=patient_id)
    with ThreadPoolExecutor(1) as aside:  # packing needs a processor, but not Python
        packing = aside.submit(write_nifti, examined.lungs, folder / "lungs.nii.gz")
        write_report(prediction, examined.volume, examined.lungs, folder / "report.html", maps=maps)
        packing.result()


def plain_baselines(
    demographics: Demographics, equations: str, biomarkers: tuple[Biomarker, ...]
) -> tuple[Baseline, ...]:
    """Return what one knows without a network: this person's reference values and the CT lung volume."""
    interpretations = {m: interpret(m, None, demographics, equations=equations) for m in Measure}
    predicted = {m: i.predicted for m, i in interpretations.items()}
    missing = sorted({i.reason for i in interpretations.values() if i.predicted is None and i.reason})
    volume = next(b.value for b in biomarkers if (b.region, b.name) == ("lungs", "volume"))
    return (
        Baseline(
            name="reference_value",
            meaning="What a healthy person of this sex, age and height would have",
            values=predicted,
            reason="; ".join(missing) or None,
        ),
        Baseline(
            name="ct_lung_volume",
            meaning="The volume of the lungs on this CT, a plain stand-in for TLC at full inspiration",
            values={Measure.TLC: volume},
        ),
    )


def fitted_baselines(
    checkpoint: Checkpoint, readings: Mapping[str, float], values: Mapping[Measure, float]
) -> tuple[Baseline, ...]:
    """Estimate by every rung of the checkpoint's ladder; a rung that lacks a reading says which."""
    rungs: dict[str, dict[Measure, float | None]] = {}
    for regression in checkpoint.ladder:
        network = values.get(regression.measure, float("nan"))
        value = float(regression.estimate({**readings, NETWORK: network}))
        rungs.setdefault(regression.rung, {})[regression.measure] = finite_or_none(value)
    found = []
    for rung, estimates in rungs.items():
        missing = [name for name in RUNGS[rung] if name != NETWORK and not math.isfinite(readings[name])]
        reason = f"{', '.join(missing)} missing" if missing else None
        found.append(Baseline(rung, RUNG_MEANINGS[rung], estimates, reason))
    return tuple(found)


def model_line(checkpoint: Checkpoint) -> ModelLine:
    """Tell which checkpoint made the estimates."""
    return ModelLine(
        name=checkpoint.name,
        hash=checkpoint.hash,
        trained_on=checkpoint.trained_on,
        intended_use=checkpoint.intended_use,
        demonstration_only=checkpoint.demonstration_only,
    )
