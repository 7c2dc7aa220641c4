"""``spiroct segment``: masks of lungs, and where asked of vessels and airways, in the scan's own geometry."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spiroct.batch.execution import Execution
from spiroct.batch.scan_task import ScanTask
from spiroct.batch.scans import BatchSummary, process_scans
from spiroct.batch.shards import Shard
from spiroct.documents import write_json
from spiroct.imaging.orientation import restore, to_canonical
from spiroct.imaging.resampling import resample_labels
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.imaging.writing import write_nifti
from spiroct.quality.verdict import Verdict
from spiroct.run_folder import require_usable, run_folder
from spiroct.segmentation.airways import find_airways
from spiroct.segmentation.lungs import (
    DEFAULT_FUSION,
    LOBE_NAMES,
    LungOptions,
    deciding_inputs,
    segment_lobes,
)
from spiroct.segmentation.vessels import require_vessel_method, segment_vessels
from spiroct.workflows.cohort_tasks import scans_of
from spiroct.workflows.examine import examine, read_scan, scan_id_of
from spiroct.workflows.versions import result_versions

TABLE = "volumes.csv"
DOCUMENT = "quality.json"


@dataclass(frozen=True)
class Segmentation:
    """What ``segment`` made of one scan.

    Parameters
    ----------
    scan_id : str
        Identifier of the scan.
    lungs : LabelMap
        1 right, 2 left.
    quality : tuple of Verdict
        Checks on scan and mask.
    overrides : tuple of str
        Checks that ``force`` let pass.
    vessels, airways : LabelMap or None
        1 in vessels inside the lungs and in the lumen of the airways; None where not asked for.
    lobes : LabelMap or None
        1 left upper, 2 left lower, 3 right upper, 4 right middle, 5 right lower; None where not asked for.
    """

    scan_id: str
    lungs: LabelMap
    quality: tuple[Verdict, ...]
    overrides: tuple[str, ...]
    vessels: LabelMap | None = None
    airways: LabelMap | None = None
    lobes: LabelMap | None = None


def segment(
    scan: Path,
    *,
    out: Path,
    lungs: str = "threshold",
    atlases: Path | None = None,
    fusion: str = DEFAULT_FUSION,
    weights: Path | None = None,
    lobes: str | None = None,
    vessels: str | None = None,
    series: str | None = None,
    force: bool = False,
    overwrite: bool = False,
) -> Segmentation:
    """Segment one scan and write ``lungs.nii.gz``, ``quality.json`` and ``run.json``.

    With a vessel method also ``vessels.nii.gz`` and ``airways.nii.gz``, which take some twenty seconds.

    Parameters
    ----------
    scan : Path
        DICOM folder or zip, NIfTI, MHA, MHD or NRRD file.
    out : Path
        Output folder.
    lungs : str
        Segmentation method: ``"threshold"``, ``"multi-atlas"``, ``"lungmask"`` or ``"totalsegmentator"``.
    atlases : Path, optional
        Atlases of the method ``"multi-atlas"``: a folder of images and lung label maps, or a cohort.csv.
    fusion : str
        How their labels are fused: ``"local"``, ``"majority"`` or ``"staple"``.
    weights : Path, optional
        Folder that holds the weights of ``"lungmask"`` or ``"totalsegmentator"``.
    lobes : str, optional
        Method for the lobes, ``"lungmask"`` or ``"totalsegmentator"``; adds ``lobes.nii.gz``.
    vessels : str, optional
        Method for the vessels, such as ``"graph-cut"``; without one neither vessels nor airways are segmented.
    series : str, optional
        SeriesInstanceUID to read where a folder holds several.
    force : bool
        Go on where a judgement (cut lungs, thick slices) would refuse.
    overwrite : bool
        Replace an earlier run in the same folder.

    Raises
    ------
    SpiroctError
        If the scan cannot be read or is refused, or the folder cannot be written.
    """
    if vessels is not None:
        require_vessel_method(vessels)
    options = LungOptions(atlases, fusion, weights)
    deciding = deciding_inputs(lungs, lobes=lobes, options=options)
    require_usable(out, verb="segment", overwrite=overwrite)
    volume, digest = read_scan(scan, series=series)
    arguments: dict[str, Any] = {"scan": digest, "lungs": lungs, "series": series, "force": force} | deciding
    if lobes is not None:
        arguments["lobes"] = lobes
    if vessels is not None:
        arguments["vessels"] = vessels
    arguments["spiroct"] = result_versions()["spiroct"]
    with run_folder(out, verb="segment", arguments=arguments, overwrite=overwrite) as run:
        result = _segment(volume, scan, scan_id_of(volume, scan), lungs, options, lobes, vessels, force=force)
        if not run.finished:
            _write(result, run.work)
    return result


def cohort_segment(
    cohort: Path | Sequence[Path],
    *,
    out: Path,
    lungs: str = "threshold",
    atlases: Path | None = None,
    fusion: str = DEFAULT_FUSION,
    weights: Path | None = None,
    lobes: str | None = None,
    vessels: str | None = None,
    force: bool = False,
    overwrite: bool = False,
    finished: Callable[[ScanTask, Path], None] | None = None,
    execution: Execution | None = None,
    shard: Shard | None = None,
) -> BatchSummary:
    """Segment many scans; masks that a cohort's table names are not used.

    Writes ``<scan_id>/`` with the files of one segmentation as each finishes, ``volumes.csv`` (litres of every
    structure) of all and ``failures.csv``.

    Parameters
    ----------
    cohort : Path or sequence of Path
        cohort.csv, or the scans (:func:`spiroct.workflows.cohort_tasks.scans_of`).
    out, lungs, atlases, fusion, weights, lobes, vessels, force, overwrite
        As for :func:`segment`.
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
    if vessels is not None:
        require_vessel_method(vessels)
    atlases, weights = (None if path is None else path.resolve() for path in (atlases, weights))  # workers: elsewhere
    options = LungOptions(atlases, fusion, weights)
    deciding = deciding_inputs(lungs, lobes=lobes, options=options)
    methods = {"lungs": lungs, "lobes": lobes, "vessels": vessels, "force": force}
    return process_scans(
        [scan.task() for scan in scans_of(cohort)],
        _Work(lungs, options, lobes, vessels, force=force),
        out=out,
        verb="segment",
        arguments={**methods, **deciding, "spiroct": result_versions()["spiroct"]},
        tables=(TABLE,),
        overwrite=overwrite,
        finished=finished,
        execution=execution,
        shard=shard,
    )


