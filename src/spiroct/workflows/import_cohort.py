"""``spiroct import``: another group's folder as a cohort.csv, its scans read once, what is broken listed."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spiroct.batch.progress import Progress
from spiroct.batch.tables import FAILURES, Failure, write_failures
from spiroct.cohort.cohort import Cohort
from spiroct.cohort.importers.imported import FoundScan, Imported, LeftOut, as_table, rows_for
from spiroct.cohort.importers.lumc import import_lumc
from spiroct.cohort.importers.osic import import_osic
from spiroct.cohort.table import read_cohort, write_cohort
from spiroct.errors import InputError, SpiroctError
from spiroct.imaging.reading import read_ct
from spiroct.log import logger
from spiroct.pft.measures import Measure
from spiroct.run_folder import run_folder
from spiroct.workflows.versions import result_versions

ASKED_FOR = "too far apart"  # left out because the user set a limit: no failure


@dataclass(frozen=True)
class ImportSummary:
    """How an import ended.

    Parameters
    ----------
    cohort : Cohort
        As written.
    counts : dict
        Measurements of each measure.
    left_out : tuple of Failure
        As in ``failures.csv``.
    """

    cohort: Cohort
    counts: dict[str, int]
    left_out: tuple[Failure, ...]

    @property
    def failed(self) -> bool:
        """Whether anything but a limit that the user set kept a scan out."""
        return any(failure.kind != ASKED_FOR for failure in self.left_out)


def import_lumc_cohort(
    folder: Path,
    *,
    out: Path,
    labels: Path | None = None,
    scans: Path | None = None,
    max_gap_days: float | None = None,
    check: bool = True,
    overwrite: bool = False,
) -> ImportSummary:
    """Make a cohort of the LUMC folder; see :func:`spiroct.cohort.importers.lumc.import_lumc`.

    Writes ``cohort.csv``, ``failures.csv`` and ``run.json``; the scans stay where they are.

    Parameters
    ----------
    folder : Path
    out : Path
        Output folder.
    labels, scans, max_gap_days
        As there.
    check : bool
        Read every scan, and leave out those that cannot be read.
    overwrite : bool
        Replace an earlier run in the same folder.

    Raises
    ------
    SpiroctError
        If the folder is not laid out so, nothing is left, or ``out`` cannot be written.
    """
    found = import_lumc(_existing(folder), labels=labels, scans=scans, max_gap_days=max_gap_days)
    arguments = {"source": "lumc", "max_gap_days": max_gap_days, "check": check}
    return _import(found, out=out, arguments=arguments, check=check, overwrite=overwrite)


def import_osic_cohort(
    folder: Path, *, out: Path, max_gap_days: float | None = None, check: bool = True, overwrite: bool = False
) -> ImportSummary:
    """Make a cohort of the OSIC folder; see :func:`spiroct.cohort.importers.osic.import_osic`.

    Arguments, files and errors as :func:`import_lumc_cohort`.
    """
    found = import_osic(_existing(folder), max_gap_days=max_gap_days)
    arguments = {"source": "osic", "max_gap_days": max_gap_days, "check": check}
    return _import(found, out=out, arguments=arguments, check=check, overwrite=overwrite)


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder", "an import reads a folder of scans and tables", "check the path")
    return folder


def _import(found: Imported, *, out: Path, arguments: dict[str, Any], check: bool, overwrite: bool) -> ImportSummary:
    rows, impossible = rows_for(found.scans, out)
    digest = hashlib.sha256(repr((rows, found.left_out, impossible)).encode()).hexdigest()
    arguments = {**arguments, "table": digest, "spiroct": result_versions()["spiroct"]}
    with run_folder(out, verb="import", arguments=arguments, overwrite=overwrite) as run:
        if not run.finished:
            broken = _unreadable([s for s in found.scans if s.scan_id in {r["scan_id"] for r in rows}]) if check else {}
            kept = [row for row in rows if row["scan_id"] not in broken]
            left_out = [_failure(one) for one in (*found.left_out, *impossible)] + list(broken.values())
            if not kept:
                raise InputError(
                    f"none of {len(found.scans) + len(found.left_out)} scans is left",
                    "a cohort has at least one",
                    f"the first reason is: {left_out[0].scan_id}, {left_out[0].reason}",
                )
            # the table will lie in `out`; its paths are relative to that already
            write_cohort(Cohort(as_table(kept), out), run.work / "cohort.csv", home=out)
            write_failures(sorted(left_out, key=lambda f: f.scan_id), run.work / FAILURES)
            for note in found.notes:
                logger.warning("%s.", note[0].upper() + note[1:])
    cohort = read_cohort(out / "cohort.csv")
    counts = {measure.value: int(np.isfinite(cohort.values(measure)).sum()) for measure in Measure}
    return ImportSummary(cohort, counts, _read_failures(out / FAILURES))


def _unreadable(scans: Sequence[FoundScan]) -> dict[str, Failure]:
    """Read every scan once; a broken one never stops the others."""
    broken: dict[str, Failure] = {}
    progress = Progress(len(scans), "import")
    for scan in scans:
        try:
            read_ct(scan.image)
        except SpiroctError as refusal:
            broken[scan.scan_id] = Failure(scan.scan_id, str(scan.image), type(refusal).__name__, str(refusal))
            logger.error("%s: left out: %s", scan.scan_id, refusal)
        progress.step(scan.scan_id, len(broken))
    progress.end(len(broken))
    return broken


def _failure(one: LeftOut) -> Failure:
    return Failure(one.scan_id, one.source, one.kind, one.reason)


def _read_failures(path: Path) -> tuple[Failure, ...]:
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(Failure(**row) for row in csv.DictReader(file))
