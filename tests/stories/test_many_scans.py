"""Many scans from the command line, a broken one among them: the others done, exit code 3, then resumed."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from spiroct.workflows.simulate import simulate_cohort


def spiroct(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "spiroct", *words]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)


def ids(table: Path) -> list[str]:
    with table.open(encoding="utf-8") as file:
        return list(dict.fromkeys(row["scan_id"] for row in csv.DictReader(file)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("verb", "table"), [("predict", "predictions.csv"), ("biomarkers", "biomarkers.csv"), ("segment", "volumes.csv")]
)
def test_a_cohort_on_two_processes(verb: str, table: str, tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="needs the extra [cluster]")
    simulate_cohort(tmp_path / "made", n=3, seed=6, spacing=6.0)
    cohort = tmp_path / "made" / "cohort.csv"
    names = ids(cohort)
    broken = sorted((tmp_path / "made" / "images").iterdir())[1]
    broken.write_bytes(broken.read_bytes()[:2000])
    words = (verb, str(cohort), "--out", str(tmp_path / "out"), "--force")
    words += ("--grid", "native") if verb == "biomarkers" else ()
    first = spiroct(*words, "--workers", "2")
    assert first.returncode == 3, first.stderr[-2000:]
    assert ids(tmp_path / "out" / table) == [names[0], names[2]]
    assert ids(tmp_path / "out" / "failures.csv") == [names[1]]
    again = spiroct(*words)
    assert again.returncode == 3
    assert "before: 2" in again.stdout
    assert ids(tmp_path / "out" / table) == [names[0], names[2]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("verb", "table", "more"),
    [("biomarkers", "biomarkers.csv", ("--grid", "native")), ("segment", "volumes.csv", ("--quiet",))],
)
def test_scans_without_a_table(
    verb: str, table: str, more: tuple[str, ...], nifti: Path, dicom_series: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.nii.gz"
    broken.write_bytes(nifti.read_bytes()[:20000])
    words = (verb, str(nifti), str(broken), str(dicom_series), "--out", str(tmp_path / "out"), "--workers", "1")
    found = spiroct(*words, *more)
    assert found.returncode == 3, found.stderr[-2000:]
    first, second = ids(tmp_path / "out" / table)
    assert first == "chest"
    assert second.startswith("series-")
    assert ids(tmp_path / "out" / "failures.csv") == ["broken"]
    assert ids(tmp_path / "out" / "scans.csv") == ["chest", "broken", second]
    assert ("chest: warning: " in found.stderr) == ("--quiet" not in more)
    assert found.stderr.count("warning: ") == found.stderr.count(": warning: ")


def test_places_of_work_need_many_scans(tmp_path: Path) -> None:
    refused = spiroct("predict", str(tmp_path), "--out", str(tmp_path / "out"), "--workers", "2")
    assert refused.returncode == 2
    assert "cohort.csv" in refused.stderr
