"""Scans on their way in: nothing too large, nothing outside its folder, no names on the disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi.testclient import TestClient

from spiroct.server import uploads as module
from spiroct.server.api import create_app
from spiroct.server.settings import ServeSettings
from spiroct.server.uploads import ending_of, scan_of

from .conftest import BEARER, HOST, upload

MIB = 1024**2


@pytest.fixture
def small(settings: ServeSettings) -> Iterator[TestClient]:
    """Return a page that takes 1 MiB at most."""
    with TestClient(create_app(replace(settings, upload_bytes=MIB)), base_url=HOST, headers=BEARER) as client:
        yield client


def on_disk(settings: ServeSettings) -> list[Path]:
    return [path for path in settings.data.rglob("*") if path.is_file()]


def test_ten_gigabytes_are_refused_by_their_header_before_a_byte_is_read(
    client: TestClient, settings: ServeSettings
) -> None:
    identifier = client.post("/api/uploads").json()["id"]
    asked = []

    def body() -> Iterator[bytes]:
        asked.append(1)
        yield b"x"

    answer = client.put(
        f"/api/uploads/{identifier}/files/0", content=body(), headers={"Content-Length": str(10 * 1024**3)}
    )
    assert answer.status_code == 413
    assert "10.0 GiB: a scan has at most 4 GiB here" in answer.json()["error"]["sentence"]
    assert on_disk(settings) == []


def test_a_stream_that_never_ends_is_cut_off_at_the_limit(small: TestClient, settings: ServeSettings) -> None:
    identifier = small.post("/api/uploads").json()["id"]
    answer = small.put(f"/api/uploads/{identifier}/files/0", content=iter([b"\0" * 65536] * 200))
    assert answer.status_code == 413
    assert on_disk(settings) == []
    # The limit is that of the whole scan, not of one file.
    half = b"\0" * (MIB // 2)
    assert small.put(f"/api/uploads/{identifier}/files/0", content=half).status_code == 200
    assert small.put(f"/api/uploads/{identifier}/files/1", content=half).status_code == 200
    assert small.put(f"/api/uploads/{identifier}/files/2", content=b"1").status_code == 413
    assert small.put(f"/api/uploads/{identifier}/files/1", content=half).status_code == 200  # in place of itself
    assert sum(path.stat().st_size for path in on_disk(settings)) == MIB


@pytest.mark.parametrize(
    "name",
    ["../../../etc/passwd", "/etc/passwd", "..\\..\\Mallory.dcm", "a\0b.zip", "x" * 4000, ".", "", "Ünïcode\n.nii"],
)
def test_a_file_name_decides_nothing_but_the_ending(client: TestClient, settings: ServeSettings, name: str) -> None:
    upload(client, (name, b"content"))
    (path,) = on_disk(settings)
    assert path.parent.parent == settings.data / "uploads"
    assert path.name in {"00000.dcm", "00000.zip", "00000.nii"}


@pytest.mark.parametrize("number", ["-1", "20000", "1e3", "0x1", "..", "99999999999999999999"])
def test_a_file_number_is_one_of_a_scan(client: TestClient, number: str) -> None:
    identifier = client.post("/api/uploads").json()["id"]
    assert client.put(f"/api/uploads/{identifier}/files/{number}", content=b"x").status_code in {404, 405, 422}


@pytest.mark.parametrize("identifier", ["0" * 16, "..", "%2e%2e", "A" * 16, "0" * 15 + "/"])
def test_an_upload_that_nobody_began_is_none(client: TestClient, identifier: str) -> None:
    assert client.put(f"/api/uploads/{identifier}/files/0", content=b"x").status_code in {404, 422}
    assert client.delete(f"/api/uploads/{identifier}").status_code in {404, 405, 422}


def test_a_full_disk_is_told(client: TestClient, settings: ServeSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    identifier = client.post("/api/uploads").json()["id"]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=settings.free_bytes - 1))
    answer = client.put(f"/api/uploads/{identifier}/files/0", content=b"x")
    assert answer.status_code == 507
    assert on_disk(settings) == []


def test_uploads_that_nobody_finishes_go_away(
    client: TestClient, settings: ServeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = upload(client, ("a.dcm", b"x"))
    monkeypatch.setattr(module, "UNUSED_S", -1.0)
    second = client.post("/api/uploads").json()["id"]
    assert [path.name for path in (settings.data / "uploads").iterdir()] == [second]
    assert client.delete(f"/api/uploads/{first}").status_code == 404


def test_too_many_uploads_at_a_time_are_refused(client: TestClient) -> None:
    answers = [client.post("/api/uploads").status_code for _ in range(module.MOST_OPEN + 1)]
    assert answers == [201] * module.MOST_OPEN + [429]


def test_an_upload_without_files_is_no_scan(client: TestClient) -> None:
    identifier = client.post("/api/uploads").json()["id"]
    answer = client.post("/api/results", json={"upload": identifier})
    assert answer.status_code == 400
    assert client.get("/api/results").json() == []


def test_what_is_read_is_the_one_image_or_the_folder(tmp_path: Path) -> None:
    (tmp_path / "00000.nii.gz").touch()
    assert scan_of(tmp_path) == tmp_path / "00000.nii.gz"
    (tmp_path / "00001.dcm").touch()
    assert scan_of(tmp_path) == tmp_path
    assert ending_of("scan.NII") == ".nii"
    assert ending_of("scan.nii.gz.exe") == ".dcm"
