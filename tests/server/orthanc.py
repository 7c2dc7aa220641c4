"""A real Orthanc on loopback for tests: started in a folder of its own, ended with the test."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

PROGRAM = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin")
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class Orthanc:
    """One running Orthanc."""

    def __init__(self, http: int, dicom: int) -> None:
        self.http, self.dicom = http, dicom
        self.session = requests.Session()
        self.session.trust_env = False

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.http}/dicom-web"

    def get(self, path: str) -> Any:
        answer = self.session.get(f"http://127.0.0.1:{self.http}{path}", timeout=30)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, data: Any) -> Any:
        answer = self.session.post(f"http://127.0.0.1:{self.http}{path}", data=data, timeout=120)
        answer.raise_for_status()
        return answer.json()

    def upload(self, folder: Path) -> None:
        for file in sorted(folder.iterdir()):
            self.post("/instances", file.read_bytes())

    def kinds(self) -> dict[str, dict[str, int]]:
        """Number of instances by StudyInstanceUID and modality, without the CT."""
        found: dict[str, dict[str, int]] = {}
        for study in self.get("/studies?expand"):
            counts = found.setdefault(study["MainDicomTags"]["StudyInstanceUID"], {})
            for identifier in study["Series"]:
                series = self.get(f"/series/{identifier}")
                modality = series["MainDicomTags"]["Modality"]
                if modality != "CT":
                    counts[modality] = counts.get(modality, 0) + len(series["Instances"])
        return found


@contextmanager
def running_orthanc(folder: Path, *, node_port: int) -> Iterator[Orthanc]:
    """Start Orthanc with its DICOMweb plug-in, or skip where it is not installed."""
    if PROGRAM is None or not PLUGIN.exists():
        pytest.skip("needs Orthanc with its DICOMweb plug-in (Debian packages orthanc, orthanc-dicomweb)")
    http, dicom = free_port(), free_port()
    folder.mkdir()
    configuration = {
        "Name": "spiroct-test", "StorageDirectory": str(folder / "storage"), "IndexDirectory": str(folder / "index"),
        "Plugins": [str(PLUGIN)], "HttpPort": http, "DicomPort": dicom, "DicomAet": "ORTHANC",
        "RemoteAccessAllowed": False, "AuthenticationEnabled": False, "DicomAlwaysAllowStore": True,
        "DicomModalities": {"spiroct": ["SPIROCT", "127.0.0.1", node_port]},
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }  # fmt: skip
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([PROGRAM, folder / "orthanc.json"], stdout=log, stderr=log)
    server = Orthanc(http, dicom)
    try:
        for _ in range(300):
            try:
                server.get("/system")
                break
            except requests.RequestException:
                assert process.poll() is None, (folder / "log").read_text(errors="replace")[-2000:]
                time.sleep(0.1)
        yield server
    finally:
        server.session.close()
        process.terminate()
        process.wait(timeout=30)
