"""Start the page: who may reach it, where its files go, and uvicorn."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NoReturn

from spiroct.documents import write_json
from spiroct.errors import InputError, OutputError, UsageError
from spiroct.log import logger
from spiroct.server.settings import LOOPBACK, ServeSettings

OPEN_CONNECTIONS = 100
SHORTEST_TOKEN = 16
MARKER = "spiroct-serve.json"


@dataclass(frozen=True)
class Door:
    """Where the page is reached and by whom.

    Parameters
    ----------
    host : str
        Address to bind to.
    port : int
        0 takes a free one.
    allow_hosts : tuple of str
        Further names under which the page may be asked for.
    certificate, key : Path or None
        PEM files; the page speaks HTTPS then.

    Raises
    ------
    UsageError
        If scans would travel unencrypted between machines, or nobody could ask for the page.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    allow_hosts: tuple[str, ...] = ()
    certificate: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        """Refuse a door that would stand open."""
        if (self.certificate is None) != (self.key is None):
            raise UsageError("--certificate and --key", "HTTPS needs both", "give both, or neither")
        if not self.is_loopback and self.certificate is None:
            raise UsageError(
                f"--host {self.host} without a certificate",
                "scans do not travel unencrypted between machines",
                "add --certificate and --key, or stay on loopback and put a proxy that speaks TLS before the page",
            )
        if self.host in ("0.0.0.0", "::") and not self.allow_hosts:  # noqa: S104 - refused here, not bound
            raise UsageError(
                f"--host {self.host}", "the page has to know the name that it is asked for", "add --allow-host NAME"
            )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the page."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def names(self) -> tuple[str, ...]:
        """Every name under which the page may be asked for."""
        return tuple(dict.fromkeys((*LOOPBACK, self.host.lower(), *(name.lower() for name in self.allow_hosts))))

    def address(self, port: int) -> str:
        """Return what to type into a browser."""
        name = next(iter(self.allow_hosts), self.host)
        scheme = "http" if self.certificate is None else "https"
        return f"{scheme}://{f'[{name}]' if ':' in name else name}:{port}/"

    def bind(self) -> socket.socket:
        """Open the listening socket.

        Raises
        ------
        UsageError
            If the address is taken or not this machine's.
        """
        bound = None
        try:
            family, _, _, _, address = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0]
            bound = socket.socket(family, socket.SOCK_STREAM)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
            bound.listen()  # before the address is told: whoever opens it at once waits and is not turned away
        except OSError as failure:
            if bound is not None:
                bound.close()
            raise UsageError(
                f"--host {self.host} --port {self.port}",
                f"this address cannot be had ({failure.strerror})",
                "choose another --port, or --port 0 for a free one",
            ) from None
        return bound


def serve(
    door: Door,
    *,
    data: Path | None,
    token: str | None,
    announce: Callable[[str], None],
    **limits: Any,
) -> None:
    """Serve the page until Ctrl-C or SIGTERM.

    Parameters
    ----------
    door : Door
        Where.
    data : Path, optional
        Folder that keeps scans and results until their time is over; by default one that goes away with the server.
    token : str or None
        See :func:`token_from` and :class:`spiroct.server.settings.ServeSettings`.
    announce : callable
        Takes the address to open.
    **limits
        Further fields of :class:`spiroct.server.settings.ServeSettings`.

    Raises
    ------
    SpiroctError
        If the address, the folder, the model or a limit is refused.
    """
    import uvicorn

    from spiroct.server.api import create_app

    with contextlib.closing(door.bind()) as bound, _folder(data) as folder:
        port = bound.getsockname()[1]
        app = create_app(ServeSettings(data=folder, token=token, port=port, hosts=door.names, **limits))
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="critical",  # uvicorn would write addresses and tracebacks, and these may name a patient
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="none",
            limit_concurrency=OPEN_CONNECTIONS,
            timeout_graceful_shutdown=3,
            ssl_certfile=door.certificate,
            ssl_keyfile=door.key,
        )
        announce(door.address(port) + ("" if token is None else f"#token={token}"))
        before = signal.signal(signal.SIGTERM, _interrupt)  # so that the folder goes away after `kill` too
        try:
            with contextlib.suppress(KeyboardInterrupt):  # none comes where a shell in the background ignores Ctrl-C
                uvicorn.Server(config).run(sockets=[bound])
        finally:
            signal.signal(signal.SIGTERM, before)
        logger.info("spiroct serve: stopped.")


def token_from(file: Path | None) -> str:
    """Read the token from a file's first line, or draw one of 256 bits.

    Raises
    ------
    InputError
        If there is no such file, or its token is short enough to be guessed.
    """
    if file is None:
        return secrets.token_urlsafe(32)
    try:
        token = file.read_text(encoding="utf-8").partition("\n")[0].strip()
    except (OSError, ValueError) as failure:
        raise InputError(f"--token-file {file}", f"it cannot be read ({failure})", "name a text file") from None
    if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise InputError(
            f"--token-file {file}",
            f"a token has at least {SHORTEST_TOKEN} characters of ASCII without spaces",
            "make one with: openssl rand -hex 32",
        )
    return token


@contextlib.contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    """Return the folder to keep files in, held against a second server."""
    if data is None:
        folder = Path(tempfile.mkdtemp(prefix="spiroct-serve-"))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        foreign = sorted(path.name for path in data.iterdir())
        if foreign and not (data / MARKER).is_file():
            raise OutputError(
                f"--data {data} holds files that no spiroct server made ({foreign[0]})",
                "the page deletes what lies in its folder",
                "choose a new or empty folder",
            )
        write_json(data / MARKER, {"schema": "spiroct.serve", "schema_version": 1})
    except OSError as refused:
        raise OutputError(
            f"--data {data} cannot be written ({refused.strerror})", "the page keeps its files there", "choose another"
        ) from None
    with _held(data / MARKER):
        yield data


@contextlib.contextmanager
def _held(marker: Path) -> Iterator[None]:
    if find_spec("fcntl") is None:  # Windows
        yield
        return
    import fcntl

    handle = os.open(marker, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputError(
                f"--data {marker.parent}", "another spiroct server uses it", "choose another, or stop the other server"
            ) from None
        yield
    finally:
        os.close(handle)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt
