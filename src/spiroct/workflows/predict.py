"""``spiroct predict``: from a chest CT to estimates, their interpretation, biomarkers and a page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from spiroct.biomarkers.biomarker import Biomarker
from spiroct.biomarkers.lungs import lung_biomarkers
from spiroct.checkpoints.baselines import NETWORK, RUNGS
from spiroct.checkpoints.catalogue import DEFAULT_CHECKPOINT, find
from spiroct.checkpoints.checkpoint import Checkpoint
from spiroct.checkpoints.readings import readings_of
from spiroct.documents import finite_or_none, write_json
from spiroct.imaging.acquisition import Acquisition
from spiroct.imaging.writing import write_nifti
from spiroct.inference.prediction import Baseline, ModelLine, Prediction
from spiroct.inference.predictor import Predictor
from spiroct.log import logger
from spiroct.pft.demographics import Demographics, check_person
from spiroct.pft.measures import Measure
from spiroct.pft.reference import DEFAULT_EQUATIONS, interpret
from spiroct.pft.units import absolute_value
from spiroct.preprocessing.recipe import Region
from spiroct.quality.verdict import Outcome, Verdict
from spiroct.reporting.page import write_report
from spiroct.reporting.table import write_predictions
from spiroct.run_folder import run_folder
from spiroct.segmentation.vessels import segment_vessels
from spiroct.workflows.examine import Examined, examine, read_scan, scan_id_of
from spiroct.workflows.interpretation import (
    NO_PATTERN,
    NO_RESIDUALS,
    TOO_FEW,
    absolute_estimates,
    classify,
    derived_ratios,
    interpret_values,
)
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


def predict(
    scan: Path,
    *,
    out: Path,
    model: str = DEFAULT_CHECKPOINT,
    sex: str | None = None,
    age: float | None = None,
    height: float | None = None,
    ethnicity: str | None = None,
    dlco: float | None = None,
    fev1: float | None = None,
    fvc: float | None = None,
    tlc: float | None = None,
    dlco_unit: str = Measure.DLCO.unit,
    equations: str = DEFAULT_EQUATIONS,
    series: str | None = None,
    engine: str = "auto",
    force: bool = False,
    overwrite: bool = False,
) -> Prediction:
    """Estimate lung function from one chest CT and write everything that was found.

    Writes ``prediction.json``, ``predictions.csv``, ``report.html``, ``lungs.nii.gz`` and ``run.json``.

    Parameters
    ----------
    scan : Path
        DICOM folder or zip, NIfTI, MHA, MHD or NRRD file.
    out : Path
        Output folder.
    model : str
        Name of a packaged checkpoint, or the folder of one.
    sex : str, optional
        ``"F"`` or ``"M"``; from the DICOM header when left out.
    age, height : float, optional
        Years and centimetres; from the DICOM header when left out.
    ethnicity : str, optional
        For GLI-2012 only.
    dlco, fev1, fvc, tlc : float, optional
        Measured values to show beside the estimates: DLCO in ``dlco_unit``, the others in litres.
    dlco_unit : str
        ``"mmol/min/kPa"`` or ``"mL/min/mmHg"``.
    equations : str
        Set of reference equations.
    series : str, optional
        SeriesInstanceUID to read where a folder holds several.
    engine : str
        What runs the network.
    force : bool
        Go on where a judgement (cut lungs, thick slices) would refuse; written into every output.
    overwrite : bool
        Replace an earlier run in the same folder.

    Returns
    -------
    Prediction
        What ``prediction.json`` says.

    Raises
    ------
    SpiroctError
        If an argument, the scan, the checkpoint or the output folder is refused; nothing is half-written.
    """
    given = check_person(sex=sex, age=age, height_cm=height, ethnicity=ethnicity)
    measured = measured_values(dlco=dlco, fev1=fev1, fvc=fvc, tlc=tlc, dlco_unit=dlco_unit)
    interpret(Measure.TLC, None, given, equations=equations)  # refuses an unknown set before any work is done
    checkpoint = find(model)
    predictor = Predictor(checkpoint, engine=engine)
    volume, digest = read_scan(scan, series=series)
    demographics, sources, contradictions = combine_demographics(given, volume.acquisition)
    arguments = {
        "scan": digest,
        "model": checkpoint.hash,
        "engine": engine,
        "demographics": [demographics.sex, demographics.age, demographics.height_cm, demographics.ethnicity],
        "measured": {m.value: v for m, v in measured.items()},
        "equations": equations,
        "series": series,
        "force": force,
        "spiroct": result_versions()["spiroct"],
    }
    with run_folder(out, verb="predict", arguments=arguments, overwrite=overwrite) as run:
        one_sided = checkpoint.recipe.region in (Region.LEFT_LUNG, Region.RIGHT_LUNG)
        examined = examine(
            volume,
            scan,
            domain=checkpoint.training_domain,
            one_sided=one_sided,
            predicted_tlc=interpret(Measure.TLC, None, demographics, equations=equations).predicted,
            force=force,
        )
        vessels = segment_vessels(volume, examined.lungs) if checkpoint.recipe.region.needs_vessels else None
        prepared = predictor.prepare(volume, examined.lungs, vessels)
        biomarkers = lung_biomarkers(volume, examined.lungs)
        readings = readings_of(
            sex=demographics.sex, age=demographics.age, height_cm=demographics.height_cm, biomarkers=biomarkers
        )
        found = absolute_estimates(predictor.estimate(prepared, readings), checkpoint, demographics, equations)
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
            scan_id=scan_id_of(volume, scan),
            acquisition=volume.acquisition,
            geometry=volume.geometry,
            demographics=demographics,
            demographics_source=sources,
            model=model_line(checkpoint),
            estimates=estimates,
            measured=interpret_values(measured, demographics, equations, interval_reason="a measurement"),
            derived=derived,
            baselines=(
                *plain_baselines(demographics, equations, biomarkers),
                *fitted_baselines(checkpoint, readings, found.values),
            ),
            biomarkers=biomarkers,
            quality=(*contradictions, *examined.verdicts, *predictor.verdicts(prepared)),
            overrides=examined.overrides,
            interpretation="demonstration only" if checkpoint.demonstration_only else "research use only",
            pattern=classified.pattern,
            severity=classified.severity,
            pattern_reason=classified.reason if checkpoint.intervals else NO_PATTERN,
            versions=result_versions(),
        )
        if not run.finished:
            _write(prediction, examined, run.work)
    return prediction


def combine_demographics(
    given: Demographics, acquisition: Acquisition
) -> tuple[Demographics, dict[str, str], tuple[Verdict, ...]]:
    """Take what the user gave, else what the header says, and say which; warn where the two contradict.

    Returns
    -------
    demographics : Demographics
        As used.
    sources : dict of str to str
        ``"given"``, ``"DICOM header"`` or ``"missing"`` for sex, age and height.
    contradictions : tuple of Verdict
        A warning for each: another sex, ages more than a year apart, heights more than 2 cm.
    """
    pairs = {
        "sex": (given.sex, acquisition.sex, 0.0, ""),
        "age": (given.age, acquisition.age, 1.0, " years"),
        "height": (given.height_cm, acquisition.height_cm, 2.0, " cm"),
    }
    used: dict[str, str | float | None] = {}
    sources, contradictions = {}, []
    for name, (flag, header, tolerance, unit) in pairs.items():
        used[name] = flag if flag is not None else header
        sources[name] = "given" if flag is not None else "DICOM header" if header is not None else "missing"
        if flag is None or header is None or not _differ(flag, header, tolerance):
            continue
        shown = f"{flag}{unit} given, {header}{unit} in the DICOM header"
        logger.warning("warning: %s %s: the given one is used.", name, shown)
        contradictions.append(
            Verdict(
                check=f"{name}_contradicts_header",
                outcome=Outcome.WARN,
                value=shown,
                limit=f"within {tolerance:g}{unit}" if unit else "the same",
                meaning="The given value is used; the wrong one of the two would shift every %predicted",
                remedy="Check which one is right, and that the scan belongs to this patient",
            )
        )
    person = check_person(
        sex=used["sex"],  # type: ignore[arg-type]
        age=used["age"],  # type: ignore[arg-type]
        height_cm=used["height"],  # type: ignore[arg-type]
        ethnicity=given.ethnicity,
    )
    return person, sources, tuple(contradictions)


def measured_values(
    *, dlco: float | None, fev1: float | None, fvc: float | None, tlc: float | None, dlco_unit: str
) -> dict[Measure, float]:
    """Measured PFTs in spiroct's units, those that were given.

    Raises
    ------
    InputError
        If a value is not plausible in its unit ("3320 looks like mL").
    """
    values = {Measure.DLCO: dlco, Measure.FEV1: fev1, Measure.FVC: fvc, Measure.TLC: tlc}
    units = {m: dlco_unit if m is Measure.DLCO else m.unit for m in Measure}
    return {m: absolute_value(m, v, units[m]) for m, v in values.items() if v is not None}


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


def _differ(flag: str | float, header: str | float, tolerance: float) -> bool:
    if isinstance(flag, str) or isinstance(header, str):
        return str(flag) != str(header)
    return abs(flag - header) > tolerance


def _write(prediction: Prediction, examined: Examined, folder: Path) -> None:
    write_json(folder / "prediction.json", prediction.to_document())
    write_predictions([prediction], folder / "predictions.csv")
    write_nifti(examined.lungs, folder / "lungs.nii.gz")
    write_report(prediction, examined.volume, examined.lungs, folder / "report.html")
