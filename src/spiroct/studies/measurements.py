"""One pass over every scan before any training: quality, vessel mask, biomarkers; bad scans are listed."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from spiroct.batch.scan_task import ScanTask
from spiroct.batch.scans import process_scans
from spiroct.batch.tables import FAILURES
from spiroct.biomarkers.gridding import on_grid, parse_grids
from spiroct.biomarkers.scan import scan_biomarkers
from spiroct.cohort.biomarker_table import read_biomarkers
from spiroct.imaging.label_files import read_label_map
from spiroct.imaging.writing import write_nifti
from spiroct.reporting.biomarker_table import write_biomarkers
from spiroct.segmentation.airways import WORKING_MM, find_airways
from spiroct.segmentation.vessels import segment_vessels
from spiroct.workflows.cohort_tasks import cohort_scans
from spiroct.workflows.examine import examine, read_scan
from spiroct.workflows.versions import result_versions

TABLE = "biomarkers.csv"
VESSELS = "vessels.nii.gz"


def measure_scans(cohort: Path, *, out: Path, grid: str) -> None:
    """Examine and measure every scan of a cohort.

    Writes ``<scan_id>/vessels.nii.gz`` (where the table names no vessel mask) and ``biomarkers.csv`` for each,
    ``biomarkers.csv`` of all and ``failures.csv``. Airways are sought on a scan's own grid where that is coarser than
    what their walls need: nothing is gained by interpolating it.

    Parameters
    ----------
    cohort : Path
        cohort.csv.
    out : Path
        Output folder; goes on where it was.
    grid : str
        Of the biomarkers: ``native``, or millimetres.

    Raises
    ------
    SpiroctError
        If the grid or the table is refused; a bad scan does not stop the others.
    """
    (spacing,) = parse_grids((grid,))
    scans = {scan.scan_id: scan for scan in cohort_scans(cohort)}

    def work(task: ScanTask, folder: Path) -> None:
        row = scans[task.scan_id]
        volume, _ = read_scan(row.image)
        given = None if row.lung_mask is None else read_label_map(row.lung_mask, onto=volume.geometry)
        lungs = examine(volume, row.image, lungs="threshold" if given is None else given).lungs
        coarse = max(volume.geometry.spacing) > 2 * WORKING_MM
        airways = find_airways(volume, lungs, grid_mm=None if coarse else WORKING_MM)
        if row.vessel_mask is None:
            vessels = segment_vessels(volume, lungs, airways=airways, grid_mm=spacing)
            write_nifti(vessels, folder / VESSELS)
        else:
            vessels = read_label_map(row.vessel_mask, onto=volume.geometry)
        gridded = on_grid(volume, lungs, grid_mm=spacing, vessels=vessels, airways=airways)
        found = scan_biomarkers(gridded, fvc_percent_predicted=None, fvc_estimated=False)
        write_biomarkers(task.scan_id, found.biomarkers, folder / TABLE)

    process_scans(
        [scan.task() for scan in scans.values()],
        work,
        out=out,
        verb="study measurements",
        arguments={"grid": grid, "spiroct": result_versions()["spiroct"]},
        tables=(TABLE,),
    )


def measured_biomarkers(folder: Path) -> pd.DataFrame:
    """Read what :func:`measure_scans` measured."""
    return read_biomarkers(folder / TABLE)


def failures(folder: Path) -> pd.DataFrame:
    """Read which scans could not be measured: ``scan_id, image, kind, reason``."""
    return pd.read_csv(folder / FAILURES, dtype=str, keep_default_na=False)
