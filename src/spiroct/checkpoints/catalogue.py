"""Checkpoints by name: those that ship with the package, and folders of one's own."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from spiroct.checkpoints.checkpoint import CARD, Checkpoint
from spiroct.errors import CheckpointError

DEFAULT_CHECKPOINT = "demonstration-simulated-patients"


def packaged() -> list[str]:
    """Names of the checkpoints that ship with the package."""
    home = _home()
    return sorted(p.name for p in home.iterdir() if (p / CARD).is_file()) if home.is_dir() else []


def find(name_or_path: str) -> Checkpoint:
    """Load a checkpoint by the name of a packaged one, or by its folder.

    Raises
    ------
    CheckpointError
        If there is none; the message lists the known names.
    """
    if name_or_path in packaged():
        return Checkpoint.load(_home() / name_or_path)
    folder = Path(name_or_path)
    if folder.is_dir():
        return Checkpoint.load(folder)
    known = ", ".join(packaged()) or "none"
    raise CheckpointError(
        f"model {name_or_path!r} is neither a known name nor a folder",
        f"the known models are {known}",
        "use one of these, or the folder of a checkpoint",
    )


def _home() -> Path:
    return Path(str(files("spiroct.checkpoints"))) / "packaged"
