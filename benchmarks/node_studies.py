"""Fifty studies at once, five of them broken, through a node and a real Orthanc: ``python -m benchmarks.node_studies``.

Results, reasons, seconds and the memory of the node and of the process that predicts, sampled once a second. Needs
Orthanc with its DICOMweb plug-in and the extras [dicom] and [tests].
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pydicom

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pynetdicom import AE
from pynetdicom.sop_class import CTImageStorage
from tests.server.orthanc import free_port, running_orthanc

from spiroct.imaging.acquisition import Acquisition
from spiroct.imaging.volume import CTVolume, Geometry
from spiroct.imaging.writing import write_dicom_series
from spiroct.phantom.physiology import draw_patient
from spiroct.phantom.render import render
from spiroct.server.node import Node
from spiroct.server.node_settings import NodeSettings
from spiroct.server.queue import StudyState

STUDIES, BROKEN, SENDERS = 50, 5, 4


def body() -> CTVolume:
    """Make a simulated chest at 5 mm that every study shows."""
    phantom = render(draw_patient(0, 3), spacing=5.0)
    geometry = Geometry(phantom.hu.shape, phantom.spacing, (-200.0, -150.0, -900.0))
    facts = Acquisition(slice_thickness_mm=4.0, kernel="soft", sex="F", age=58.0, height_cm=168.0)
    return CTVolume(phantom.hu.astype(np.float32), geometry, facts)


def text_of(path: Path) -> str:
    """Read a file of /proc; empty where its process or thread has ended in the meantime."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def resident_mib(pid: int) -> float:
    """Resident memory of a process, in MiB; 0 where it has ended."""
    pages = text_of(Path(f"/proc/{pid}/statm")).split()
    return int(pages[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20 if pages else 0.0


def children(pid: int) -> list[int]:
    """Process numbers of the predicting children of a process."""
    found = [n for thread in Path(f"/proc/{pid}/task").iterdir() for n in text_of(thread / "children").split()]
    return [int(n) for n in found if "node_child" in text_of(Path(f"/proc/{n}/cmdline"))]


def send_folders(folders: list[Path], port: int) -> None:
    """Send folders by C-STORE, one association each."""
    for folder in folders:
        send_folder(folder, port)


def send_folder(folder: Path, port: int) -> None:
    """Send a folder by C-STORE."""
    entity = AE(ae_title="SCANNER")
    entity.add_requested_context(CTImageStorage, pydicom.uid.ExplicitVRLittleEndian)
    association = entity.associate("127.0.0.1", port, ae_title="SPIROCT")
    for file in sorted(folder.iterdir()):
        association.send_c_store(pydicom.dcmread(file))
    association.release()


def make_studies(folder: Path) -> list[Path]:
    """Write the studies; every tenth has a gap of eight slices."""
    shown, made = body(), []
    for i in range(STUDIES):
        place = folder / f"study-{i:02d}"
        write_dicom_series(shown, place, patient_id=f"P-{i}", seed_uid=f"bench-{i}")
        if i % (STUDIES // BROKEN) == 3:
            for file in sorted(place.iterdir())[20:28]:
                file.unlink()
        made.append(place)
    return made


def main() -> int:
    """Send all studies and wait; fail when results or reasons are not as many as they should be."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        studies = make_studies(folder)
        with running_orthanc(folder / "orthanc", node_port=1) as orthanc:
            settings = NodeSettings.model_validate(
                {
                    "folder": folder / "node", "port": free_port(), "settle_seconds": 5, "force": True,
                    "vessels": False,
                    "peers": [{"ae_title": "SCANNER", "address": "127.0.0.1"}],
                    "destinations": [{"kind": "stow-rs", "url": orthanc.web}],
                }
            )  # fmt: skip
            node, started, samples = Node(settings), time.monotonic(), []
            worker = threading.Thread(target=node.run)
            worker.start()
            senders = [
                threading.Thread(target=send_folders, args=(studies[i::SENDERS], settings.port)) for i in range(SENDERS)
            ]
            for sender in senders:
                sender.start()
            ended: list[int] = []
            while len(ended) < STUDIES:
                states = [s.state for s in node.queue.studies()]
                ended = [1 for s in states if s in (StudyState.DONE, StudyState.FAILED)]
                child = max((resident_mib(c) for c in children(os.getpid())), default=0.0)
                samples.append((len(ended), resident_mib(os.getpid()), child))
                time.sleep(1)
            seconds = time.monotonic() - started
            done, failed = (len(node.queue.studies(state)) for state in (StudyState.DONE, StudyState.FAILED))
            reasons = sorted({s.reason for s in node.queue.studies(StudyState.FAILED)})
            reports = sum(kinds.get("SR", 0) for kinds in orthanc.kinds().values())
            node.stop()
            worker.join()
    thirds = [samples[len(samples) * k // 3 : len(samples) * (k + 1) // 3] for k in range(3)]
    memory = {
        name: [round(max(s[column] for s in part)) for part in thirds] for name, column in (("node", 1), ("child", 2))
    }
    told = {
        "studies": STUDIES, "done": done, "failed": failed, "reports in Orthanc": reports, "reasons": reasons,
        "seconds": round(seconds), "peak MiB by third of the time": memory,
    }  # fmt: skip
    sys.stdout.write(json.dumps(told, indent=2) + "\n")
    return int((done, failed, reports) != (STUDIES - BROKEN, BROKEN, STUDIES - BROKEN))


if __name__ == "__main__":
    sys.exit(main())
