"""What the page is allowed: where it keeps files and for how long, how much it takes, who may ask."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from spiroct.checkpoints.catalogue import DEFAULT_CHECKPOINT
from spiroct.errors import UsageError

GIB = 1024**3
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class ServeSettings:
    """How one page is served.

    Parameters
    ----------
    data : Path
        Folder of uploads and results; made if missing, readable by its owner only.
    model : str
        Name or folder of the checkpoint that predicts.
    token : str or None
        What a caller has to know; None lets everyone in who reaches the port.
    port : int
        Of the page; part of the cookie's name, because cookies do not tell ports apart.
    hosts : tuple of str
        Names under which the page may be asked for, without port; any other is refused (DNS rebinding).
    keep_hours : float
        Scans and results are deleted so many hours after they came.
    upload_bytes : int
        Most that one scan may hold.
    waiting : int
        Most scans in the queue.
    minutes : float
        A prediction that takes longer is ended.
    free_bytes : int
        Disk space that an upload must leave free.
    node : Path or None
        Folder of a PACS node whose studies can be looked at, answered and picked.

    Raises
    ------
    UsageError
        If a number is not positive.
    """

    data: Path
    model: str = DEFAULT_CHECKPOINT
    token: str | None = None
    port: int = 8765
    hosts: tuple[str, ...] = LOOPBACK
    keep_hours: float = 24.0
    upload_bytes: int = 4 * GIB
    waiting: int = 20
    minutes: float = 30.0
    free_bytes: int = GIB
    node: Path | None = None

    def __post_init__(self) -> None:
        """Refuse limits that would let nothing or everything through."""
        for name in ("keep_hours", "upload_bytes", "waiting", "minutes"):
            value = getattr(self, name)
            if not value > 0:
                raise UsageError(f"{name.replace('_', ' ')} {value:g}", "limits are positive", "give a number above 0")

    @property
    def cookie(self) -> str:
        """Name of the cookie that stands for the token."""
        return f"spiroct-{self.port}"
