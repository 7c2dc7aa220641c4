"""Rows of a cohort as tasks."""

from __future__ import annotations

from pathlib import Path

import pytest

from spiroct.errors import InputError
from spiroct.pft.measures import Measure
from spiroct.workflows.cohort_tasks import cohort_scans

HEADER = "patient_id,image,lung_mask,lobe_mask,sex,age,height_cm,DLCO,FEV1,FVC,TLC\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    for name in ("a.nii.gz", "b.nii.gz", "lungs.nii.gz"):
        (tmp_path / name).touch()
    path = tmp_path / "cohort.csv"
    path.write_text(f"{HEADER}P1,a.nii.gz,lungs.nii.gz,,F,53.4,168,5.5,,2.9,\nP2,b.nii.gz,,,,,,,,,\n")
    return path


def test_rows_are_typed_and_missing_cells_are_missing(table: Path) -> None:
    first, second = cohort_scans(table)
    assert (first.scan_id, first.image, first.lung_mask) == (
        "P1",
        table.parent / "a.nii.gz",
        table.parent / "lungs.nii.gz",
    )
    assert first.vessel_mask is first.lobe_mask is second.lung_mask is None
    assert first.measured == {Measure.DLCO: 5.5, Measure.FVC: 2.9}
    assert (first.demographics.age, first.demographics.height_cm) == (53.4, 168.0)
    assert second.measured == {}
    assert second.demographics.sex is second.demographics.age is None


def test_what_decides_a_result_is_in_the_task(table: Path) -> None:
    first, second = (scan.task() for scan in cohort_scans(table))
    assert first.files == (table.parent / "a.nii.gz", table.parent / "lungs.nii.gz")
    assert first.facts["masks"] == ["lung_mask"]
    table.write_text(table.read_text().replace(",2.9,", ",3.1,"))
    changed, same = (scan.task() for scan in cohort_scans(table))
    assert changed.facts != first.facts
    assert same == second


def test_faults_are_refused(table: Path) -> None:
    table.write_text(table.read_text().replace("b.nii.gz", "gone.nii.gz"))
    with pytest.raises(InputError, match=r"gone\.nii\.gz does not exist"):
        cohort_scans(table)
