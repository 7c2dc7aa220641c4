"""Scans on a recipe's grid as int16 memory maps, keyed by content; what is damaged is made again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spiroct.documents import to_json
from spiroct.errors import OutputError
from spiroct.preprocessing.network_input import GridScan
from spiroct.preprocessing.recipe import InputRecipe
from spiroct.types import AnyArray

_MASKS = ("lungs", "vessels")


@dataclass(frozen=True, eq=False)
class CachedScan:
    """A scan on a recipe's grid, and what was found while it was prepared.

    Parameters
    ----------
    scan : GridScan
        Arrays are read-only memory maps where they came from the cache.
    facts : dict
        Plain data that are not on the grid, such as lung volume and slice thickness.
    """

    scan: GridScan
    facts: dict[str, Any]


def cached_scan(
    key_files: tuple[Path, ...], recipe: InputRecipe, folder: Path, make: Callable[[], CachedScan]
) -> CachedScan:
    """Open a scan's cache entry, or make it.

    Parameters
    ----------
    key_files : tuple of Path
        Image (a file or a folder) and masks: their content, with the recipe's grid and window, is the key.
    recipe : InputRecipe
        Grid and window.
    folder : Path
        The cache; several processes may share it.
    make : callable
        Makes the scan when there is no entry that can be trusted.

    Raises
    ------
    OutputError
        If a new entry cannot be written.
    """
    stem = folder / _key(key_files, recipe)
    found = _opened(stem)
    if found is not None:
        return found
    made = make()
    try:
        _write(made, stem)
    except OSError as refused:
        raise OutputError(
            f"the input cache {folder} cannot be written ({refused.strerror})",
            "training keeps every scan on the recipe's grid",
            "make room, or name another folder in the environment variable SPIROCT_CACHE",
        ) from None
    return made


def _key(key_files: tuple[Path, ...], recipe: InputRecipe) -> str:
    key = hashlib.sha256(to_json([recipe.spacing_mm, list(recipe.window_hu), recipe.region.needs_vessels]).encode())
    for path in key_files:
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for file in files:
            key.update(hashlib.sha256(file.read_bytes()).digest())
    return key.hexdigest()[:32]


def _write(made: CachedScan, stem: Path) -> None:
    stem.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, AnyArray] = {"hu": made.scan.hu}
    arrays |= {name: mask for name in _MASKS if (mask := getattr(made.scan, name)) is not None}
    for name, array in arrays.items():
        path = stem.with_suffix(f".{name}.npy")
        draft = path.with_suffix(f".{os.getpid()}.tmp")
        with draft.open("wb") as file:
            np.save(file, array)
        draft.replace(path)
    seal = stem.with_suffix(f".{os.getpid()}.tmp")
    digests = {name: _digest(array) for name, array in arrays.items()}
    seal.write_text(json.dumps({"arrays": digests, "facts": made.facts}), encoding="utf-8")
    seal.replace(stem.with_suffix(".json"))


def _opened(stem: Path) -> CachedScan | None:
    """Open an entry whose arrays have the digests on its seal; None for any other."""
    try:
        seal = json.loads(stem.with_suffix(".json").read_text(encoding="utf-8"))
        digests, facts = seal["arrays"], seal["facts"]
        arrays = {name: np.load(stem.with_suffix(f".{name}.npy"), mmap_mode="r") for name in digests}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if "hu" not in arrays or any(_digest(array) != digests[name] for name, array in arrays.items()):
        return None
    return CachedScan(GridScan(arrays["hu"], *(arrays.get(name) for name in _MASKS)), facts)


def _digest(array: AnyArray) -> str:
    return hashlib.blake2b(np.ascontiguousarray(array).data, digest_size=16).hexdigest()
