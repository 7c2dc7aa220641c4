"""The node against a real Orthanc: studies go there and back, exactly once, through a kill -9 and past broken scans."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

pytest.importorskip("pynetdicom", reason="needs the extra [dicom]")

from pynetdicom import AE
from pynetdicom.sop_class import CTImageStorage  # type: ignore[attr-defined]

from spiroct.imaging.acquisition import Acquisition
from spiroct.imaging.volume import CTVolume, Geometry
from spiroct.imaging.writing import write_dicom_series
from spiroct.phantom.physiology import draw_patient
from spiroct.phantom.render import render
from spiroct.server.queue import Study, StudyQueue, StudyState

from .orthanc import Orthanc, free_port, running_orthanc

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
HEADER = {"sex": "F", "age": 58.0, "height_cm": 168.0}
GOOD = {"SR": 1, "SEG": 1, "DOC": 1}


@pytest.fixture(scope="module")
def body() -> CTVolume:
    """Return a simulated chest at 5 mm."""
    phantom = render(draw_patient(0, 3), spacing=5.0)
    geometry = Geometry(phantom.hu.shape, phantom.spacing, (-200.0, -150.0, -900.0))
    facts = Acquisition(slice_thickness_mm=4.0, kernel="soft", **HEADER)  # type: ignore[arg-type]
    return CTVolume(phantom.hu.astype(np.float32), geometry, facts)


def written(body: CTVolume, folder: Path, seed: str, **changes: Any) -> str:
    """Write the body as another patient's study and return its UID."""
    write_dicom_series(body, folder, patient_id=f"P-{seed}", seed_uid=seed)
    for file in folder.iterdir():
        if changes:
            d = pydicom.dcmread(file)
            for keyword, value in changes.items():
                setattr(d, keyword, value)
            d.save_as(file)
    return str(pydicom.dcmread(next(folder.iterdir())).StudyInstanceUID)


class RunningNode:
    """A node in a process of its own."""

    def __init__(self, folder: Path, settings: str) -> None:
        self.config, self.queue = folder / "node.toml", StudyQueue(folder / "node")
        common = 'folder = "node"\nforce = true\nvessels = false\nback_off_seconds = 0.5\n'
        self.config.write_text(common + settings, encoding="utf-8")
        self.log = folder / "node.log"
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "spiroct", "node", "--config", self.config], stdout=log, stderr=log
            )
        return self.process

    def wait(self, condition: Callable[[tuple[Study, ...]], bool], seconds: float = 400) -> tuple[Study, ...]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            studies = self.queue.studies()
            if condition(studies):
                return studies
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            time.sleep(0.1)
        found = [(s.study_uid[-6:], s.state, s.reason) for s in studies]
        raise AssertionError(f"{found}\n{self.log.read_text()[-3000:]}")


@contextmanager
def running_node(folder: Path, settings: str) -> Iterator[RunningNode]:
    node = RunningNode(folder, settings)
    try:
        yield node
    finally:
        node.process.terminate()
        node.process.wait(timeout=30)


def ended(count: int) -> Callable[[tuple[Study, ...]], bool]:
    return lambda studies: sum(s.state in (StudyState.DONE, StudyState.FAILED) for s in studies) == count


def by_c_store(orthanc: Orthanc, port: int, *, settle: float) -> str:
    return f"""
port = {port}
settle_seconds = {settle}
[[peers]]
ae_title = "ORTHANC"
address = "127.0.0.1"
[[peers]]
ae_title = "SCANNER"
address = "127.0.0.1"
[[destinations]]
kind = "c-store"
ae_title = "ORTHANC"
host = "127.0.0.1"
port = {orthanc.dicom}
"""


def by_web(orthanc: Orthanc) -> str:
    return f"""
settle_seconds = 0.5
[[poll]]
url = "{orthanc.web}"
every_seconds = 1
newer_than_days = 0
[[destinations]]
kind = "stow-rs"
url = "{orthanc.web}"
"""


def without_pages(counts: dict[str, int]) -> dict[str, int]:
    assert counts["OT"] >= 2  # pictures of the report's pages
    return {kind: count for kind, count in counts.items() if kind != "OT"}


def test_a_simulated_and_a_real_study_go_there_and_back_by_c_store(
    body: CTVolume, shared: Path, tmp_path: Path
) -> None:
    port = free_port()
    simulated = written(body, tmp_path / "simulated", "there-and-back")
    with (
        running_orthanc(tmp_path / "orthanc", node_port=port) as orthanc,
        running_node(tmp_path, by_c_store(orthanc, port, settle=2)) as node,
    ):
        node.wait(lambda _: "listens on" in node.log.read_text())
        orthanc.upload(tmp_path / "simulated")
        orthanc.upload(shared / "data/ct/cip_copd_ct64/ct-64Dicom")
        for study in orthanc.get("/studies"):
            orthanc.post("/modalities/spiroct/store", study)
        (asking,) = [s for s in node.wait(lambda studies: bool(node.queue.asking())) if s.state is StudyState.ASKING]
        assert "height" in asking.asked  # no public scan tells it
        told = command(node, "status").stdout
        assert f"{asking.study_uid} asks for" in told
        node.queue.answer(asking.study_uid, sex="M", age=60, height=175)
        studies = node.wait(ended(2))
        uids = (simulated, asking.study_uid)
        assert {s.study_uid: (s.state, s.reason) for s in studies} == dict.fromkeys(uids, (StudyState.DONE, None))
        counts = {uid: without_pages(kinds) for uid, kinds in orthanc.kinds().items()}
        assert counts == dict.fromkeys(uids, GOOD)


