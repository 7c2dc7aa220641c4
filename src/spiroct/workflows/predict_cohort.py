"""``spiroct predict COHORT.csv``: every scan of a cohort, measured lung function carried beside the estimates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from spiroct.batch.scans import BatchSummary, ScanTask, process_scans
from spiroct.checkpoints.catalogue import DEFAULT_CHECKPOINT, find
from spiroct.imaging.label_files import read_label_map
from spiroct.inference.predictor import Predictor
from spiroct.pft.measures import Measure
from spiroct.pft.reference import DEFAULT_EQUATIONS, interpret
from spiroct.workflows.cohort_tasks import cohort_scans
from spiroct.workflows.estimate import Person, estimate_scan, write_prediction
from spiroct.workflows.examine import read_scan
from spiroct.workflows.exchange import Exchange, write_exchange
from spiroct.workflows.predict import combine_demographics
from spiroct.workflows.versions import result_versions

TABLE = "predictions.csv"
DOCUMENT = "prediction.json"


def predict_cohort(
    cohort: Path,
    *,
    out: Path,
    model: str = DEFAULT_CHECKPOINT,
    equations: str = DEFAULT_EQUATIONS,
    engine: str = "auto",
    dicom: bool = False,
    fhir: bool = False,
    vessels: bool = True,
    explain: bool = True,
    force: bool = False,
    overwrite: bool = False,
    finished: Callable[[ScanTask, Path], None] | None = None,
) -> BatchSummary:
    """Predict every scan of a cohort; masks, demographics and measured lung function come from its table.

    Writes ``<scan_id>/`` with the files of one prediction as each finishes, then ``predictions.csv`` of all and
    ``failures.csv``. The same command again works on what is missing, new or changed.

    Parameters
    ----------
    cohort : Path
        cohort.csv.
    out, model, equations, engine, dicom, fhir, vessels, explain, force, overwrite
        As for :func:`spiroct.workflows.predict.predict`.
    finished : callable, optional
        Told of each scan that is done, with its folder.

    Raises
    ------
    SpiroctError
        If an argument or the table is refused, or the folder cannot be written; a bad scan does not stop the others.
    """
    scans = {scan.scan_id: scan for scan in cohort_scans(cohort)}
    checkpoint = find(model)
    predictor = Predictor(checkpoint, engine=engine)
    exchange = Exchange(dicom=dicom, fhir=fhir, vessels=vessels, explain=explain)
    for scan in scans.values():  # refuses an unknown set of equations before any work is done
        interpret(Measure.TLC, None, scan.demographics, equations=equations)

    def work(task: ScanTask, folder: Path) -> None:
        row = scans[task.scan_id]
        volume, _ = read_scan(row.image)
        exchange.check(row.image, volume.acquisition.series_uid)
        demographics, sources, contradictions = combine_demographics(row.demographics, volume.acquisition)
        sources = {name: "cohort table" if source == "given" else source for name, source in sources.items()}
        lungs = "threshold" if row.lung_mask is None else read_label_map(row.lung_mask, onto=volume.geometry)
        given = None if row.vessel_mask is None else read_label_map(row.vessel_mask, onto=volume.geometry)
        prediction, examined = estimate_scan(
            volume,
            row.image,
            predictor=predictor,
            scan_id=task.scan_id,
            person=Person(demographics, sources, contradictions, row.measured),
            equations=equations,
            lungs=lungs,
            vessels=given,
            force=force,
        )
        write_prediction(prediction, examined, folder, patient_id=row.patient_id)
        write_exchange(exchange, prediction, examined, row.image, folder, predictor=predictor, vessels=given)

    arguments: dict[str, Any] = {"model": checkpoint.hash, "engine": engine, "equations": equations, "force": force}
    arguments |= {"dicom": dicom, "fhir": fhir, "vessels": vessels, "explain": explain}
    return process_scans(
        [scan.task() for scan in scans.values()],
        work,
        out=out,
        verb="predict",
        arguments=arguments | {"spiroct": result_versions()["spiroct"]},
        tables=(TABLE,),
        overwrite=overwrite,
        finished=finished,
    )
