"""``spiroct biomarkers``: volumes, densities, vessel tree and ILD extent of one scan or of many."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spiroct.batch.execution import Execution
from spiroct.batch.scan_task import ScanTask
from spiroct.batch.scans import BatchSummary, process_scans
from spiroct.batch.shards import Shard
from spiroct.biomarkers.biomarker import Biomarker, nested
from spiroct.biomarkers.gridding import on_grid, parse_grids
from spiroct.biomarkers.regions import LOBES
from spiroct.biomarkers.scan import ScanBiomarkers, scan_biomarkers
from spiroct.documents import write_json
from spiroct.errors import InputError
from spiroct.imaging.label_files import read_label_map, require_label_file
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.pft.demographics import Demographics, check_person
from spiroct.pft.measures import Measure
from spiroct.pft.reference import interpret
from spiroct.pft.units import absolute_value
from spiroct.quality.verdict import Verdict
from spiroct.reporting.biomarker_table import write_biomarkers
from spiroct.run_folder import require_usable, run_folder
from spiroct.segmentation.airways import find_airways
from spiroct.segmentation.lungs import deciding_inputs, require_no_atlases
from spiroct.segmentation.vessels import require_vessel_method
from spiroct.workflows.cohort_tasks import CohortScan, scans_of
from spiroct.workflows.examine import examine, read_scan, scan_id_of
from spiroct.workflows.versions import result_versions

SCHEMA = "spiroct.biomarkers"
SCHEMA_VERSION = 1
TABLE = "biomarkers.csv"
DOCUMENT = "biomarkers.json"


@dataclass(frozen=True)
class Masks:
    """Masks that the user supplies for one scan, as files; None lets spiroct segment (lobes: does without)."""

    lungs: Path | None = None
    vessels: Path | None = None
    lobes: Path | None = None


@dataclass(frozen=True)
class Measurement:
    """Everything that ``biomarkers`` found in one scan.

    Parameters
    ----------
    scan_id : str
    grids : tuple of ScanBiomarkers
        In the order asked for.
    methods : dict of str to str
        What made the masks of ``lungs, vessels, airways, lobes``: a method, ``"given"``, or ``"none"``.
    quality : tuple of Verdict
    overrides : tuple of str
        Checks that ``force`` let pass.
    """

    scan_id: str
    grids: tuple[ScanBiomarkers, ...]
    methods: dict[str, str]
    quality: tuple[Verdict, ...]
    overrides: tuple[str, ...]

    @property
    def biomarkers(self) -> tuple[Biomarker, ...]:
        """Of all grids, one after the other."""
        return tuple(b for measured in self.grids for b in measured.biomarkers)

    def to_document(self) -> dict[str, Any]:
        """Plain data of ``biomarkers.json``: ``biomarkers`` on the first grid, ``other_grids`` on the others."""
        first, *others = self.grids
        return {
            "schema": SCHEMA,
            "schema_version": SCHEMA_VERSION,
            "scan_id": self.scan_id,
            "grid": first.grid,
            "biomarkers": nested(first.biomarkers),
            "goh": None if first.goh is None else dataclasses.asdict(first.goh),
            "other_grids": {measured.grid: nested(measured.biomarkers) for measured in others},
            "masks": self.methods,
            "quality": [dataclasses.asdict(verdict) for verdict in self.quality],
            "overrides": list(self.overrides),
            "versions": result_versions(),
        }


def biomarkers(
    scan: Path,
    *,
    out: Path,
    grids: tuple[str, ...] = ("1.5",),
    lungs: str = "threshold",
    vessels: str = "graph-cut",
    masks: Masks = Masks(),
    sex: str | None = None,
    age: float | None = None,
    height: float | None = None,
    fvc: float | None = None,
    fvc_estimated: bool = False,
    series: str | None = None,
    force: bool = False,
    overwrite: bool = False,
) -> Measurement:
    """Measure one scan and write ``biomarkers.csv``, ``biomarkers.json`` and ``run.json``.

    Parameters
    ----------
    scan : Path
        DICOM folder or zip, NIfTI, MHA, MHD or NRRD file.
    out : Path
        Output folder.
    grids : tuple of str
        Isotropic spacings in mm, or ``"native"``.
    lungs, vessels : str
        Segmentation methods, where ``masks`` gives none.
    masks : Masks
        Masks of the user.
    sex, age, height, fvc : optional
        For the staging rule of Goh 2008 alone: ``"F"`` or ``"M"``, years, cm, litres; the first three from the DICOM
        header when left out.
    fvc_estimated : bool
        Whether that FVC is an estimate: a stage that it decides is marked as circular.
    series : str, optional
        SeriesInstanceUID to read where a folder holds several.
    force : bool
        Go on where a judgement would refuse.
    overwrite : bool
        Replace an earlier run in the same folder.

    Raises
    ------
    SpiroctError
        If an argument, scan or mask is refused, or the folder cannot be written.
    """
    spacings = parse_grids(grids)
    deciding = _deciding(lungs, vessels)
    for path in _paths(masks).values():
        require_label_file(path)
    if fvc is not None:
        fvc = absolute_value(Measure.FVC, fvc, Measure.FVC.unit)
    person = check_person(sex=sex, age=age, height_cm=height)
    require_usable(out, verb="biomarkers", overwrite=overwrite)
    volume, digest = read_scan(scan, series=series)
    header = volume.acquisition
    person = check_person(
        sex=person.sex or header.sex,
        age=header.age if age is None else age,
        height_cm=header.height_cm if height is None else height,
    )
    given = {name: read_label_map(path, onto=volume.geometry) for name, path in _paths(masks).items()}
    arguments: dict[str, Any] = {
        "scan": digest,
        "grids": list(grids),
        "methods": {"lungs": lungs, "vessels": vessels} | deciding,
        "masks": {name: _digest(mask) for name, mask in given.items()},
        "person": [person.sex, person.age, person.height_cm],
        "fvc": [fvc, fvc_estimated],
        "series": series,
        "force": force,
        "spiroct": result_versions()["spiroct"],
    }
    with run_folder(out, verb="biomarkers", arguments=arguments, overwrite=overwrite) as run:
        measurement = _measure(
            volume,
            scan,
            scan_id=scan_id_of(volume, scan),
            spacings=spacings,
            methods=(lungs, vessels),
            given=given,
            fvc=(_percent(person, fvc), fvc_estimated),
            force=force,
        )
        if not run.finished:
            _write(measurement, run.work)
    return measurement


def cohort_biomarkers(
    cohort: Path | Sequence[Path],
    *,
    out: Path,
    grids: tuple[str, ...] = ("1.5",),
    lungs: str = "threshold",
    vessels: str = "graph-cut",
    force: bool = False,
    overwrite: bool = False,
    finished: Callable[[ScanTask, Path], None] | None = None,
    execution: Execution | None = None,
    shard: Shard | None = None,
) -> BatchSummary:
    """Measure many scans; masks and measured FVC come from a cohort's table.

    Writes ``<scan_id>/biomarkers.csv`` and ``.json`` as each finishes, ``biomarkers.csv`` of all and ``failures.csv``.

    Parameters
    ----------
    cohort : Path or sequence of Path
        cohort.csv, or the scans (:func:`spiroct.workflows.cohort_tasks.scans_of`).
    out, grids, lungs, vessels, force, overwrite
        As for :func:`biomarkers`.
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
    spacings = parse_grids(grids)
    deciding = _deciding(lungs, vessels)
    scans = scans_of(cohort)
    arguments = {
        "grids": list(grids),
        "methods": {"lungs": lungs, "vessels": vessels} | deciding,
        "force": force,
        "spiroct": result_versions()["spiroct"],
    }
    return process_scans(
        [scan.task() for scan in scans],
        _Work(spacings, (lungs, vessels), force=force),
        out=out,
        verb="biomarkers",
        arguments=arguments,
        tables=(TABLE,),
        overwrite=overwrite,
        finished=finished,
        execution=execution,
        shard=shard,
    )


