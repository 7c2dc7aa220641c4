"""Converted models on disk: beside the checkpoint, or in the user's cache where its folder is read-only."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from spiroct.checkpoints.checkpoint import Checkpoint

FOLDER = ".converted"


def find_cached(checkpoint: Checkpoint, release: str) -> Path | None:
    """Find the ``.xml`` of a converted model, its ``.bin`` beside it; None where there is none.

    Parameters
    ----------
    checkpoint : Checkpoint
        Whose model; by its hash, which changes with any weight.
    release : str
        Of the library that converted it.
    """
    name = _name(checkpoint, release)
    return next((f / name for f in _folders(checkpoint) if _is_file(f / name)), None)


def keep(checkpoint: Checkpoint, release: str, save: Callable[[Path], None]) -> Path | None:
    """Keep a converted model for the next time.

    Parameters
    ----------
    checkpoint, release
        As for :func:`find_cached`.
    save : callable
        ``save(path)`` writes ``path`` (``.xml``) and the ``.bin`` beside it.

    Returns
    -------
    Path or None
        Where; None where no folder could be written.
    """
    name = _name(checkpoint, release)
    for folder in _folders(checkpoint):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            draft = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder))
        except OSError:
            continue
        try:
            save(draft / name)
            (draft / name).with_suffix(".bin").replace((folder / name).with_suffix(".bin"))
            (draft / name).replace(folder / name)  # the .xml last: its presence says that the .bin is whole
        except OSError:  # a full disk
            continue
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return folder / name
    return None


def _name(checkpoint: Checkpoint, release: str) -> str:
    """Name a model by what it follows from: weights and card, the network's code, the converter."""
    key = hashlib.sha256(f"{checkpoint.hash} {version('spiroct')} {release}".encode()).hexdigest()
    return f"openvino-{key[:24]}.xml"


def _folders(checkpoint: Checkpoint) -> list[Path]:
    home = os.environ.get("SPIROCT_CACHE")
    cache = Path(home) if home else Path.home() / ".cache" / "spiroct"
    beside = [] if checkpoint.folder is None else [checkpoint.folder / FOLDER]
    return [*beside, cache / "converted"]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a folder that may not be looked into
        return False