def test_killed_in_the_middle_every_study_is_handled_exactly_once(body: CTVolume, tmp_path: Path) -> None:
    uids = {written(body, tmp_path / f"scan-{i}", f"kill-{i}") for i in range(4)}
    with (
        running_orthanc(tmp_path / "orthanc", node_port=1) as orthanc,
        running_node(tmp_path, by_web(orthanc)) as node,
    ):
        for i in range(4):
            orthanc.upload(tmp_path / f"scan-{i}")
        for state in (StudyState.FETCHING, StudyState.PREDICTING, StudyState.SENDING):
            node.wait(lambda studies, state=state: any(s.state is state for s in studies))
            node.process.send_signal(signal.SIGKILL)
            node.process.wait()
            node.start()
        studies = node.wait(ended(4))
        assert {s.study_uid for s in studies if s.state is StudyState.DONE} == uids
        first = {uid: without_pages(counts) for uid, counts in orthanc.kinds().items()}
        assert first == dict.fromkeys(uids, GOOD)
        time.sleep(4)  # some polls more, with the results in the studies
        assert {uid: without_pages(counts) for uid, counts in orthanc.kinds().items()} == first
        assert {s.changed for s in node.queue.studies()} == {s.changed for s in studies}


def test_broken_scans_have_reasons_and_stop_nobody(body: CTVolume, tmp_path: Path) -> None:
    good = {written(body, tmp_path / f"good-{i}", f"good-{i}") for i in range(3)}
    broken = {}
    for name in ("short", "gap", "lungless", "twice", "localizer"):
        broken[written(body, tmp_path / name, name)] = name
    slices = {name: sorted((tmp_path / name).iterdir()) for name in broken.values()}
    for file in slices["short"][10:]:
        file.unlink()
    for file in slices["gap"][20:28]:
        file.unlink()
    for file in slices["lungless"]:
        d = pydicom.dcmread(file)
        d.PixelData = np.full((d.Rows, d.Columns), 1064, np.uint16).tobytes()
        d.save_as(file)
    d, other = (pydicom.dcmread(slices["twice"][i]) for i in (5, 6))
    d.ImagePositionPatient = other.ImagePositionPatient
    d.save_as(slices["twice"][5])
    for file in slices["localizer"]:
        d = pydicom.dcmread(file)
        d.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        d.save_as(file)
    port = free_port()
    with (
        running_orthanc(tmp_path / "orthanc", node_port=port) as orthanc,
        running_node(tmp_path, by_c_store(orthanc, port, settle=3)) as node,
    ):
        node.wait(lambda _: "listens on" in node.log.read_text())
        for folder in [f"good-{i}" for i in range(3)] + list(slices):
            c_store(tmp_path / folder, port)
        studies = {s.study_uid: s for s in node.wait(ended(8))}
        assert {uid for uid, s in studies.items() if s.state is StudyState.DONE} == good
        reasons = {name: studies[uid].reason or "" for uid, name in broken.items()}
        assert "at least 20" in reasons["short"]
        assert "slices are missing" in reasons["gap"]
        assert "in every voxel" in reasons["lungless"]
        assert "two different slices at one place" in reasons["twice"]
        assert "no CT slices" in reasons["localizer"]
        assert not any(str(tmp_path) in reason for reason in reasons.values())
        assert {uid: without_pages(counts) for uid, counts in orthanc.kinds().items()} == dict.fromkeys(good, GOOD)
        told = node.log.read_text()
        assert "SIMULATED" not in told
        assert "P-good" not in told


def test_a_destination_that_is_away_gets_the_results_when_it_is_back(body: CTVolume, tmp_path: Path) -> None:
    port, uid = free_port(), written(body, tmp_path / "scan", "away")
    with running_orthanc(tmp_path / "first", node_port=port) as orthanc:
        settings = (
            by_c_store(orthanc, port, settle=1)
            + '[[destinations]]\nkind = "stow-rs"\nurl = "http://127.0.0.1:9/none"\n'
        )
    # that Orthanc has ended: neither destination is there
    with running_node(tmp_path, "retries = 2\n" + settings) as node:
        node.wait(lambda _: "listens on" in node.log.read_text())
        c_store(tmp_path / "scan", port)
        (study,) = node.wait(ended(1))
        assert study.study_uid == uid
        assert study.state is StudyState.FAILED
        assert "could not be reached" in (study.reason or "")
        assert "given up after 3 attempts" in (study.reason or "")
        told = json.loads(command(node, "status", "--json").stdout)
        assert [(s["study_uid"], s["state"]) for s in told["studies"]] == [(uid, "failed")]
        second = command(node)
        assert second.returncode == 2
        assert "another node works" in second.stderr


def command(node: RunningNode, *words: str) -> subprocess.CompletedProcess[str]:
    whole = [sys.executable, "-m", "spiroct", "node", *words, "--config", node.config]
    return subprocess.run(whole, capture_output=True, text=True, check=False)


def c_store(folder: Path, port: int) -> None:
    entity = AE(ae_title="SCANNER")
    entity.add_requested_context(CTImageStorage, pydicom.uid.ExplicitVRLittleEndian)
    association = entity.associate("127.0.0.1", port, ae_title="SPIROCT")
    assert association.is_established
    for file in sorted(folder.iterdir()):
        assert association.send_c_store(pydicom.dcmread(file)).Status == 0
    association.release()


def test_orthanc_is_where_ci_installs_it() -> None:
    if shutil.which("apt-get") is None:
        pytest.skip("not a Debian machine")
    script = (Path(__file__).resolve().parents[2] / ".ci/run").read_text(encoding="utf-8")
    assert "orthanc-dicomweb" in script
