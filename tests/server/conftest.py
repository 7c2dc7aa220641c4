"""A page with a token, a small simulated scan, and one finished result that all tests may look at."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

pytest.importorskip("fastapi", reason="needs the extra [serve]")

from fastapi.testclient import TestClient

from spiroct.imaging.acquisition import Acquisition
from spiroct.imaging.volume import CTVolume, Geometry
from spiroct.imaging.writing import write_dicom_series
from spiroct.phantom.physiology import draw_patient
from spiroct.phantom.render import render
from spiroct.server.api import create_app
from spiroct.server.settings import ServeSettings

TOKEN = "correct-horse-battery-staple"  # noqa: S105 - of the tests alone
BEARER = {"Authorization": f"Bearer {TOKEN}"}
SCRIPT = "<script>alert(1)</script>"
HOSTILE_NAME = "<img src=x onerror=alert(2)>^Mallory"
HOST = "http://127.0.0.1"


@pytest.fixture
def settings(tmp_path: Path) -> ServeSettings:
    return ServeSettings(data=tmp_path / "data", token=TOKEN)


@pytest.fixture
def client(settings: ServeSettings) -> Iterator[TestClient]:
    """Return a program that knows the token."""
    with TestClient(create_app(settings), base_url=HOST, headers=BEARER) as client:
        yield client


@pytest.fixture(scope="session")
def hostile_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a simulated chest as a DICOM series whose texts are markup."""
    phantom = render(draw_patient(0, 3), spacing=4.0)
    geometry = Geometry(shape=phantom.hu.shape, spacing=phantom.spacing, origin=(-200.0, -150.0, -900.0))
    volume = CTVolume(phantom.hu.astype(np.float32), geometry, Acquisition(slice_thickness_mm=4.0, kernel="soft"))
    folder = tmp_path_factory.mktemp("hostile") / "series"
    write_dicom_series(volume, folder, patient_id="SIM-0003", seed_uid="server")
    for file in folder.iterdir():
        header = pydicom.dcmread(file)
        header.PatientName, header.SeriesDescription = HOSTILE_NAME, SCRIPT
        header.PatientID = "MALLORY-ID"
        header.save_as(file)
    return folder


@pytest.fixture(scope="session")
def hostile_zip(hostile_folder: Path) -> Path:
    """Return the same series as an archive."""
    archive = hostile_folder.parent / "Mallory_Jane.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        for file in sorted(hostile_folder.iterdir()):
            packed.write(file, f"Mallory/{file.name}")
    return archive


def upload(client: TestClient, *files: tuple[str, bytes]) -> str:
    """Send files as the page does and return the upload's identifier."""
    identifier = client.post("/api/uploads").json()["id"]
    for number, (name, content) in enumerate(files):
        answer = client.put(f"/api/uploads/{identifier}/files/{number}", params={"name": name}, content=content)
        assert answer.status_code == 200, answer.text
    return identifier


def wait_for(client: TestClient, identifier: str, seconds: float = 90.0) -> dict[str, Any]:
    """Ask until a result has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = client.get(f"/api/results/{identifier}").json()
        if result["state"] in {"done", "refused", "failed"}:
            return result
        time.sleep(0.05)
    raise AssertionError(f"still {result['state']} after {seconds} s")
