"""``spiroct predict`` of many scans; of a cohort, measured lung function is carried beside the estimates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from spiroct.batch.execution import Execution
from spiroct.batch.scan_task import ScanTask
from spiroct.batch.scans import BatchSummary, process_scans
from spiroct.batch.shards import Shard
from spiroct.checkpoints.catalogue import DEFAULT_CHECKPOINT, find, packaged
from spiroct.errors import CheckpointError
from spiroct.imaging.label_files import read_label_map
from spiroct.inference.engines.engine import require_engine
from spiroct.inference.predictor import Predictor
from spiroct.pft.measures import Measure
from spiroct.pft.reference import DEFAULT_EQUATIONS, interpret, require_equations
from spiroct.workflows.cohort_tasks import CohortScan, scans_of
from spiroct.workflows.estimate import Person, estimate_scan, write_prediction
from spiroct.workflows.examine import read_scan
from spiroct.workflows.exchange import Exchange, write_exchange
from spiroct.workflows.explanations import explain_seen, write_explanation
from spiroct.workflows.predict import combine_demographics
from spiroct.workflows.versions import result_versions

TABLE = "predictions.csv"
DOCUMENT = "prediction.json"


def predict_cohort(
    cohort: Path | Sequence[Path],
    *,
    out: Path,
    model: str = DEFAULT_CHECKPOINT,
    equations: str = DEFAULT_EQUATIONS,
    engine: str = "auto",
    dicom: bool = False,
    fhir: bool = False,
    vessels: bool = True,
    explain: bool | None = None,
    force: bool = False,
    overwrite: bool = False,
    finished: Callable[[ScanTask, Path], None] | None = None,
    execution: Execution | None = None,
    shard: Shard | None = None,
) -> BatchSummary:
    """Predict many scans; masks, demographics and measured lung function come from a cohort's table.

    Writes ``<scan_id>/`` with the files of one prediction as each finishes, then ``predictions.csv`` of all and
    ``failures.csv``. The same command again works on what is missing, new or changed.

    Parameters
    ----------
    cohort : Path or sequence of Path
        cohort.csv, or the scans (:func:`spiroct.workflows.cohort_tasks.scans_of`).
    out, model, equations, engine, dicom, fhir, vessels, explain, force, overwrite
        As for :func:`spiroct.workflows.predict.predict`.
    finished : callable, optional
        Told of each scan that is done, with its folder.
    execution, shard : optional
        Where the work is done, and which part of it (:func:`spiroct.batch.scans.process_scans`).

    Raises
    ------
    SpiroctError
        If an argument, the table or the scans' names are refused, or the folder cannot be written; no bad scan stops
        the others.
    """
    require_engine(engine)
    require_equations(equations)
    checkpoint = find(model)
    exchange = Exchange(dicom=dicom, fhir=fhir, vessels=vessels, explain=explain is not False)
    exchange.require_extras()
    scans = scans_of(cohort)
    if all(scan.demographics.ethnicity is None for scan in scans):  # a set that needs one would refuse every scan
        interpret(Measure.FVC, None, scans[0].demographics, equations=equations)
    _predictor(_place(model), checkpoint.hash, engine)  # converts the model once for all

    arguments: dict[str, Any] = {"model": checkpoint.hash, "engine": engine, "equations": equations, "force": force}
    arguments |= {"dicom": dicom, "fhir": fhir, "vessels": vessels, "explain": explain}
    return process_scans(
        [scan.task() for scan in scans],
        _Work(_place(model), checkpoint.hash, engine, equations, exchange, explain=bool(explain), force=force),
        out=out,
        verb="predict",
        arguments=arguments | {"spiroct": result_versions()["spiroct"]},
        tables=(TABLE,),
        overwrite=overwrite,
        finished=finished,
        execution=execution,
        shard=shard,
    )


@dataclass(frozen=True)
class _Work:
    """What is done to each scan; plain data, so that it can travel to a worker."""

    model: str
    hash: str
    engine: str
    equations: str
    exchange: Exchange
    explain: bool
    force: bool

    def __call__(self, task: ScanTask, folder: Path) -> None:
        row: CohortScan = task.payload
        volume, _ = read_scan(row.image)
        self.exchange.require_series(row.image, volume.acquisition.series_uid)
        demographics, sources, contradictions = combine_demographics(row.demographics, volume.acquisition)
        sources = {name: "cohort table" if source == "given" else source for name, source in sources.items()}
        lungs = "threshold" if row.lung_mask is None else read_label_map(row.lung_mask, onto=volume.geometry)
        given = None if row.vessel_mask is None else read_label_map(row.vessel_mask, onto=volume.geometry)
        predictor = _predictor(self.model, self.hash, self.engine)
        prediction, seen = estimate_scan(
            volume,
            row.image,
            predictor=predictor,
            scan_id=task.scan_id,
            person=Person(demographics, sources, contradictions, row.measured),
            equations=self.equations,
            lungs=lungs,
            vessels=given,
            force=self.force,
        )
        maps = None
        if self.explain:
            explanation = explain_seen(predictor, seen, scan_id=task.scan_id, vessels=given)
            maps = write_explanation(explanation, seen.examined, folder)
        write_prediction(prediction, seen.examined, folder, patient_id=row.patient_id, maps=maps)
        write_exchange(self.exchange, prediction, seen, row.image, folder, predictor=predictor, vessels=given)


@lru_cache(maxsize=1)
def _predictor(model: str, digest: str, engine: str) -> Predictor:
    """Build a predictor once in each process; ``digest`` is that of the checkpoint that the command found."""
    checkpoint = find(model)
    if checkpoint.hash != digest:
        raise CheckpointError(
            f"model {model} has the hash {checkpoint.hash[:12]}... here, {digest[:12]}... where the command was given",
            "all workers use one checkpoint",
            "copy the checkpoint to where every worker finds the same one",
        )
    return Predictor(checkpoint, engine=engine)


def _place(model: str) -> str:
    """Name a checkpoint so that workers, which stand in other folders, find it too."""
    return model if model in packaged() else str(Path(model).resolve())
