"""Scans of a cohort as tasks of a batch: files, person and measured function of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spiroct.batch.scan_task import ScanTask
from spiroct.cohort.cohort import Cohort
from spiroct.cohort.table import read_cohort
from spiroct.errors import InputError
from spiroct.pft.demographics import Demographics, check_person
from spiroct.pft.measures import Measure


@dataclass(frozen=True)
class CohortScan:
    """One row of a cohort table, typed.

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
