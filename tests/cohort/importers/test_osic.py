"""OSIC: made-up folders of the competition's layout; which visit is taken, what is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from spiroct.cohort.importers.imported import FoundScan, Imported
from spiroct.cohort.importers.osic import import_osic
from spiroct.errors import InputError

HEADER = "Patient,Weeks,FVC,Percent,Age,Sex,SmokingStatus\n"


def osic(folder: Path, rows: str, *scans: str) -> Path:
    for name in scans:
        (folder / "train" / name).mkdir(parents=True)
        (folder / "train" / name / "1.dcm").write_bytes(b"")
    (folder / "train.csv").write_text(HEADER + rows, encoding="utf-8")
    return folder


def only(found: Imported) -> FoundScan:
    assert not found.left_out
    (scan,) = found.scans
    return scan


def test_the_visit_nearest_to_the_ct_is_taken(tmp_path: Path) -> None:
    rows = (
        "ID1,-4,2315,58.25,79,Male,Ex-smoker\nID1,3,2214,55.7,79,Male,Ex-smoker\nID1,17,2000,50.3,79,Male,Ex-smoker\n"
    )
    scan = only(import_osic(osic(tmp_path, rows, "ID1")))
    assert (scan.scan_id, scan.patient_id, scan.image) == ("ID1", "ID1", tmp_path / "train" / "ID1")
    assert scan.cells == {
        "sex": "M", "age": "79", "FVC": "2.214", "ct_pft_interval_days": "21", "smoking": "Ex-smoker",
        "fvc_percent_given": "55.7",
    }  # fmt: skip


def test_of_two_as_near_the_one_before_the_ct(tmp_path: Path) -> None:
    rows = "ID1,5,2000,50,60,Female,Never smoked\nID1,-5,2100,52,60,Female,Never smoked\n"
    cells = only(import_osic(osic(tmp_path, rows, "ID1"))).cells
    assert (cells["FVC"], cells["ct_pft_interval_days"], cells["sex"]) == ("2.1", "-35", "F")


def test_two_values_of_one_week_are_averaged_and_that_is_said(tmp_path: Path) -> None:
    found = import_osic(osic(tmp_path, "ID1,0,2000,50,60,Male,x\nID1,0,2200,54,60,Male,x\n", "ID1"))
    assert only(found).cells["FVC"] == "2.1"
    assert only(found).cells["fvc_percent_given"] == "52.0"
    assert "1 patients have two FVC" in found.notes[1]
    assert "stay empty" in found.notes[0]


def test_everything_that_is_left_out_says_why(tmp_path: Path) -> None:
    rows = "".join(
        f"{name},{week},{fvc},50,60,Male,x\n"
        for name, week, fvc in (
            ("A", 2, "2000"),
            ("B", 40, "2000"),
            ("C", 0, ""),
            ("D", 0, "two litres"),
            ("E", "soon", "2"),
        )
    )
    found = import_osic(osic(tmp_path, rows, "B", "C", "D", "E", "stray"), max_gap_days=90)
    assert not found.scans
    assert [(one.scan_id, one.kind) for one in found.left_out] == [
        ("A", "no scan"), ("B", "too far apart"), ("C", "no measurement"), ("D", "impossible value"),
        ("E", "impossible value"), ("stray", "not named in the table"),
    ]  # fmt: skip
    assert "280 days from the CT, more than 90" in found.left_out[1].reason


def test_a_folder_of_another_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no train\.csv"):
        import_osic(tmp_path)
    (tmp_path / "train.csv").write_text("Patient;Weeks\n", encoding="utf-8")
    with pytest.raises(InputError, match="has no folder train"):
        import_osic(tmp_path)
    (tmp_path / "train").mkdir()
    with pytest.raises(InputError, match="has no column FVC, Percent, Age, Sex, SmokingStatus"):
        import_osic(tmp_path)
