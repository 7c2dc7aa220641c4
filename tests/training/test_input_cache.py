"""The input cache: made once, trusted only whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spiroct.errors import OutputError
from spiroct.preprocessing.network_input import GridScan
from spiroct.preprocessing.recipe import InputRecipe, Region
from spiroct.training.input_cache import CachedScan, cached_scan

RECIPE = InputRecipe(spacing_mm=5.0, patch=(16, 16, 16))


def scan() -> CachedScan:
    hu = np.arange(64, dtype=np.int16).reshape(4, 4, 4)
    return CachedScan(GridScan(hu, (hu > 9).astype(np.uint8)), {"lung_volume": 4.5})


def key(tmp_path: Path, content: bytes = b"scan") -> tuple[Path, ...]:
    (tmp_path / "scan.bin").write_bytes(content)
    return (tmp_path / "scan.bin",)


@pytest.mark.parametrize("part", ["hu", "lungs"])
def test_made_once_and_trusted_only_whole(tmp_path: Path, part: str) -> None:
    made = []

    def make() -> CachedScan:
        made.append(1)
        return scan()

    files, folder = key(tmp_path), tmp_path / "cache"
    first = cached_scan(files, RECIPE, folder, make)
    again = cached_scan(files, RECIPE, folder, make)
    assert np.array_equal(again.scan.hu, first.scan.hu)
    assert again.facts == {"lung_volume": 4.5}
    assert again.scan.vessels is None
    assert len(made) == 1
    (entry,) = folder.glob(f"*.{part}.npy")
    raw = bytearray(entry.read_bytes())
    raw[-1] ^= 1
    entry.write_bytes(bytes(raw))
    assert np.array_equal(cached_scan(files, RECIPE, folder, make).scan.hu, first.scan.hu)
    assert len(made) == 2


def test_another_scan_grid_or_need_is_another_entry(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    recipes = [RECIPE, RECIPE, replace(RECIPE, spacing_mm=4.0), replace(RECIPE, region=Region.VESSELS)]
    for content, recipe in zip((b"a", b"b", b"a", b"a"), recipes, strict=True):
        cached_scan(key(tmp_path, content), recipe, folder, scan)
    assert len(list(folder.glob("*.json"))) == 4
    cached_scan(key(tmp_path, b"a"), replace(RECIPE, region=Region.LUNGS), folder, scan)  # masked later, same grid
    assert len(list(folder.glob("*.json"))) == 4


def test_a_folder_of_files_is_one_scan(tmp_path: Path) -> None:
    series = tmp_path / "series"
    series.mkdir()
    (series / "1.dcm").write_bytes(b"one")
    cached_scan((series,), RECIPE, tmp_path / "cache", scan)
    (series / "2.dcm").write_bytes(b"two")
    cached_scan((series,), RECIPE, tmp_path / "cache", scan)
    assert len(list((tmp_path / "cache").glob("*.json"))) == 2


def test_a_cache_that_cannot_be_written_names_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(OutputError, match="SPIROCT_CACHE"):
        cached_scan(key(tmp_path), RECIPE, tmp_path / "cache", scan)
