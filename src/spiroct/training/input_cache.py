"""Scans on a recipe's grid as int16 memory maps, keyed by content; what is damaged is made again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from spiroct.documents import to_json
from spiroct.preprocessing.network_input import GridScan
from spiroct.preprocessing.recipe import InputRecipe
from spiroct.types import AnyArray


def cached_scan(
    key_files: tuple[Path, ...], recipe: InputRecipe, folder: Path, make: Callable[[], GridScan]
) -> GridScan:
    """Open a scan's cache entry, or make it.

    Parameters
    ----------
    key_files : tuple of Path
        Image and mask: their content, with the recipe's grid and window, is the key.
    recipe : InputRecipe
        Grid and window.
    folder : Path
        The cache.
    make : callable
        Makes the scan when there is no entry that can be trusted.

    Returns
    -------
    GridScan
        Arrays are read-only memory maps.
    """
    key = hashlib.sha256(to_json([recipe.spacing_mm, list(recipe.window_hu)]).encode())
    for file in key_files:
        key.update(hashlib.sha256(file.read_bytes()).digest())
    stem = folder / key.hexdigest()[:32]
    found = _opened(stem)
    if found is not None:
        return found
    made = make()
    folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, AnyArray] = {"hu": made.hu}
    if made.lungs is not None:
        arrays["lungs"] = made.lungs
    for name, array in arrays.items():
        _save(array, stem.with_suffix(f".{name}.npy"))
    seal = stem.with_suffix(f".{os.getpid()}.tmp")
    seal.write_text(json.dumps({name: _digest(array) for name, array in arrays.items()}), encoding="utf-8")
    seal.replace(stem.with_suffix(".json"))
    return made


def _opened(stem: Path) -> GridScan | None:
    """Open an entry whose arrays have the digests on its seal; None for any other."""
    try:
        seal = json.loads(stem.with_suffix(".json").read_text(encoding="utf-8"))
        arrays = {name: np.load(stem.with_suffix(f".{name}.npy"), mmap_mode="r") for name in seal}
    except (OSError, ValueError):
        return None
    if "hu" not in arrays or any(_digest(array) != seal[name] for name, array in arrays.items()):
        return None
    return GridScan(arrays["hu"], arrays.get("lungs"))


def _save(array: AnyArray, path: Path) -> None:
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    with draft.open("wb") as file:
        np.save(file, array)
    draft.replace(path)


def _digest(array: AnyArray) -> str:
    return hashlib.blake2b(np.ascontiguousarray(array).tobytes(), digest_size=16).hexdigest()
