"""What a PACS node is told in its TOML file: who may send, where results go, how patient it is."""

from __future__ import annotations

import ipaddress
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from spiroct.errors import InputError

AeTitle = Annotated[str, Field(pattern=r"^[\x21-\x5b\x5d-\x7e][\x20-\x5b\x5d-\x7e]{0,15}$")]
Port = Annotated[int, Field(ge=0, le=65535)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Peer(_Part):
    """Who may send: both its AE title and its address have to be on the list."""

    ae_title: AeTitle
    address: str

    @field_validator("address")
    @classmethod
    def _is_a_network(cls, value: str) -> str:
        ipaddress.ip_network(value, strict=False)
        return value

    def holds(self, address: str) -> bool:
        """Whether an address is this peer's."""
        found = ipaddress.ip_address(address)
        mapped = getattr(found, "ipv4_mapped", None)
        return (mapped or found) in ipaddress.ip_network(self.address, strict=False)


class Web(_Part):
    """A DICOMweb service and who the node is there; the password stands in a file of its own."""

    url: Annotated[str, Field(pattern=r"^https?://")]
    user: str | None = None
    password_file: Path | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Web:
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file belong together")
        return self


class Poll(Web):
    """A DICOMweb service that is asked for new CT studies."""

    every_seconds: Annotated[float, Field(gt=0)] = 60.0
    newer_than_days: Annotated[int, Field(ge=0)] = 7


class StoreDestination(_Part):
    """Results go there by C-STORE."""

    kind: Literal["c-store"]
    ae_title: AeTitle
    host: str
    port: Port

    @property
    def name(self) -> str:
        """Name in the queue."""
        return f"{self.ae_title}@{self.host}:{self.port}"


class WebDestination(Web):
    """Results go there by STOW-RS."""

    kind: Literal["stow-rs"]

    @property
    def name(self) -> str:
        """Name in the queue."""
        return self.url


class NodeSettings(_Part):
    """A node.

    Parameters
    ----------
    folder : Path
        Queue, received scans and results.
    ae_title, host, port
        Where it listens; loopback unless told otherwise.
    model : str or None
        Checkpoint; the packaged one by default.
    settle_seconds : float
        A study is complete when no instance came for so long.
    ask : bool
        Wait for what reference equations need and the header lacks; False predicts without.
    force, vessels, explain : bool
        As for ``spiroct predict``.
    retries : int
        How often a step is tried again.
    back_off_seconds : float
        Before the second attempt; doubled for each further one.
    minutes : float
        A prediction that takes longer is ended and tried again.
    keep_hours : float
        Scans and results of finished studies are deleted after.
    peers, poll, destinations
        Who may send, what is polled, where results go.
    """

    folder: Path
    ae_title: AeTitle = "SPIROCT"
    host: str = "127.0.0.1"
    port: Port = 11112
    model: str | None = None
    settle_seconds: Annotated[float, Field(gt=0)] = 60.0
    ask: bool = True
    force: bool = False
    vessels: bool = True
    explain: bool = True
    retries: Annotated[int, Field(ge=0)] = 5
    back_off_seconds: Annotated[float, Field(gt=0)] = 30.0
    minutes: Annotated[float, Field(gt=0)] = 30.0
    keep_hours: Annotated[float, Field(gt=0)] = 24.0
    peers: tuple[Peer, ...] = ()
    poll: tuple[Poll, ...] = ()
    destinations: tuple[Annotated[StoreDestination | WebDestination, Field(discriminator="kind")], ...] = ()

    @model_validator(mode="after")
    def _has_a_way_in(self) -> NodeSettings:
        if not self.peers and not self.poll:
            raise ValueError("a node needs peers that may send, or a service to poll")
        return self


def read_settings(path: Path) -> NodeSettings:
    """Read a node's settings; paths in them are relative to the file.

    Raises
    ------
    InputError
        If the file is missing, no TOML, or a value in it is not what it should be; all faults are named.
    """
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} is not there", "a node is told what to do in a TOML file", "check the path") from None
    except (OSError, ValueError) as unreadable:
        raise InputError(f"{path} is no TOML file ({unreadable})", "see docs/how-to/run-a-node.md", "mend it") from None
    try:
        found = NodeSettings.model_validate(told)
    except ValidationError as faults:
        named = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'the file'}: {e['msg']}" for e in faults.errors())
        raise InputError(f"{path}: {named}", "these are not what a node takes", "mend the file") from None
    return found.model_copy(update={"folder": path.parent / found.folder})
