"""``spiroct explain``: where in a CT the estimates come from, by region, and whether the maps deserve belief."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from spiroct.attribution.ablation import RegionAblation
from spiroct.attribution.accounting import account
from spiroct.attribution.attribution_map import PatchMap
from spiroct.attribution.checks import fold_agreement, judge, scrambled_likeness
from spiroct.attribution.explanation import Explanation, MeasureExplanation
from spiroct.attribution.method import Subject, in_scan, subject_of
from spiroct.attribution.methods import make_method
from spiroct.attribution.regions import Anatomy, anatomy_of_scan
from spiroct.attribution.trial import judge_trial, networks_hash, trial_of
from spiroct.biomarkers.lungs import lung_biomarkers
from spiroct.checkpoints.catalogue import DEFAULT_CHECKPOINT, find
from spiroct.checkpoints.readings import readings_of
from spiroct.documents import write_json
from spiroct.errors import UsageError
from spiroct.imaging.volume import CTVolume
from spiroct.imaging.writing import write_nifti, write_nifti_map
from spiroct.inference.predictor import Predictor
from spiroct.pft.demographics import Demographics, check_person
from spiroct.pft.measures import Measure
from spiroct.preprocessing.recipe import Region
from spiroct.reporting.explanation_page import write_explanation_page
from spiroct.run_folder import run_folder
from spiroct.segmentation.airways import find_airways
from spiroct.segmentation.vessels import VESSEL_METHODS, segment_vessels
from spiroct.workflows.estimate import model_line
from spiroct.workflows.examine import Examined, examine, read_scan, scan_id_of
from spiroct.workflows.predict import combine_demographics
from spiroct.workflows.versions import result_versions

NO_VESSELS = "none"
SCRAMBLING_SEED = 0


@dataclass(frozen=True, eq=False)
class ExplainedScan:
    """What :func:`explain` found, with the scan it found it in.

    Parameters
    ----------
    explanation : Explanation
    examined : Examined
        Scan, lungs and checks.
    anatomy : Anatomy
        Regions on the network's patch.
    """

    explanation: Explanation
    examined: Examined
    anatomy: Anatomy


def explain(
    scan: Path,
    *,
    out: Path,
    model: str = DEFAULT_CHECKPOINT,
    method: str = "ram",
    layer: str | None = None,
    vessels: str = "graph-cut",
    sex: str | None = None,
    age: float | None = None,
    height: float | None = None,
    series: str | None = None,
    engine: str = "auto",
    force: bool = False,
    overwrite: bool = False,
) -> Explanation:
    """Explain the estimates of one scan and write maps, accounting, verdicts and a page.

    Writes ``<method>_<measure>.nii.gz`` in the scan's geometry, ``explanation.json``, ``explanation.html``,
    ``lungs.nii.gz`` and ``run.json``.

    Parameters
    ----------
    scan : Path
        DICOM folder or zip, NIfTI, MHA, MHD or NRRD file.
    out : Path
        Output folder.
    model : str
        Name of a packaged checkpoint, or the folder of one.
    method : str
        One of :data:`spiroct.attribution.methods.METHODS`.
    layer : str, optional
        For ``ram``: ``"pool"``, ``"last-convolution"`` (the authors' layer), or a submodule of the network.
    vessels : str
        Method for the vessels of the accounting, or ``"none"``; takes some twenty seconds.
    sex, age, height
        Where the network takes them; from the DICOM header when left out.
    series : str, optional
        SeriesInstanceUID to read where a folder holds several.
    engine : str
        What runs the network.
    force : bool
        Go on where a judgement would refuse.
    overwrite : bool
        Replace an earlier run in the same folder.

    Raises
    ------
    SpiroctError
        If an argument, the scan, the checkpoint or the output folder is refused; nothing is half-written.
    """
    if vessels not in (*VESSEL_METHODS, NO_VESSELS):
        known = ", ".join((*VESSEL_METHODS, NO_VESSELS))
        raise UsageError(f"vessel method {vessels!r}", f"the known methods are {known}", "use one")
    make_method(method, layer=layer)
    given = check_person(sex=sex, age=age, height_cm=height, ethnicity=None)
    predictor = Predictor(find(model), engine=engine)
    volume, digest = read_scan(scan, series=series)
    person, _, _ = combine_demographics(given, volume.acquisition)
    arguments = {
        "scan": digest,
        "model": predictor.checkpoint.hash,
        "engine": engine,
        "method": method,
        "layer": layer,
        "vessels": vessels,
        "demographics": [person.sex, person.age, person.height_cm],
        "series": series,
        "force": force,
        "spiroct": result_versions()["spiroct"],
    }
    with run_folder(out, verb="explain", arguments=arguments, overwrite=overwrite) as run:
        found = explain_scan(
            volume, scan, predictor=predictor, method=method, layer=layer, vessels=vessels, person=person, force=force
        )
        if not run.finished:
            write_explanation(found, run.work)
    return found.explanation


def explain_scan(
    volume: CTVolume,
    scan: Path,
    *,
    predictor: Predictor,
    method: str = "ram",
    layer: str | None = None,
    vessels: str = NO_VESSELS,
    person: Demographics,
    force: bool = False,
) -> ExplainedScan:
    """Examine a scan that was read, explain its estimates and judge the maps (see :func:`explain`)."""
    checkpoint = predictor.checkpoint
    one_sided = checkpoint.recipe.region in (Region.LEFT_LUNG, Region.RIGHT_LUNG)
    examined = examine(volume, scan, domain=checkpoint.training_domain, one_sided=one_sided, force=force)
    airways = None if vessels == NO_VESSELS else find_airways(volume, examined.lungs)
    tree = None if airways is None else segment_vessels(volume, examined.lungs, method=vessels, airways=airways)
    if tree is None and checkpoint.recipe.region.needs_vessels:
        tree = segment_vessels(volume, examined.lungs)
    readings = readings_of(
        sex=person.sex,
        age=person.age,
        height_cm=person.height_cm,
        biomarkers=lung_biomarkers(volume, examined.lungs),
    )
    subject = subject_of(predictor, volume, lungs=examined.lungs, vessels=tree, readings=readings)
    anatomy = anatomy_of_scan(volume, examined.lungs, subject.geometry, vessels=tree, airways=airways)
    explanation = Explanation(
        scan_id=scan_id_of(volume, scan),
        model=model_line(checkpoint),
        interpretation="demonstration only" if checkpoint.demonstration_only else "research use only",
        measures=_explained(predictor, subject, anatomy, method, layer),
        quality=(*examined.verdicts, *predictor.verdicts(subject.prepared)),
        overrides=examined.overrides,
        versions=result_versions(),
    )
    return ExplainedScan(explanation, examined, anatomy)


def _explained(
    predictor: Predictor, subject: Subject, anatomy: Anatomy, method: str, layer: str | None
) -> dict[Measure, MeasureExplanation]:
    kind = make_method(method, layer=layer, anatomy=anatomy)
    used = kind(predictor)
    maps = used.explain(subject)
    ablated = used.table(subject) if isinstance(used, RegionAblation) else []
    body = anatomy.shares["outside_body"] < 0.5
    alike = scrambled_likeness(kind, predictor, subject, list(maps.values()), seed=SCRAMBLING_SEED, where=body)
    networks = networks_hash(predictor.checkpoint)
    explained = {}
    for (measure, found), likeness in zip(maps.items(), alike, strict=True):
        regions = account(found, anatomy)
        outside = next(r.share for r in regions if r.region == "outside_body")
        tried = judge_trial(trial_of(networks, found.method, found.layer))
        checks = judge(found, agreement=fold_agreement(found, body), alike=likeness, outside=outside)
        verdicts = (*checks, tried)
        own = tuple(row for row in ablated if row.measure is measure)
        explained[measure] = MeasureExplanation(in_scan(found, subject), file_of(found), regions, verdicts, own)
    return explained


def file_of(found: PatchMap) -> str:
    """Name a map's file, such as ``ram_DLCO.nii.gz``."""
    return f"{found.method}_{found.measure.value}.nii.gz"


def write_explanation(found: ExplainedScan, folder: Path) -> None:
    """Write one scan's maps, ``explanation.json``, ``explanation.html`` and ``lungs.nii.gz``."""
    explanation, examined = found.explanation, found.examined
    for one in explanation.measures.values():
        write_nifti_map(one.attribution.values, one.attribution.geometry, folder / one.file)
    write_json(folder / "explanation.json", explanation.to_document())
    write_nifti(examined.lungs, folder / "lungs.nii.gz")
    write_explanation_page(explanation, examined.volume, examined.lungs, folder / "explanation.html")
