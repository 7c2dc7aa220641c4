"""spiroct import: from folders of other people's layout to a cohort that reads back, broken scans listed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from spiroct.cli.main import main
from spiroct.cohort.table import read_cohort
from spiroct.errors import InputError, OutputError
from spiroct.workflows.import_cohort import import_lumc_cohort, import_osic_cohort
from spiroct.workflows.simulate import simulate_patient


@pytest.fixture(scope="module")
def osic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three patients: one whole scan, one whose slices are cut short, one that is no DICOM."""
    folder = tmp_path_factory.mktemp("source") / "osic"
    simulate_patient(folder.parent / "patient", seed=1, spacing=8.0)
    shutil.copytree(folder.parent / "patient" / "ct", folder / "train" / "ID1")
    (folder / "train" / "ID2").mkdir()
    for path in sorted((folder / "train" / "ID1").rglob("*.dcm"))[:5]:
        shutil.copy(path, folder / "train" / "ID2" / path.name)
    (folder / "train" / "ID3").mkdir()
    (folder / "train" / "ID3" / "1.dcm").write_text("no DICOM", encoding="utf-8")
    rows = [(f"ID{i}", week, 2300 + i, 60 + i, 70, "Male", "Ex-smoker") for i in (1, 2, 3) for week in (-2, 9)]
    columns = ["Patient", "Weeks", "FVC", "Percent", "Age", "Sex", "SmokingStatus"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "train.csv", index=False)
    return folder


def test_a_cohort_that_reads_back_with_broken_scans_listed(osic: Path, tmp_path: Path) -> None:
    summary = import_osic_cohort(osic, out=tmp_path / "deep" / "out")
    cohort = read_cohort(tmp_path / "deep" / "out" / "cohort.csv")
    assert cohort.scan_ids == ("ID1",)
    assert cohort.path("ID1").resolve() == (osic / "train" / "ID1").resolve()
    row = cohort.table.iloc[0]
    assert (row["FVC"], row["sex"], row["ct_pft_interval_days"], row["fvc_percent_given"]) == (2.301, "M", -14, "61.0")
    assert pd.isna(row["height_cm"])
    assert summary.counts == {"DLCO": 0, "FEV1": 0, "FVC": 1, "TLC": 0}
    assert [(f.scan_id, f.kind) for f in summary.left_out] == [("ID2", "ScanError"), ("ID3", "ScanError")]
    assert "at least 20" in summary.left_out[0].reason
    assert summary.failed
    record = json.loads((tmp_path / "deep" / "out" / "run.json").read_text(encoding="utf-8"))
    assert record["files"] == ["cohort.csv", "failures.csv"]


def test_again_does_nothing_and_another_limit_is_refused(osic: Path, tmp_path: Path) -> None:
    first = import_osic_cohort(osic, out=tmp_path / "out", check=False)
    before = (tmp_path / "out" / "run.json").read_bytes()
    again = import_osic_cohort(osic, out=tmp_path / "out", check=False)
    assert (tmp_path / "out" / "run.json").read_bytes() == before
    assert again.counts == first.counts == {"DLCO": 0, "FEV1": 0, "FVC": 3, "TLC": 0}
    assert not first.failed
    with pytest.raises(OutputError, match="max_gap_days"):
        import_osic_cohort(osic, out=tmp_path / "out", check=False, max_gap_days=20)


def test_nothing_left_is_refused_with_the_first_reason(osic: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none of 3 scans is left.*ID1, the nearest FVC is -14 days from the CT"):
        import_osic_cohort(osic, out=tmp_path / "out", max_gap_days=7)
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="nowhere is not a folder"):
        import_osic_cohort(tmp_path / "nowhere", out=tmp_path / "out")


def lumc(folder: Path) -> Path:
    folder.mkdir()
    for name in ("SSc_patient_0000001", "SSc_patient_0000001_LungMask", "SSc_patient_0000002"):
        (folder / f"{name}.nii.gz").write_bytes(b"")
    rows = [(1, "5.4", "2.6", "3.3", "4.9", "3"), (2, "5.0", "2.0", "3.0", "4.0", "30")]
    columns = ["subjectID", "DLCOc_SB", "FEV1", "FVC", "TLC_He", "DateDF_abs"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "labels.csv", index=False)
    return folder


def test_a_limit_that_was_asked_for_is_no_failure(tmp_path: Path) -> None:
    summary = import_lumc_cohort(lumc(tmp_path / "lumc"), out=tmp_path / "out", check=False, max_gap_days=10)
    assert summary.cohort.path("SSc_patient_0000001", "lung_mask").is_file()
    assert [(f.scan_id, f.kind) for f in summary.left_out] == [("SSc_patient_0000002", "too far apart")]
    assert not summary.failed


@pytest.mark.parametrize(("limit", "code", "words"), [([], 3, "2 scans"), (["--max-gap", "10"], 3, "1 too far apart")])
def test_the_command_line_says_what_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], limit: list[str], code: int, words: str
) -> None:
    folder = lumc(tmp_path / "lumc")
    (folder / "SSc_patient_0000009.nii.gz").write_bytes(b"")
    with pytest.raises(SystemExit) as end:
        main(["import", "lumc", str(folder), "--out", str(tmp_path / "out"), "--no-check", *limit])
    shown = capsys.readouterr().out
    assert end.value.code == code
    assert words in shown
    assert "1 not named in the table" in shown


def test_the_command_line_ends_with_0_where_nothing_failed(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as end:
        main(["import", "lumc", str(lumc(tmp_path / "lumc")), "--out", str(tmp_path / "out"), "--no-check"])
    assert end.value.code == 0


def test_osic_at_the_command_line(osic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["import", "osic", str(osic), "--out", str(tmp_path / "out")])
    assert end.value.code == 3
    assert "1 scans: DLCO 0, FEV1 0, FVC 1, TLC 0\nleft out: 2 ScanError" in capsys.readouterr().out
