"""The node's door: who is let in, what is kept, and what bytes that are no DICOM do to it (nothing)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest

pytest.importorskip("pynetdicom", reason="needs the extra [dicom]")

from pynetdicom import AE
from pynetdicom.sop_class import CTImageStorage, MRImageStorage, Verification  # type: ignore[attr-defined]

from spiroct.server.node_receiver import Receiver
from spiroct.server.node_settings import NodeSettings
from spiroct.server.node_store import NodeStore
from spiroct.server.queue import StudyQueue, StudyState

STUDY = "1.2.826.0.1.99.1"


def listening(tmp_path: Path, address: str = "127.0.0.1") -> tuple[Receiver, NodeStore]:
    peers = [{"ae_title": "PACS", "address": address}, {"ae_title": "ELSEWHERE", "address": "10.0.0.0/8"}]
    settings = NodeSettings.model_validate({"folder": tmp_path / "node", "port": 0, "peers": peers})
    store = NodeStore(settings.folder, StudyQueue(settings.folder))
    return Receiver(settings, store), store


@pytest.fixture
def door(tmp_path: Path) -> Iterator[tuple[Receiver, NodeStore]]:
    receiver, store = listening(tmp_path)
    yield receiver, store
    receiver.stop()


def slice_dataset(number: int = 1, study: str = STUDY) -> pydicom.Dataset:
    d = pydicom.Dataset()
    d.SOPClassUID, d.SOPInstanceUID = CTImageStorage, f"1.2.826.0.1.99.2.{number}"
    d.StudyInstanceUID, d.SeriesInstanceUID, d.Modality, d.PatientName = study, "1.2.826.0.1.99.3", "CT", "A^B"
    d.file_meta = pydicom.dataset.FileMetaDataset()
    d.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    return d


def associate(port: int, *, calling: str = "PACS", called: str = "SPIROCT", kind: str = CTImageStorage):
    entity = AE(ae_title=calling)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 10
    entity.add_requested_context(kind)
    entity.add_requested_context(Verification)
    return entity.associate("127.0.0.1", port, ae_title=called)


def echo_works(port: int) -> bool:
    association = associate(port)
    status = association.send_c_echo().Status if association.is_established else None
    association.release()
    return status == 0


def test_an_instance_is_kept_once(door: tuple[Receiver, NodeStore]) -> None:
    receiver, store = door
    association = associate(receiver.port)
    codes = [association.send_c_store(slice_dataset(n)).Status for n in (1, 2, 2)]
    association.release()
    assert codes == [0, 0, 0]
    files = sorted(store.scan(STUDY).iterdir())
    assert len(files) == 2
    assert pydicom.dcmread(files[0]).StudyInstanceUID == STUDY
    study = store.queue.study(STUDY)
    assert study is not None
    assert (study.state, study.instances, study.source) == (StudyState.RECEIVING, 2, "PACS")


WRONG = [{"calling": "STRANGER"}, {"called": "OTHER"}, {"calling": "ELSEWHERE"}]


@pytest.mark.parametrize("wrong", WRONG, ids=["calling", "called", "address"])
def test_an_unknown_title_or_one_from_the_wrong_address_is_refused(
    wrong: dict[str, str], door: tuple[Receiver, NodeStore]
) -> None:
    receiver, store = door
    association = associate(receiver.port, **wrong)
    assert association.is_rejected
    assert store.queue.studies() == ()
    assert echo_works(receiver.port)


def test_an_address_that_is_not_on_the_list_gets_no_answer_at_all(tmp_path: Path) -> None:
    receiver, _ = listening(tmp_path, address="10.0.0.1")
    try:
        with socket.create_connection(("127.0.0.1", receiver.port), timeout=10) as connection:
            connection.settimeout(10)
            assert connection.recv(1) == b""
    finally:
        receiver.stop()


def test_other_kinds_of_objects_are_not_taken(door: tuple[Receiver, NodeStore]) -> None:
    association = associate(door[0].port, kind=MRImageStorage)
    assert [str(c.abstract_syntax) for c in association.accepted_contexts] == [Verification]
    association.release()


MALFORMED = {
    "no DICOM": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "unknown kind of PDU": b"\xff\x00\x00\x00\x00\x04abcd",
    "request without a body": b"\x01\x00\x00\x00\x00\x00",
    "request that breaks off": b"\x01\x00\x00\x00\x10\x00\x00\x01",
    "length of 4 GiB": b"\x01\x00\xff\xff\xff\xff" + b"A" * 1000,
    "data before a request": b"\x04\x00\x00\x00\x00\x0a" + b"\x00" * 10,
    "items of nonsense": b"\x01\x00\x00\x00\x00\x50" + b"\x00\x01\x00\x00" + b"Z" * 76,
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_pdus_harm_nobody(name: str, door: tuple[Receiver, NodeStore]) -> None:
    receiver, store = door
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", receiver.port), timeout=10) as connection:
            connection.sendall(MALFORMED[name])
    assert echo_works(receiver.port)
    assert store.queue.studies() == ()


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_an_instance_that_lies_about_itself_is_refused(door: tuple[Receiver, NodeStore], tmp_path: Path) -> None:
    receiver, store = door
    association = associate(receiver.port)
    evil = slice_dataset(1)
    evil.StudyInstanceUID = "../../../../etc/cron.d/1"
    other = slice_dataset(2)
    del other.StudyInstanceUID
    codes = [association.send_c_store(d).Status for d in (evil, other)]
    assert all(0xC000 <= code <= 0xCFFF for code in codes), codes
    assert association.send_c_store(slice_dataset(3)).Status == 0
    association.release()
    files = list(tmp_path.rglob("*.dcm"))
    assert [p.parent for p in files] == [store.scan(STUDY)]


def test_a_full_disk_is_said_and_nothing_kept(
    door: tuple[Receiver, NodeStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    from spiroct.server import node_receiver

    monkeypatch.setattr(node_receiver, "LEAST_FREE_BYTES", 1 << 62)
    association = associate(door[0].port)
    assert association.send_c_store(slice_dataset()).Status == 0xA700
    association.release()
    assert door[1].queue.studies() == ()


def test_nothing_logged_names_the_patient(door: tuple[Receiver, NodeStore], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "spiroct")
    association = associate(door[0].port)
    association.send_c_store(slice_dataset())
    association.release()
    assert "A^B" not in "".join(r.getMessage() for r in caplog.records if r.name == "spiroct")


def test_a_port_that_is_taken_is_refused(door: tuple[Receiver, NodeStore], tmp_path: Path) -> None:
    from spiroct.errors import OutputError

    settings = NodeSettings.model_validate(
        {"folder": tmp_path, "port": door[0].port, "peers": [{"ae_title": "PACS", "address": "127.0.0.1"}]}
    )
    with pytest.raises(OutputError, match="has to listen there"):
        Receiver(settings, door[1])
