"""Scans on a recipe's grid as int16 memory maps, keyed by content; what is damaged is made again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spiroct.documents import to_json
from spiroct.preprocessing.network_input import GridScan
from spiroct.preprocessing.recipe import InputRecipe
from spiroct.training.sealed_arrays import Entry, sealed_arrays

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

    def entry() -> Entry:
        made = make()
        masks = {name: mask for name in _MASKS if (mask := getattr(made.scan, name)) is not None}
        return {"hu": made.scan.hu, **masks}, made.facts

    arrays, facts = sealed_arrays(folder / _key(key_files, recipe), "hu", entry)
    return CachedScan(GridScan(arrays["hu"], *(arrays.get(name) for name in _MASKS)), facts)


def _key(key_files: tuple[Path, ...], recipe: InputRecipe) -> str:
    key = hashlib.sha256(to_json([recipe.spacing_mm, list(recipe.window_hu), recipe.region.needs_vessels]).encode())
    for path in key_files:
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for file in files:
            key.update(hashlib.sha256(file.read_bytes()).digest())
    return key.hexdigest()[:32]
