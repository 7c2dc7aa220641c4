"""Weights of other people's networks: found on this machine, never fetched, and checked against what they were."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from spiroct.errors import InputError, OutputError

FOLDER_VARIABLE = "SPIROCT_WEIGHTS"
RECORD_ENDING = ".sha256"


def weights_folders(named: Path | None) -> tuple[Path, ...]:
    """Folders in which weights are looked for: the one that is named, or SPIROCT_WEIGHTS and the user's own.

    Raises
    ------
    InputError
        If the named folder is not there.
    """
    if named is not None:
        if not named.is_dir():
            raise InputError(f"--weights {named}", "there is no such folder", "name the folder that holds the weights")
        return (named,)
    home = os.environ.get(FOLDER_VARIABLE)
    return (*([Path(home)] if home else []), Path.home() / ".cache" / "spiroct" / "weights")


def find_weights(name: str, folders: Sequence[Path], *, source: str, feature: str) -> Path:
    """Find a file or folder of weights.

    Parameters
    ----------
    name : str
        File or folder name; may hold wildcards, as ``"Dataset297_*"``.
    folders : sequence of Path
        Where to look, in this order.
    source : str
        Where its makers publish it, for the message.
    feature : str
        What needs it.

    Raises
    ------
    InputError
        If it is in none of the folders; nothing is downloaded.
    """
    for folder in folders:
        found = sorted(p for p in folder.glob(name) if not p.name.endswith(RECORD_ENDING))
        if found:
            return found[-1]
    raise InputError(
        f"{feature} needs the weights {name}, which are in none of {', '.join(map(str, folders))}",
        "spiroct downloads nothing by itself",
        f"fetch them from {source} into one of these folders, or name their folder with --weights",
    )


def checked_digest(path: Path) -> str:
    """SHA-256 of weights, which has to be the one recorded beside them; the first use records it.

    The record is ``NAME.sha256`` beside the weights, as ``sha256sum`` writes it; one that was put there before, from a
    source that is trusted, is what the first use is checked against. The SHA-256 of a folder is that of the list of its
    files' names and digests.

    Parameters
    ----------
    path : Path
        A file, or a folder of files.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    InputError
        If the weights are not those that were recorded.
    OutputError
        If the first use cannot write its record.
    """
    digest = _folder_digest(path) if path.is_dir() else _file_digest(path)
    record = path.with_name(path.name + RECORD_ENDING)
    if not record.exists():
        try:
            record.write_text(f"{digest}  {path.name}\n", encoding="utf-8")
        except OSError as refused:
            raise OutputError(
                f"{record} cannot be written ({refused.strerror})",
                "the first use of weights records their SHA-256 beside them",
                f"have someone who may write there put this line into it: {digest}  {path.name}",
            ) from None
        return digest
    expected = record.read_text(encoding="utf-8").split(maxsplit=1)[:1]
    if expected != [digest]:
        raise InputError(
            f"weights {path} have the SHA-256 {digest[:16]}..., and {record.name} says {''.join(expected)[:16]}...",
            "weights do not change between uses",
            f"copy them again, or delete {record} if they were replaced on purpose",
        )
    return digest


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _folder_digest(folder: Path) -> str:
    """Hash names and contents of all files below a folder, in the order of their names."""
    lines = [f"{_file_digest(p)}  {p.relative_to(folder).as_posix()}" for p in sorted(folder.rglob("*")) if p.is_file()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
