"""A whole prediction through the page's interface, of a scan whose texts are an attack; and archives that are one."""

from __future__ import annotations

import io
import json
import logging
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
import SimpleITK as sitk
from fastapi.testclient import TestClient

from spiroct.log import logger
from spiroct.server.api import create_app
from spiroct.server.child import PICTURES
from spiroct.server.settings import ServeSettings
from spiroct.workflows.stages import Stage

from .conftest import BEARER, HOST, SCRIPT, TOKEN, upload, wait_for

PERSON = {"sex": "F", "age": 53.4, "height": 168}


class Kept(logging.Handler):
    """Keeps what the server logs."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture(scope="module")
def kept() -> Iterator[Kept]:
    kept = Kept()
    logger.addHandler(kept)
    level = logger.level
    logger.setLevel(logging.DEBUG)
    yield kept
    logger.setLevel(level)
    logger.removeHandler(kept)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = ServeSettings(data=tmp_path_factory.mktemp("page"), token=TOKEN)
    with TestClient(create_app(settings), base_url=HOST, headers=BEARER) as client:
        yield client


@pytest.fixture(scope="module")
def done(page: TestClient, hostile_zip: Path, kept: Kept) -> dict[str, Any]:
    """Return a finished result of the hostile scan, with the steps that were seen on the way."""
    new = {"upload": upload(page, (hostile_zip.name, hostile_zip.read_bytes())), "label": SCRIPT, **PERSON}
    identifier = page.post("/api/results", json=new).json()["id"]
    steps = []
    while (result := page.get(f"/api/results/{identifier}").json())["state"] in {"waiting", "running"}:
        steps.append(result["stage"])
        time.sleep(0.05)
    return result | {"steps": list(dict.fromkeys(step for step in steps if step))}


def test_the_steps_are_those_that_the_page_lists(page: TestClient, done: dict[str, Any]) -> None:
    assert done["state"] == "done", done["error"]
    stages = done["stages"]
    assert stages == [*(stage for stage in Stage if stage not in (Stage.EXPLAIN, Stage.EXCHANGE)), PICTURES]
    assert [step for step in stages if step in done["steps"]] == done["steps"]
    assert {Stage.LUNGS.value, PICTURES} <= set(done["steps"])


def test_downloads_are_the_files_that_predict_writes(page: TestClient, done: dict[str, Any]) -> None:
    names = {file["name"]: file["bytes"] for file in done["files"]}
    assert set(names) == {"prediction.json", "predictions.csv", "report.html", "report.pdf", "lungs.nii.gz"}
    for name, size in names.items():
        answer = page.get(f"/api/results/{done['id']}/files/{name}")
        assert len(answer.content) == size
        assert answer.headers["content-disposition"].startswith("attachment")
    prediction = page.get(f"/api/results/{done['id']}/files/prediction.json").json()
    assert prediction["interpretation"] == "demonstration only"
    assert prediction["input"]["demographics"]["height_cm"] == 168


def test_the_summary_shows_the_numbers_of_the_prediction(page: TestClient, done: dict[str, Any]) -> None:
    summary = page.get(f"/api/results/{done['id']}/summary").json()
    prediction = page.get(f"/api/results/{done['id']}/files/prediction.json").json()
    assert summary["demonstration"]
    assert [card["measure"] for card in summary["cards"]] == ["DLCO", "FEV1", "FVC", "TLC"]
    for card in summary["cards"]:
        estimate = prediction["estimates"][card["measure"]]
        assert card["value"] == f"{estimate['value']:.2f}"
        assert f"lower limit of normal {estimate['lln']:.2f}" in card["scale"]["alt"]
        assert card["scale"]["uri"].startswith("data:image/svg+xml;base64,")
    assert len(summary["checks"]) == len(prediction["quality"])
    assert summary["model"]["trained_on"] == prediction["model"]["trained_on"]


def test_the_view_lies_where_the_scan_lies(page: TestClient, done: dict[str, Any], tmp_path: Path) -> None:
    assert done["views"] == ["lungs.nii.gz", "scan.nii.gz"]
    places = []
    for name in done["views"]:
        file = tmp_path / name
        file.write_bytes(page.get(f"/api/results/{done['id']}/view/{name}").content)
        image = sitk.ReadImage(str(file))
        places.append((image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection()))
    assert places[0] == places[1]
    assert places[0][1] == pytest.approx((4, 4, 4))


def test_markup_in_dicom_texts_stays_text_and_no_name_is_written(
    page: TestClient, done: dict[str, Any], kept: Kept
) -> None:
    base = f"/api/results/{done['id']}"
    summary = page.get(f"{base}/summary")
    assert {"name": "Series", "text": SCRIPT, "note": ""} in summary.json()["acquisition"]
    assert summary.headers["content-type"] == "application/json"  # with nosniff: never read as a page
    report = page.get(f"{base}/files/report.html", params={"inline": True})
    assert SCRIPT not in report.text
    assert "&lt;script&gt;" in report.text
    assert report.headers["content-disposition"].startswith("inline")
    assert "sandbox" in report.headers["content-security-policy"]
    assert "script-src" not in report.headers["content-security-policy"]
    everything = "".join(
        page.get(f"{base}/files/{name}").text for name in ("prediction.json", "predictions.csv", "report.html")
    ) + summary.text + json.dumps(page.get("/api/results").json()) + "\n".join(kept.lines)  # fmt: skip
    assert "allory" not in everything
    assert "MALLORY" not in everything
    assert any("started" in line for line in kept.lines)
    assert not any("script" in line for line in kept.lines)  # the label is the user's own text: not for logs


@pytest.mark.parametrize(
    "name",
    [
        "../result.json",
        "..%2fresult.json",
        "%2e%2e/%2e%2e/results",
        "run.json",
        "/etc/passwd",
        "..\\result.json",
        "prediction.json%00.html",
        "lungs.nii.gz/../run.json",
    ],
)
def test_only_listed_files_are_sent(page: TestClient, done: dict[str, Any], name: str) -> None:
    for place in ("files", "view"):
        assert page.get(f"/api/results/{done['id']}/{place}/{name}").status_code == 404
    assert page.get(f"/page/{name}").status_code == 404


@pytest.mark.slow
def test_corrected_particulars_give_a_new_result(page: TestClient, hostile_zip: Path) -> None:
    new = {"upload": upload(page, (hostile_zip.name, hostile_zip.read_bytes())), **PERSON}
    identifier = page.post("/api/results", json=new).json()["id"]
    wait_for(page, identifier)
    page.post(f"/api/results/{identifier}/again", json=PERSON | {"height": 180, "force": True})
    assert wait_for(page, identifier)["state"] == "done"
    prediction = page.get(f"/api/results/{identifier}/files/prediction.json").json()
    assert prediction["input"]["demographics"]["height_cm"] == 180


@pytest.mark.slow
def test_objects_for_a_pacs_join_the_study_and_vessels_can_be_shown(page: TestClient, hostile_zip: Path) -> None:
    pytest.importorskip("highdicom", reason="needs the extra [dicom]")
    new = {"upload": upload(page, ("scan.zip", hostile_zip.read_bytes())), "exchange": True, **PERSON}
    result = wait_for(page, page.post("/api/results", json=new).json()["id"], 600)
    assert result["state"] == "done", result["error"]
    assert Stage.EXCHANGE in result["stages"]
    assert result["views"] == ["lungs.nii.gz", "scan.nii.gz", "vessels.nii.gz"]
    names = {file["name"] for file in result["files"]}
    assert {"dicom.zip", "fhir.json", "vessels.nii.gz"} <= names
    archive = page.get(f"/api/results/{result['id']}/files/dicom.zip").content
    with zipfile.ZipFile(hostile_zip) as scan, zipfile.ZipFile(io.BytesIO(archive)) as objects:
        study = pydicom.dcmread(io.BytesIO(scan.read(scan.namelist()[0]))).StudyInstanceUID
        made = [pydicom.dcmread(io.BytesIO(objects.read(name))) for name in objects.namelist()]
    assert {"SR", "SEG"} <= {dataset.Modality for dataset in made}
    assert {dataset.StudyInstanceUID for dataset in made} == {study}


@pytest.mark.slow
def test_objects_for_a_pacs_need_a_dicom_scan(page: TestClient, hostile_folder: Path, tmp_path: Path) -> None:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(hostile_folder)))
    sitk.WriteImage(reader.Execute(), str(tmp_path / "scan.nii.gz"))
    new = {"upload": upload(page, ("scan.nii.gz", (tmp_path / "scan.nii.gz").read_bytes())), "exchange": True, **PERSON}
    refused = wait_for(page, page.post("/api/results", json=new).json()["id"])
    assert refused["error"]["what"] == "DICOM objects of The scan, which is no DICOM series"
    assert "--dicom" not in refused["error"]["sentence"]


def test_an_archive_that_reaches_out_of_its_folder_is_refused_in_a_sentence(page: TestClient, kept: Kept) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        packed.writestr("../../../tmp/evil.dcm", b"x")
    new = {"upload": upload(page, ("Mallory.zip", stream.getvalue())), **PERSON}
    refused = wait_for(page, page.post("/api/results", json=new).json()["id"])
    assert refused["state"] == "refused", refused["error"]
    sentence = refused["error"]["sentence"]
    assert sentence.startswith("The scan holds the entry")
    assert "must not write outside its own folder" in sentence
    assert not refused["overridable"]
    assert not Path("/tmp/evil.dcm").exists()  # noqa: S108 - what the attack would have written
    assert "allory" not in "\n".join(kept.lines)


@pytest.mark.parametrize(
    ("person", "words"),
    [
        ({"height": 1.68}, "looks like metres"),
        ({"age": 300}, "ages are 0 to 120 years"),
        ({"tlc": 5100}, "looks like mL"),
        ({"sex": "X"}, "'f' or 'm'"),
        ({"height": "tall"}, "number"),
        ({"weight": 70}, "extra inputs are not permitted"),
        ({"label": "x" * 81}, "80 characters"),
        ({"upload": "../../etc"}, "pattern"),
    ],
)
def test_impossible_particulars_are_refused_at_once(client: TestClient, person: dict[str, Any], words: str) -> None:
    new = {"upload": "0" * 16} | person
    answer = client.post("/api/results", json=new)
    assert answer.status_code == 422
    assert words in answer.json()["error"]["sentence"]