@dataclass(frozen=True)
class _Work:
    """What is done to each scan of a cohort; plain data, so that it can travel to a worker."""

    lungs: str
    options: LungOptions
    lobes: str | None
    vessels: str | None
    force: bool

    def __call__(self, task: ScanTask, folder: Path) -> None:
        image = task.files[0]
        volume, _ = read_scan(image)
        result = _segment(
            volume, image, task.scan_id, self.lungs, self.options, self.lobes, self.vessels, force=self.force
        )
        _write(result, folder)
        with (folder / TABLE).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["scan_id", "structure", "volume", "unit"])
            writer.writerows([task.scan_id, name, litres, "L"] for name, litres in volumes(result).items())


def volumes(result: Segmentation) -> dict[str, float]:
    """Litres of every structure that was segmented."""
    labels = {"lungs": None, "right lung": 1, "left lung": 2}
    litres = {name: result.lungs.volume_l(label) for name, label in labels.items()}
    if result.lobes is not None:
        litres |= {f"{name} lobe": result.lobes.volume_l(label) for label, name in enumerate(LOBE_NAMES, start=1)}
    for name, mask in (("vessels", result.vessels), ("airways", result.airways)):
        if mask is not None:
            litres[name] = mask.volume_l()
    return litres


def _segment(
    volume: CTVolume,
    scan: Path,
    scan_id: str,
    lungs: str,
    options: LungOptions,
    lobes: str | None,
    vessels: str | None,
    *,
    force: bool,
) -> Segmentation:
    examined = examine(volume, scan, lungs=lungs, options=options, force=force)
    result = Segmentation(scan_id, examined.lungs, examined.verdicts, examined.overrides)
    if lobes is not None:
        result = dataclasses.replace(result, lobes=segment_lobes(volume, method=lobes, options=options))
    if vessels is not None:
        lumen = find_airways(volume, examined.lungs)
        found = segment_vessels(volume, examined.lungs, method=vessels, airways=lumen)
        airways = restore(resample_labels(lumen, to_canonical(volume).geometry), volume.geometry)
        result = dataclasses.replace(result, vessels=found, airways=airways)
    return result


def _write(result: Segmentation, folder: Path) -> None:
    for name, mask in (("vessels", result.vessels), ("airways", result.airways), ("lobes", result.lobes)):
        if mask is not None:
            write_nifti(mask, folder / f"{name}.nii.gz")
    write_nifti(result.lungs, folder / "lungs.nii.gz")
    write_json(
        folder / "quality.json",
        {
            "schema": "spiroct.quality",
            "schema_version": 1,
            "scan_id": result.scan_id,
            "quality": [dataclasses.asdict(v) for v in result.quality],
            "overrides": list(result.overrides),
        },
    )
