"""``spiroct biomarkers`` as typed: one scan, a cohort with a bad scan, and every refusal."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import spiroct as package
from spiroct.biomarkers.vocabulary import VOCABULARY
from spiroct.errors import ExitCode

QUICK = ("--grid", "4", "--force")
HEADER = "patient_id,image,sex,age,height_cm,DLCO,FEV1,FVC,TLC\n"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_one_scan(spiroct: Callable, nifti: Path, tmp_path: Path) -> None:
    answer = spiroct("biomarkers", nifti, "--out", tmp_path / "out", *QUICK, "--grid", "native", "--json")
    assert answer.code == ExitCode.DONE
    document = json.loads(answer.out)
    schema = json.loads((Path(package.__path__[0]) / "schemas/biomarkers.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(document)
    assert document == json.loads((tmp_path / "out/biomarkers.json").read_text(encoding="utf-8"))
    table = rows(tmp_path / "out/biomarkers.csv")
    assert list(table[0]) == ["scan_id", "region", "biomarker", "value", "unit", "grid"]
    keys = [(r["region"], r["biomarker"], r["grid"]) for r in table]
    assert len(set(keys)) == len(keys)
    assert {grid for *_, grid in keys} == {"4 mm", "native"}
    assert {name for _, name, _ in keys} == set(VOCABULARY)
    for row in table:  # the table and the document say the same
        there = document["biomarkers"] if row["grid"] == "4 mm" else document["other_grids"]["native"]
        entry = there[row["region"]][row["biomarker"]]
        assert (entry["value"], entry["unit"]) == (float(row["value"]) if row["value"] else None, row["unit"])
    lungs = document["biomarkers"]["lungs"]
    assert 1 < lungs["volume"]["value"] < 9
    assert lungs["small_vessel_count"]["value"] is None
    assert "at most 1 mm" in lungs["small_vessel_count"]["reason"]


def test_a_cohort_with_a_bad_scan_goes_on_resumes_and_heals(spiroct: Callable, nifti: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.nii.gz").write_bytes(b"no image")
    table = tmp_path / "cohort.csv"
    table.write_text(f"{HEADER}P1,{nifti},F,53.4,168,,,2.9,\nP2,bad.nii.gz,M,60,180,,,,\nP3,{nifti},,,,,,,\n")
    command = ("biomarkers", table, "--out", tmp_path / "out", *QUICK)
    answer = spiroct(*command)
    assert answer.code == ExitCode.SOME_FAILED
    assert "scans measured: 2" in answer.out
    (failure,) = rows(tmp_path / "out/failures.csv")
    assert (failure["scan_id"], failure["kind"]) == ("P2", "ScanError")
    assert {r["scan_id"] for r in rows(tmp_path / "out/biomarkers.csv")} == {"P1", "P3"}
    table.write_text("".join(line + "\n" for line in table.read_text().splitlines() if "bad" not in line))
    again = spiroct(*command, "--json")
    assert again.code == ExitCode.DONE
    assert [json.loads(line)["scan_id"] for line in again.out.splitlines()] == ["P1", "P3"]
    assert rows(tmp_path / "out/failures.csv") == []
    resumed = spiroct(*command)
    assert "scans measured: 0; measured before: 2" in resumed.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--grid", "0.01"), "0.3 to 5 mm"),
        (("--grid", "1.5", "--grid", "1.5"), "twice"),
        (("--grid", "fine"), "native"),
        (("--vessels", "magic"), "graph-cut"),
        (("--lungs", "magic"), "threshold"),
        (("--lungs", "multi-atlas"), "name it with --lung-mask"),
        (("--fvc", "3320"), "mL"),
        (("--lung-mask", "nowhere.nii.gz"), "no such file"),
    ],
)
def test_refusals(spiroct: Callable, nifti: Path, tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    answer = spiroct("biomarkers", nifti, "--out", tmp_path / "out", *words)
    assert answer.code == ExitCode.REFUSED
    assert told in answer.sentence
    assert not (tmp_path / "out").exists()


def test_a_lung_mask_without_sides_is_refused(spiroct: Callable, nifti: Path, tmp_path: Path) -> None:
    """One label for both lungs would make the right lung of all that there is."""
    import numpy as np

    from spiroct.imaging.reading import read_ct
    from spiroct.imaging.volume import LabelMap
    from spiroct.imaging.writing import write_nifti

    volume = read_ct(nifti)
    write_nifti(LabelMap((volume.hu < -600).astype(np.uint8), volume.geometry), tmp_path / "mask.nii.gz")
    answer = spiroct("biomarkers", nifti, "--out", tmp_path / "out", "--lung-mask", tmp_path / "mask.nii.gz")
    assert answer.code == ExitCode.REFUSED
    assert "1 right, 2 left" in answer.sentence


def test_options_of_one_scan_do_not_fit_a_cohort(spiroct: Callable, tmp_path: Path) -> None:
    answer = spiroct("biomarkers", tmp_path / "cohort.csv", "--out", tmp_path / "out", "--fvc", "2.9", "--sex", "F")
    assert answer.code == ExitCode.REFUSED
    assert "--sex, --fvc with a cohort" in answer.sentence
