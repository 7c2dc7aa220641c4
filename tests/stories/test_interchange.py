"""A user who hands a result on: DICOM, FHIR and PDF at the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spiroct.workflows.predict import predict

PERSON = {"sex": "F", "age": 53.4, "height": 168.0}


@pytest.fixture(scope="module")
def plain(dicom_series: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("handed") / "result"
    predict(dicom_series, out=out, **PERSON)  # type: ignore[arg-type]
    return out


def test_the_command_names_what_it_wrote(spiroct: Callable, dicom_series: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    person = ("--sex", "F", "--age", 53, "--height", 168)
    answer = spiroct("predict", dicom_series, "--out", out, "--dicom", "--fhir", "--no-vessels", *person)
    assert answer.code == 0, answer.err
    assert f"DICOM objects: {out / 'dicom'}" in answer.out
    assert f"FHIR bundle: {out / 'fhir.json'}" in answer.out
    files = {"prediction.json", "predictions.csv", "report.html", "lungs.nii.gz", "run.json", "dicom", "fhir.json"}
    assert {f.name for f in out.iterdir()} == files


def test_an_image_file_gets_fhir_but_no_dicom(spiroct: Callable, nifti: Path, tmp_path: Path) -> None:
    refused = spiroct("predict", nifti, "--out", tmp_path / "out", "--dicom")
    assert refused.code == 2
    assert "no DICOM series" in refused.sentence
    answer = spiroct("predict", nifti, "--out", tmp_path / "out", "--fhir")
    assert answer.code == 0, answer.err
    assert (tmp_path / "out/fhir.json").is_file()
    assert not (tmp_path / "out/dicom").exists()


def test_the_report_alone_with_and_without_the_scan(
    spiroct: Callable, plain: Path, dicom_series: Path, tmp_path: Path
) -> None:
    short = spiroct("report", plain, "--out", tmp_path / "short")
    full = spiroct("report", plain, "--out", tmp_path / "full", "--scan", dicom_series)
    assert (short.code, full.code) == (0, 0), short.err + full.err
    sizes = [(tmp_path / name / "report.pdf").stat().st_size for name in ("short", "full")]
    assert sizes[1] > sizes[0] + 20_000
    again = spiroct("report", plain, "--out", tmp_path / "full")
    assert again.code == 2
    assert "another run" in again.sentence


def test_a_report_refuses_the_wrong_scan_and_the_wrong_folder(
    spiroct: Callable, plain: Path, nifti: Path, tmp_path: Path
) -> None:
    refused = spiroct("report", plain, "--out", tmp_path / "out", "--scan", nifti)
    assert refused.code == 2
    missing = spiroct("report", tmp_path, "--out", tmp_path / "out")
    assert missing.code == 2
    assert "prediction.json is not there" in missing.sentence
