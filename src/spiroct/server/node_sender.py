"""Send results back: by C-STORE or by STOW-RS, each file once for each destination."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spiroct.server.node_settings import StoreDestination, Web, WebDestination
from spiroct.server.queue import StudyQueue

TIMEOUT_S = 60.0


class SendingError(Exception):
    """A destination that cannot be reached or does not take a file; sending is tried again."""


def send(
    study_uid: str,
    files: Sequence[Path],
    destination: StoreDestination | WebDestination,
    queue: StudyQueue,
    *,
    calling: str,
) -> None:
    """Send the files that a destination has not got yet, noting each as it is taken.

    A file that was taken but not noted, because the node died between the two, is sent again under the same
    SOPInstanceUID, so that the destination still holds it once.

    Parameters
    ----------
    study_uid : str
        Whose results.
    files : sequence of Path
        In the order of sending.
    destination : StoreDestination or WebDestination
        Where to.
    queue : StudyQueue
        What was sent.
    calling : str
        The node's own AE title.

    Raises
    ------
    SendingError
        If the destination cannot be reached or refuses a file.
    """
    had = queue.sent(study_uid, destination.name)
    waiting = [file for file in files if file.name not in had]
    if not waiting:
        return
    if isinstance(destination, WebDestination):
        _stow(study_uid, waiting, destination, queue)
    else:
        _store(study_uid, waiting, destination, queue, calling)


def web_client(service: Web) -> Any:
    """Make a DICOMweb client that goes through no proxy and sends a password to its own service only."""
    from dicomweb_client.session_utils import create_session, create_session_from_user_pass
    from dicomweb_client.web import DICOMwebClient

    if service.user is not None and service.password_file is not None:
        password = service.password_file.read_text(encoding="utf-8").strip()
        session = create_session_from_user_pass(service.user, password)
    else:
        session = create_session()
    session.trust_env = False
    return DICOMwebClient(service.url, session=session, timeout=TIMEOUT_S)


def _stow(study_uid: str, files: Sequence[Path], destination: WebDestination, queue: StudyQueue) -> None:
    from pydicom import dcmread

    for file in files:
        try:
            answer = web_client(destination).store_instances([dcmread(file)], study_instance_uid=study_uid)
        except (OSError, ValueError) as failure:  # requests' errors are OSErrors
            raise SendingError(f"{destination.name} did not take {file.name} ({type(failure).__name__})") from failure
        if answer.get("FailedSOPSequence"):
            code = answer.FailedSOPSequence[0].get("FailureReason", 0)
            raise SendingError(f"{destination.name} refused {file.name} (reason {code:#06x})")
        queue.note_sent(study_uid, destination.name, file.name)


def _store(
    study_uid: str, files: Sequence[Path], destination: StoreDestination, queue: StudyQueue, calling: str
) -> None:
    from pydicom import dcmread
    from pydicom.uid import ExplicitVRLittleEndian
    from pynetdicom import AE

    entity = AE(ae_title=calling)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = TIMEOUT_S
    datasets = {file: dcmread(file) for file in files}
    for kind in sorted({str(d.SOPClassUID) for d in datasets.values()}):
        entity.add_requested_context(kind, ExplicitVRLittleEndian)
    association = entity.associate(destination.host, destination.port, ae_title=destination.ae_title)
    if not association.is_established:
        raise SendingError(f"{destination.name} could not be reached, or does not let this node in")
    try:
        for file, dataset in datasets.items():
            try:
                status = association.send_c_store(dataset)
            except (ValueError, RuntimeError) as unsuited:  # no context was accepted, or the peer went away
                raise SendingError(f"{destination.name} does not take {file.name} ({unsuited})") from unsuited
            code = status.get("Status")
            if code is None or not (code == 0x0000 or 0xB000 <= code <= 0xBFFF):
                shown = "no answer" if code is None else f"status {code:#06x}"
                raise SendingError(f"{destination.name} refused {file.name} ({shown})")
            queue.note_sent(study_uid, destination.name, file.name)
    finally:
        association.release()