@dataclass(frozen=True)
class _Work:
    """What is done to each scan of a cohort; plain data, so that it can travel to a worker."""

    spacings: tuple[float | None, ...]
    methods: tuple[str, str]
    force: bool

    def __call__(self, task: ScanTask, folder: Path) -> None:
        row: CohortScan = task.payload
        volume, _ = read_scan(row.image)
        masks = Masks(row.lung_mask, row.vessel_mask, row.lobe_mask)
        given = {name: read_label_map(path, onto=volume.geometry) for name, path in _paths(masks).items()}
        measurement = _measure(
            volume,
            row.image,
            scan_id=task.scan_id,
            spacings=self.spacings,
            methods=self.methods,
            given=given,
            fvc=(_measured_percent(row), False),
            force=self.force,
        )
        _write(measurement, folder)


def _measure(
    volume: CTVolume,
    scan: Path,
    *,
    scan_id: str,
    spacings: tuple[float | None, ...],
    methods: tuple[str, str],
    given: dict[str, LabelMap],
    fvc: tuple[float | None, bool],
    force: bool,
) -> Measurement:
    if "lungs" in given:
        _require_labels(given["lungs"], {1, 2}, all_of_them=True, what="lung mask", meaning="1 right, 2 left")
    if "lobes" in given:
        meaning = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in LOBES.items())
        _require_labels(given["lobes"], set(LOBES.values()), all_of_them=False, what="lobe mask", meaning=meaning)
    examined = examine(volume, scan, lungs=given.get("lungs", methods[0]), force=force)
    airways = find_airways(volume, examined.lungs)
    measured = []
    for spacing in spacings:
        gridded = on_grid(
            volume,
            examined.lungs,
            grid_mm=spacing,
            vessels=given.get("vessels", methods[1]),
            airways=airways,
            lobes=given.get("lobes"),
        )
        measured.append(scan_biomarkers(gridded, fvc_percent_predicted=fvc[0], fvc_estimated=fvc[1]))
    made = {"lungs": methods[0], "vessels": methods[1], "airways": "walled lumen", "lobes": "none"}
    made |= dict.fromkeys(given, "given")
    return Measurement(scan_id, tuple(measured), made, examined.verdicts, examined.overrides)


