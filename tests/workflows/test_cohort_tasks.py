"""Rows of a cohort, and scans named one by one, as tasks."""

from __future__ import annotations

from pathlib import Path

import pytest

from spiroct.errors import InputError
from spiroct.pft.measures import Measure
from spiroct.workflows.cohort_tasks import cohort_scans, scans_of

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


def test_a_table_or_scans(table: Path) -> None:
    assert scans_of(table) == cohort_scans(table)
    first, second = scans_of([table.parent / "b.nii.gz", table.parent / "a.nii.gz"])
    assert (first.scan_id, first.patient_id, first.image) == ("b", "b", table.parent / "b.nii.gz")
    assert second.scan_id == "a"
    assert first.measured == {}
    assert first.demographics.sex is first.lung_mask is None


def test_scans_are_named_from_where_a_worker_stands(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(table.parent)
    (found, _) = scans_of([Path("a.nii.gz"), Path("b.nii.gz")])
    assert found.image == table.parent / "a.nii.gz"


def test_a_folder_lends_no_name(tmp_path: Path) -> None:
    """It may be a patient's; one without a series is told of by the batch, and keeps its name from run to run."""
    folders = [tmp_path / "DOE^JANE", tmp_path / "ROE^RICHARD"]
    for folder in folders:
        folder.mkdir()
        (folder / "notes.txt").touch()
    names = [scan.scan_id for scan in scans_of(folders)]
    assert len(set(names)) == 2
    assert all(name.startswith("unread-") for name in names)
    assert [scan.scan_id for scan in scans_of(folders)] == names


def test_scans_of_one_name_are_refused(tmp_path: Path) -> None:
    paths = [tmp_path / folder / "ct.nii.gz" for folder in ("one", "two")]
    for path in (*paths, tmp_path / "CT.nrrd"):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    with pytest.raises(InputError, match=r"2 scans would be called ct \(.*one.*two.*\): .* cohort\.csv"):
        scans_of(paths)
    with pytest.raises(InputError, match="would be called ct"):  # folders differ by more than capitals
        scans_of([paths[0], tmp_path / "CT.nrrd"])


def test_paths_that_lead_nowhere_are_all_named(table: Path) -> None:
    with pytest.raises(InputError, match=r"of 3 scans 2 do not exist \(.*x\.nii, .*y\.nii\)"):
        scans_of([table.parent / name for name in ("x.nii", "a.nii.gz", "y.nii")])
