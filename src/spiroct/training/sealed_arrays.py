"""Named arrays on disk under a seal with their digests: an entry is as it was written, or it is made again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from spiroct.errors import OutputError
from spiroct.types import AnyArray

Entry = tuple[dict[str, AnyArray], dict[str, Any]]


def sealed_arrays(stem: Path, needed: str, make: Callable[[], Entry]) -> Entry:
    """Open a cache entry, or make it.

    Parameters
    ----------
    stem : Path
        Folder and key: whatever the arrays depend on must be in the key. Several processes may share it.
    needed : str
        Name of the array without which an entry is none.
    make : callable
        Makes the entry when there is none that can be trusted.

    Returns
    -------
    arrays : dict of str to array
        Read-only memory maps where they came from the cache.
    facts : dict
        Plain data beside them.

    Raises
    ------
    OutputError
        If a new entry cannot be written.
    """
    found = _opened(stem)
    if found is not None and needed in found[0]:
        return found
    made = make()
    try:
        _write(*made, stem)
    except OSError as refused:
        raise OutputError(
            f"the input cache {stem.parent} cannot be written ({refused.strerror})",
            "training keeps every scan as the network takes it",
            "make room, or name another folder in the environment variable SPIROCT_CACHE",
        ) from None
    return made


def _write(arrays: dict[str, AnyArray], facts: dict[str, Any], stem: Path) -> None:
    stem.parent.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        path = stem.with_suffix(f".{name}.npy")
        draft = path.with_suffix(f".{os.getpid()}.tmp")
        with draft.open("wb") as file:
            np.save(file, array)
        draft.replace(path)
    seal = stem.with_suffix(f".{os.getpid()}.tmp")
    digests = {name: _digest(array) for name, array in arrays.items()}
    seal.write_text(json.dumps({"arrays": digests, "facts": facts}), encoding="utf-8")
    seal.replace(stem.with_suffix(".json"))


def _opened(stem: Path) -> Entry | None:
    """Open an entry whose arrays have the digests on its seal; None for any other."""
    try:
        seal = json.loads(stem.with_suffix(".json").read_text(encoding="utf-8"))
        digests, facts = seal["arrays"], seal["facts"]
        arrays = {name: np.load(stem.with_suffix(f".{name}.npy"), mmap_mode="r") for name in digests}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return (arrays, facts) if all(_digest(array) == digests[name] for name, array in arrays.items()) else None


def _digest(array: AnyArray) -> str:
    return hashlib.blake2b(np.ascontiguousarray(array).data, digest_size=16).hexdigest()