def _write(measurement: Measurement, folder: Path) -> None:
    write_biomarkers(measurement.scan_id, measurement.biomarkers, folder / TABLE)
    write_json(folder / DOCUMENT, measurement.to_document())


def _percent(person: Demographics, fvc: float | None) -> float | None:
    """FVC in percent predicted (GLI Global 2022); None where something for it is missing."""
    if fvc is None:
        return None
    found = interpret(Measure.FVC, fvc, person).percent_predicted
    return None if found is None else float(found)


def _measured_percent(scan: CohortScan) -> float | None:
    return _percent(scan.demographics, scan.measured.get(Measure.FVC))


def _paths(masks: Masks) -> dict[str, Path]:
    named = {"lungs": masks.lungs, "vessels": masks.vessels, "lobes": masks.lobes}
    return {name: path for name, path in named.items() if path is not None}


def _digest(mask: LabelMap) -> str:
    import hashlib

    import numpy as np

    digest = hashlib.blake2b(np.ascontiguousarray(mask.labels).data, digest_size=16)
    digest.update(repr(mask.geometry).encode())
    return digest.hexdigest()


def _deciding(lungs: str, vessels: str) -> dict[str, str]:
    """Refuse methods that are not there; hash what decides the masks of the others, such as weights."""
    require_no_atlases(lungs)
    require_vessel_method(vessels)
    return deciding_inputs(lungs)


def _require_labels(mask: LabelMap, known: set[int], *, all_of_them: bool, what: str, meaning: str) -> None:
    import numpy as np

    found = {int(label) for label in np.unique(mask.labels)} - {0}
    if not found <= known or not found or (all_of_them and found != known):
        raise InputError(f"{what} holds the labels {sorted(found)}", f"the labels are {meaning}", "relabel it")
