"""The documentation does what it says: every command parses, every Python block runs, every docstring example holds."""

from __future__ import annotations

import doctest
import importlib
import os
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from spiroct.cli import verbs
from spiroct.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def commands() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for block in blocks(page, "console"):
            for line in block.splitlines():
                words = line.removeprefix("$ ").split("#")[0].strip()
                if line.startswith("$ ") and re.match(r"(\.venv/bin/)?spiroct\b", words):
                    found.append((str(page.relative_to(ROOT)), words))
    return found


def parse(command: Any, name: str, words: list[str]) -> None:
    """Parse as the command line does, without running anything."""
    if hasattr(command, "commands") and not words[0].startswith("-"):  # options are of the group itself
        child = words[0]
        assert child in command.commands, f"no command {child!r}"
        parse(command.commands[child], f"{name} {child}", words[1:])
    else:
        command.make_context(name, words)


def test_there_are_commands_to_check() -> None:
    assert len(commands()) >= 12


@pytest.mark.parametrize(("page", "command"), commands())
def test_every_documented_command_parses(page: str, command: str) -> None:
    verbs.register(app)
    words = [w for w in shlex.split(command)[1:] if w != "..."]
    if words[:1] == ["--version"]:
        return
    parse(typer.main.get_command(app), "spiroct", [w.replace("1.2.840...", "1.2") for w in words])


def test_python_blocks_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from spiroct.workflows.simulate import simulate_patient

    simulate_patient(tmp_path / "patient", seed=3, spacing=4.0)
    (tmp_path / "DICOM_FOLDER").symlink_to(tmp_path / "patient" / "ct")
    monkeypatch.chdir(tmp_path)
    ran = 0
    for page in PAGES:
        for block in blocks(page, "python"):
            exec(compile(block, str(page), "exec"), {"__name__": "__docs__"})  # noqa: S102 - our own documentation
            ran += 1
    assert ran >= 1


def test_docstring_examples_hold() -> None:
    import spiroct

    home, attempted = Path(spiroct.__path__[0]), 0
    for file in sorted(home.rglob("*.py")):
        if ">>> " in file.read_text(encoding="utf-8"):
            name = ".".join(file.relative_to(home.parent).with_suffix("").parts)
            found = doctest.testmod(importlib.import_module(name))
            assert found.failed == 0, name
            attempted += found.attempted
    assert attempted >= 1


@pytest.mark.slow
def test_the_tutorial_from_start_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`make demo` in small, then every spiroct command of the tutorial that names no scan of the reader's own."""
    from spiroct.cli.main import main

    def type_command(*words: str) -> None:
        with pytest.raises(SystemExit) as end:
            main(list(words))
        assert end.value.code in (0, None), words

    monkeypatch.chdir(tmp_path)
    type_command("simulate", "patient", "demo/patient", "--seed", "1", "--index", "4", "--spacing", "3")
    type_command("predict", "demo/patient/ct", "--out", "demo/result")
    ran = 0
    for block in blocks(ROOT / "docs/tutorials/first-scan.md", "console"):
        for line in block.splitlines():
            words = shlex.split(line.removeprefix("$ "))
            if line.startswith("$ .venv/bin/spiroct") and "/path/to" not in line:
                type_command(*words[1:])
                ran += 1
    assert ran == 4
    assert os.path.getsize("demo/more-ild-result/report.html") > 50_000  # noqa: PTH202
    assert len(list(Path("demo/both").glob("*/report.html"))) == 2
