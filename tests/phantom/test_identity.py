"""The simulator's hash names its files and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import spiroct.phantom
from spiroct.phantom.identity import folder_hash, simulator_hash

SOURCES = Path(spiroct.phantom.__file__).parent


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A second copy of the simulator's sources, without what compilers left there."""
    shutil.copytree(SOURCES, tmp_path / "phantom", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "phantom"


def test_a_copy_elsewhere_has_the_same_hash(copied: Path) -> None:
    assert folder_hash(copied) == simulator_hash()
    assert len(simulator_hash()) == 64


@pytest.mark.parametrize("name", sorted(p.name for p in SOURCES.glob("*.py")))
def test_every_source_counts(copied: Path, name: str) -> None:
    before = folder_hash(copied)
    with (copied / name).open("a", encoding="utf-8") as file:
        file.write("# one more remark\n")
    assert folder_hash(copied) != before


def test_names_count_and_bounds_between_files_too(tmp_path: Path) -> None:
    for folder, files in {"a": {"x": "12", "y": "3"}, "b": {"x": "1", "y": "23"}, "c": {"x": "12", "z": "3"}}.items():
        (tmp_path / folder).mkdir()
        for name, text in files.items():
            (tmp_path / folder / name).write_text(text, encoding="utf-8")
    assert len({folder_hash(tmp_path / folder) for folder in "abc"}) == 3


def test_data_in_folders_count(copied: Path) -> None:
    before = folder_hash(copied)
    (copied / "data").mkdir()
    (copied / "data" / "table.csv").write_text("1\n", encoding="utf-8")
    assert folder_hash(copied) != before


def test_compilers_output_and_line_ends_do_not_count(copied: Path) -> None:
    before = folder_hash(copied)
    (copied / "__pycache__").mkdir()
    (copied / "__pycache__" / "render.cpython-311.pyc").write_bytes(b"1")
    (copied / "render.nbi").write_bytes(b"1")
    source = copied / "render.py"
    source.write_bytes(source.read_bytes().replace(b"\n", b"\r\n"))
    assert folder_hash(copied) == before


def test_the_simulators_page_gives_the_figures_of_this_simulator() -> None:
    page = Path(__file__).parents[2] / "docs" / "concepts" / "simulated-patients.md"
    assert simulator_hash() in page.read_text(encoding="utf-8")
