"""How every command ends: exit codes, one sentence, and a fast door."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from spiroct import __version__
from spiroct.cli import main as door
from spiroct.errors import ExitCode, InputError

HEAVY = {"numpy", "pandas", "torch", "SimpleITK", "matplotlib", "scipy", "numba", "pydicom", "lightning"}


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "spiroct", *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("words", [["--help"], ["predict", "--help"], ["simulate", "cohort", "--help"], ["--version"]])
def test_help_loads_no_heavy_library(words: list[str]) -> None:
    code = (
        "import sys\nfrom spiroct.cli.main import main\n"
        f"try:\n    main({words!r})\nexcept SystemExit as end:\n    assert end.code == 0, end.code\n"
        f"print('HEAVY', sorted({HEAVY!r} & {{name.split('.')[0] for name in sys.modules}}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY []"


def test_version_is_the_packages_one() -> None:
    assert run("--version").stdout.strip() == f"spiroct {__version__}"
    assert json.loads(run("--version", "--json").stdout)["spiroct"] == __version__


def test_unknown_option_names_it_and_the_way_out() -> None:
    done = run("predict", "scan", "--out", "x", "--hieght", "168")
    assert done.returncode == ExitCode.REFUSED
    assert done.stdout == ""
    assert "--hieght" in done.stderr
    assert "--height" in done.stderr  # the nearest known option
    assert "spiroct predict --help" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_mistyped_verb_is_answered_with_the_nearest_one() -> None:
    done = run("predcit")
    assert done.returncode == ExitCode.REFUSED
    assert "'predict'" in done.stderr


def test_without_arguments_the_help_is_the_answer() -> None:
    for words in ([], ["simulate"]):
        done = run(*words)
        assert done.returncode == ExitCode.REFUSED
        assert done.stderr.startswith("Usage: spiroct")
        assert "for what there is" not in done.stderr


def test_models_alone_lists_them() -> None:
    done = run("models")
    assert (done.returncode, done.stdout) == (ExitCode.DONE, run("models", "list").stdout)


def test_a_refusal_is_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(_words: list[str], **_: object) -> None:
        raise InputError("age 534", "ages are 0 to 120 years", "give the age in years, as 53.4")

    monkeypatch.setattr(door, "app", refuse)
    monkeypatch.setattr("spiroct.cli.verbs.register", lambda _app: None)
    with pytest.raises(SystemExit) as end:
        door.main(["predict"])
    assert end.value.code == ExitCode.REFUSED
    assert capsys.readouterr().err == ("spiroct: age 534: ages are 0 to 120 years; give the age in years, as 53.4.\n")


def test_a_bug_leaves_a_log_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def break_down(_words: list[str], **_: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(door, "app", break_down)
    monkeypatch.setattr("spiroct.cli.verbs.register", lambda _app: None)
    with pytest.raises(SystemExit) as end:
        door.main(["predict"])
    assert end.value.code == ExitCode.BUG
    (log,) = tmp_path.glob("spiroct-bug-*.log")
    assert str(log) in capsys.readouterr().err
    assert "ZeroDivisionError: division by zero" in log.read_text(encoding="utf-8")


def test_an_interruption_ends_with_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("spiroct.workflows.simulate.simulate_cohort", interrupt)
    with pytest.raises(SystemExit) as end:
        door.main(["simulate", "cohort", "nowhere"])
    assert end.value.code == ExitCode.INTERRUPTED
    assert "interrupted; nothing half-written was left" in capsys.readouterr().err
