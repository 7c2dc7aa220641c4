"""``spiroct predict``: from a chest CT to estimates, their interpretation, biomarkers and a page."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from spiroct.checkpoints.catalogue import DEFAULT_CHECKPOINT, find
from spiroct.imaging.acquisition import Acquisition
from spiroct.imaging.image_files import format_of
from spiroct.inference.engines.engine import require_engine
from spiroct.inference.prediction import Prediction
from spiroct.inference.predictor import Predictor
from spiroct.log import logger
from spiroct.pft.demographics import Demographics, check_person
from spiroct.pft.measures import Measure
from spiroct.pft.reference import DEFAULT_EQUATIONS, interpret
from spiroct.pft.units import absolute_value
from spiroct.quality.verdict import Outcome, Verdict
from spiroct.run_folder import require_usable, run_folder
from spiroct.workflows.estimate import Person, estimate_scan, write_prediction
from spiroct.workflows.examine import read_scan, scan_id_of
from spiroct.workflows.exchange import Exchange, write_exchange
from spiroct.workflows.explanations import explain_seen, write_explanation
from spiroct.workflows.stages import Stage, begin
from spiroct.workflows.versions import result_versions


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
    dicom: bool = False,
    fhir: bool = False,
    vessels: bool = True,
    explain: bool | None = None,
    force: bool = False,
    overwrite: bool = False,
) -> Prediction:
    """Estimate lung function from one chest CT and write everything that was found.

    Writes ``prediction.json``, ``predictions.csv``, ``report.html``, ``lungs.nii.gz`` and ``run.json``; with
    ``dicom`` also ``dicom/*.dcm`` and ``vessels.nii.gz``, with ``fhir`` also ``fhir.json``, with ``explain`` also
    ``ram_<measure>.nii.gz``, ``explanation.json`` and ``explanation.html``.

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
    dicom : bool
        Write SR, segmentations, encapsulated PDF and page pictures into the scan's study; needs the extra [dicom], and
        the objects carry the patient's name and number as the scan does.
    fhir : bool
        Write a FHIR R4 bundle, which carries the patient's number.
    vessels : bool
        With ``dicom``: segment the vessels too, which takes about half a minute.
    explain : bool, optional
        True: maps of where the estimates come from (RAM-3D), from the same pass through the networks, how much each
        region adds, and verdicts (:mod:`spiroct.workflows.explanations`). With ``dicom`` also parametric maps, which
        False alone leaves out.
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
    interpret(Measure.FVC, None, given, equations=equations)  # refuses an unknown set, or one without its ethnicity
    require_engine(engine)
    checkpoint = find(model)
    exchange = Exchange(dicom=dicom, fhir=fhir, vessels=vessels, explain=explain is not False)
    exchange.require_extras()
    if format_of(scan) is not None:
        exchange.require_series(scan, None)
    require_usable(out, verb="predict", overwrite=overwrite)
    with ThreadPoolExecutor(1) as aside:  # compiling needs a processor, but not Python
        making = aside.submit(Predictor, checkpoint, engine=engine)
        begin(Stage.READ)
        volume, digest = read_scan(scan, series=series)
        predictor = making.result()
    exchange.require_series(scan, volume.acquisition.series_uid)
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
        "dicom": dicom,
        "fhir": fhir,
        "vessels": vessels,
        "explain": explain,
        "spiroct": result_versions()["spiroct"],
    }
    with run_folder(out, verb="predict", arguments=arguments, overwrite=overwrite) as run:
        prediction, seen = estimate_scan(
            volume,
            scan,
            predictor=predictor,
            scan_id=scan_id_of(volume, scan),
            person=Person(demographics, sources, contradictions, measured),
            equations=equations,
            force=force,
        )
        explanation = None
        if explain:
            explanation = explain_seen(predictor, seen, scan_id=prediction.scan_id)
        if not run.finished:
            maps = None if explanation is None else write_explanation(explanation, seen.examined, run.work)
            write_prediction(prediction, seen.examined, run.work, maps=maps)
            write_exchange(exchange, prediction, seen, scan, run.work, predictor=predictor)
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


def _differ(flag: str | float, header: str | float, tolerance: float) -> bool:
    if isinstance(flag, str) or isinstance(header, str):
        return str(flag) != str(header)
    return abs(flag - header) > tolerance
