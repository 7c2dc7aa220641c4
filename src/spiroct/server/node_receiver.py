"""Receive CT instances by C-STORE, from the AE titles and addresses on the list and from nobody else."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from socketserver import BaseServer
from typing import Any

from pydicom import dcmread
from pynetdicom import AE, _config, evt
from pynetdicom.sop_class import CTImageStorage, Verification  # type: ignore[attr-defined]
from pynetdicom.transport import ThreadedAssociationServer

from spiroct.errors import InputError, OutputError
from spiroct.log import logger
from spiroct.server.node_settings import NodeSettings, Peer
from spiroct.server.node_store import NodeStore

SUCCESS, NO_ROOM, NOT_UNDERSTOOD, NO_MATCH = 0x0000, 0xA700, 0xC000, 0xA900
LEAST_FREE_BYTES = 2 * 1024**3
ASSOCIATIONS = 20
TIMEOUT_S = 60.0
# What GDCM decodes: uncompressed, deflated, JPEG (baseline, extended, lossless), JPEG-LS, JPEG 2000, RLE.
SYNTAXES = [
    "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.5",
]  # fmt: skip


class Receiver:
    """Listens in threads of its own from its making until :meth:`stop`.

    Parameters
    ----------
    settings : NodeSettings
        Where to listen and who may send.
    store : NodeStore
        Keeps what comes.

    Raises
    ------
    OutputError
        If the address or port cannot be had.
    """

    def __init__(self, settings: NodeSettings, store: NodeStore) -> None:
        _config.STORE_RECV_CHUNKED_DATASET = True  # into a file as it comes: an instance of any size takes no memory
        entity = AE(ae_title=settings.ae_title)
        entity.require_calling_aet = sorted({peer.ae_title for peer in settings.peers})
        entity.require_called_aet = True
        entity.maximum_associations = ASSOCIATIONS
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = TIMEOUT_S
        entity.add_supported_context(Verification)
        entity.add_supported_context(CTImageStorage, SYNTAXES)
        handlers: list[Any] = [(evt.EVT_REQUESTED, _check_pair, [settings.peers]), (evt.EVT_C_STORE, _store, [store])]
        try:
            self._server: Any = entity.make_server(
                (settings.host, settings.port), evt_handlers=handlers, server_class=_gate(settings.peers)
            )
        except OSError as refused:
            raise OutputError(
                f"port {settings.port} of {settings.host} ({refused.strerror})",
                "the node has to listen there",
                "end what listens there, or give it another port",
            ) from None
        threading.Thread(target=self._server.serve_forever, name="receiver", daemon=True).start()

    @property
    def port(self) -> int:
        """The port that was taken."""
        return int(self._server.server_address[1])

    def stop(self) -> None:
        """Hear no more."""
        BaseServer.shutdown(self._server)  # pynetdicom's own wants a server that its AE started
        self._server.server_close()


def _gate(peers: tuple[Peer, ...]) -> type[ThreadedAssociationServer]:
    class Gate(ThreadedAssociationServer):
        """Closes the door to addresses that are not on the list, before a byte is read."""

        def verify_request(self, request: Any, client_address: Any) -> bool:
            """Whether an address may speak."""
            known = any(peer.holds(client_address[0]) for peer in peers)
            if not known:
                logger.warning("warning: a connection from an address that is not on the list was closed.")
            return known

    return Gate


def _check_pair(event: Any, peers: tuple[Peer, ...]) -> None:
    """Hold AE title and address together: one peer's title from another one's address is refused."""
    title = str(event.assoc.requestor.primitive.calling_ae_title).strip()
    if not any(peer.ae_title == title and peer.holds(event.assoc.requestor.address) for peer in peers):
        logger.warning("warning: an association of an AE title that is not on the list was refused.")
        event.assoc.acse.send_reject(0x01, 0x01, 0x03)  # permanent, by the user of the service, title not recognised
        event.assoc.kill()


def _store(event: Any, store: NodeStore) -> int:
    """Answer one C-STORE request: success only when the instance is safe on the disk."""
    path = Path(event.dataset_path)
    try:
        if shutil.disk_usage(store.folder).free < LEAST_FREE_BYTES:
            logger.error("an instance was refused: less than 2 GiB are free in the node's folder.")
            return NO_ROOM
        header = dcmread(path, stop_before_pixels=True, specific_tags=["StudyInstanceUID", "SOPInstanceUID"])
        if str(header.SOPInstanceUID) != str(event.request.AffectedSOPInstanceUID):
            return NO_MATCH
        source = str(event.assoc.requestor.ae_title).strip()
        store.keep(str(header.StudyInstanceUID), str(header.SOPInstanceUID), source, lambda place: _copy(path, place))
    except OSError as full:
        logger.error("an instance could not be kept (%s).", full.strerror)
        return NO_ROOM
    except Exception as broken:  # noqa: BLE001 - anyone's bytes: whatever they break, the next instance is served
        reason = str(broken) if isinstance(broken, InputError) else type(broken).__name__
        logger.error("an instance was refused (%s).", reason)
        return NOT_UNDERSTOOD
    return SUCCESS


def _copy(source: Path, place: Path) -> None:
    shutil.copyfile(source, place)
