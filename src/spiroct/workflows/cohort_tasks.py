"""Many scans as tasks of a batch, of a cohort's table or named one by one: files, person, measured function."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spiroct.batch.scan_task import ScanTask
from spiroct.cohort.cohort import Cohort
from spiroct.cohort.table import read_cohort
from spiroct.errors import InputError
from spiroct.imaging.reading import series_of
from spiroct.log import logger
from spiroct.pft.demographics import Demographics, check_person
from spiroct.pft.measures import Measure
from spiroct.workflows.examine import name_of


@dataclass(frozen=True)
class CohortScan:
    """One scan of many: a row of a cohort table, typed, or a scan of which nothing but its place is known.

    Parameters
    ----------
    scan_id, patient_id : str
        As in the table.
    image : Path
        The scan.
    lung_mask, vessel_mask, lobe_mask : Path or None
        Masks that the table names.
    demographics : Demographics
        Sex, age, height and ethnicity; None where missing.
    measured : dict of Measure to float
        Measured function, those that are there; DLCO in mmol/min/kPa, the others in litres.
    """

    scan_id: str
    patient_id: str
    image: Path
    lung_mask: Path | None
    vessel_mask: Path | None
    lobe_mask: Path | None
    demographics: Demographics
    measured: dict[Measure, float]

    def task(self) -> ScanTask:
        """As a task for a batch; everything of the row that can decide a result is among its files and facts."""
        masks = {"lung_mask": self.lung_mask, "vessel_mask": self.vessel_mask, "lobe_mask": self.lobe_mask}
        person = self.demographics
        facts: dict[str, Any] = {
            "masks": [name for name, path in masks.items() if path is not None],
            "demographics": [person.sex, person.age, person.height_cm, person.ethnicity],
            "measured": {measure.value: value for measure, value in self.measured.items()},
        }
        files = (self.image, *(p for p in masks.values() if p is not None))
        return ScanTask(self.scan_id, files, facts, payload=self)


def scans_of(given: Path | Sequence[Path]) -> tuple[CohortScan, ...]:
    """Find the scans of a batch.

    Parameters
    ----------
    given : Path or sequence of Path
        cohort.csv; or the scans themselves, each a DICOM folder or zip, NIfTI, MHA, MHD or NRRD file, which are named
        as one scan alone is, by series or file, and of whose patients only the DICOM headers tell something.

    Returns
    -------
    tuple of CohortScan
        In the given order.

    Raises
    ------
    InputError
        If the table has faults, a scan does not exist, or two would have the same name.
    """
    if isinstance(given, Path):
        return cohort_scans(given)
    missing = [str(path) for path in given if not path.exists()]
    if missing:
        raise InputError(
            f"of {len(given)} scans {len(missing)} do not exist ({_shortened(missing)})",
            "a scan is a DICOM folder, a zip or an image file",
            "check the paths",
        )
    named: dict[str, list[Path]] = defaultdict(list)
    scans = []
    for path in given:
        name = _name(path)
        named[name.lower()].append(path)
        scans.append(CohortScan(name, name, path.absolute(), None, None, None, Demographics(), {}))
    shared = [(name, paths) for name, paths in named.items() if len(paths) > 1]
    if shared:
        (name, paths), more = shared[0], f"; {len(shared) - 1} more names are shared" if shared[1:] else ""
        raise InputError(
            f"{len(paths)} scans would be called {name} ({_shortened(paths)}){more}",
            "results go to a folder of the scan's name, which is that of its file or made of its DICOM series",
            "name each scan once, a series by its folder; list scans of one name in a cohort.csv with a column scan_id",
        )
    return tuple(scans)


def _name(path: Path) -> str:
    try:
        return name_of(series_of(path), path)
    except Exception as unread:  # noqa: BLE001 - the batch meets it again, and tells it as this scan's failure
        logger.debug("%s has no name of its own: %s", path, unread)
        return "unread-" + hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:12]


def _shortened(items: Sequence[object], most: int = 3) -> str:
    more = [f"{len(items) - most} more"] if len(items) > most else []
    return ", ".join([*map(str, items[:most]), *more])


def cohort_scans(path: Path) -> tuple[CohortScan, ...]:
    """Read a cohort table for work on its scans.

    Parameters
    ----------
    path : Path
        cohort.csv; every scan needs an existing image.

    Returns
    -------
    tuple of CohortScan
        In the table's order.

    Raises
    ------
    InputError
        If the table has faults; all are listed.
    """
    cohort = read_cohort(path.resolve())  # workers stand in other folders
    return tuple(_scan(cohort, row) for row in cohort.table.to_dict("records"))


def _scan(cohort: Cohort, row: dict[Any, Any]) -> CohortScan:
    name = str(row["scan_id"])
    image = cohort.path(name)
    if image is None:
        raise InputError(f"scan {name} of the cohort", "it has no image", "fill in the column image")
    person = check_person(
        sex=row["sex"] or None,
        age=_number(row["age"]),
        height_cm=_number(row["height_cm"]),
        ethnicity=row.get("ethnicity") or None,
    )
    values = {measure: _number(row[measure.value]) for measure in Measure}
    return CohortScan(
        scan_id=name,
        patient_id=str(row["patient_id"]),
        image=image,
        lung_mask=cohort.path(name, "lung_mask"),
        vessel_mask=cohort.path(name, "vessel_mask"),
        lobe_mask=cohort.path(name, "lobe_mask"),
        demographics=person,
        measured={measure: value for measure, value in values.items() if value is not None},
    )


def _number(value: Any) -> float | None:
    number = float(value)
    return None if number != number else number  # noqa: PLR0124 - only NaN differs from itself
