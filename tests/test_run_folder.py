"""A run's folder: nothing half-written, nothing overwritten, the same command resumes."""

import json
from pathlib import Path

import pytest

from spiroct.errors import OutputError
from spiroct.run_folder import make_folder, require_usable, run_folder


def make(out: Path, text: str = "1", *, fail: BaseException | None = None, **options: object) -> bool:
    """Run once; True when it found the work done."""
    with run_folder(out, verb="test", arguments={"text": text}, **options) as run:  # type: ignore[arg-type]
        if not run.finished:
            (run.work / "sub").mkdir(exist_ok=True)
            (run.work / "sub" / "a.txt").write_text(text)
            if fail is not None:
                raise fail
            (run.work / "b.txt").write_text(text)
        return run.finished


def names(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_writes_all_files_and_lists_them(tmp_path: Path) -> None:
    assert not make(tmp_path / "out")
    assert names(tmp_path / "out") == ["b.txt", "run.json", "sub/a.txt"]
    assert json.loads((tmp_path / "out/run.json").read_text(encoding="utf-8"))["files"] == ["b.txt", "sub/a.txt"]


def test_same_command_finds_its_work_done(tmp_path: Path) -> None:
    make(tmp_path)
    before = (tmp_path / "b.txt").stat().st_mtime_ns
    assert make(tmp_path)
    assert (tmp_path / "b.txt").stat().st_mtime_ns == before


def test_same_command_mends_a_missing_file(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "b.txt").unlink()
    assert not make(tmp_path)
    assert (tmp_path / "b.txt").is_file()


@pytest.mark.parametrize("resumable", [False, True])
def test_another_command_is_refused_and_says_what_differs(tmp_path: Path, resumable: bool) -> None:
    make(tmp_path)
    with pytest.raises(OutputError, match=r"text '1' there, '2' here"):
        make(tmp_path, "2", resumable=resumable)
    assert (tmp_path / "b.txt").read_text(encoding="utf-8") == "1"


def test_what_no_arguments_can_mend_is_refused_beforehand(tmp_path: Path) -> None:
    make(tmp_path / "out")
    require_usable(tmp_path / "new", verb="test")
    require_usable(tmp_path / "out", verb="test")
    require_usable(tmp_path / "out", verb="other", overwrite=True)
    with pytest.raises(OutputError, match=r"\(differing: command test there, other here\)"):
        require_usable(tmp_path / "out", verb="other")
    with pytest.raises(OutputError, match="no spiroct run made"):
        require_usable(tmp_path, verb="test")


def test_of_nested_arguments_only_what_differs_is_told(tmp_path: Path) -> None:
    patient = {"age": 50, "sex": "F", "kernel": "soft"}
    with run_folder(tmp_path, verb="test", arguments={"patient": patient}):
        pass
    other = {"patient": patient | {"kernel": "sharp"}}
    with (
        pytest.raises(OutputError, match=r"\(differing: patient\.kernel 'soft' there, 'sharp' here\)"),
        run_folder(tmp_path, verb="test", arguments=other),
    ):
        pass


def test_overwrite_replaces_listed_files_only(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "mine.txt").write_text("keep")
    assert not make(tmp_path, "2", overwrite=True)
    assert (tmp_path / "b.txt").read_text(encoding="utf-8") == "2"
    assert (tmp_path / "mine.txt").read_text(encoding="utf-8") == "keep"


def test_refuses_a_folder_of_someone_else(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(OutputError, match=r"photo\.jpg"):
        make(tmp_path)


@pytest.mark.parametrize("content", ["{", '{"schema": "other", "files": []}', "[]"])
def test_refuses_a_foreign_run_record(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(OutputError, match="not a spiroct run record"):
        make(tmp_path)


def test_refuses_a_record_that_points_outside(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"schema": "spiroct.run", "files": ["../x"]}')
    with pytest.raises(OutputError, match="outside its folder"):
        make(tmp_path, overwrite=True)


def test_refuses_a_file_as_folder(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(OutputError, match="it is a file"):
        make(tmp_path / "out")


def test_a_refused_run_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="full"):
        make(tmp_path / "out", fail=OSError("full"))
    assert not (tmp_path / "out").exists()


def test_an_interrupted_resumable_run_goes_on(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path, fail=KeyboardInterrupt(), resumable=True)
    assert not (tmp_path / "b.txt").exists()  # nothing half-made in sight
    with run_folder(tmp_path, verb="test", arguments={"text": "1"}, resumable=True) as run:
        assert not run.finished
        assert (run.work / "sub/a.txt").read_text(encoding="utf-8") == "1"
        (run.work / ".tmp-c").touch()
        (run.work / "b.txt").write_text("1")
    assert names(tmp_path) == ["b.txt", "run.json", "sub/a.txt"]  # dotted files are the work's own


def test_another_command_does_not_delete_unfinished_work(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path, fail=KeyboardInterrupt(), resumable=True)
    for resumable in (True, False):
        with pytest.raises(OutputError, match=r"unfinished \(differing: text '1' there, '2' here\)"):
            make(tmp_path, "2", resumable=resumable)
    assert not make(tmp_path, resumable=True)


def test_overwrite_drops_unfinished_work(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path, fail=KeyboardInterrupt(), resumable=True)
    make(tmp_path, "2", overwrite=True)
    assert names(tmp_path) == ["b.txt", "run.json", "sub/a.txt"]


def test_a_record_cut_short_by_a_kill_is_no_run(tmp_path: Path) -> None:
    (tmp_path / ".partial-x").mkdir()
    (tmp_path / ".partial-x/.started.json").write_text("{")
    make(tmp_path, resumable=True)
    assert names(tmp_path) == ["b.txt", "run.json", "sub/a.txt"]


def test_overwrite_starts_anew_even_for_the_same_command(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path, fail=KeyboardInterrupt(), resumable=True)
    arguments = {"text": "1"}
    with run_folder(tmp_path, verb="test", arguments=arguments, resumable=True, overwrite=True) as run:
        assert names(run.work) == [".started.json"]
        (run.work / "b.txt").touch()


def test_a_folder_of_another_run_is_refused_before_the_work(tmp_path: Path) -> None:
    make(tmp_path / "held")
    require_usable(tmp_path / "held", verb="test", arguments={"text": "1"})
    with pytest.raises(OutputError, match=r"text '1' there, '2' here"):
        require_usable(tmp_path / "held", verb="test", arguments={"text": "2"})
    require_usable(tmp_path / "held", verb="test", arguments={"text": "2"}, overwrite=True)
    make_folder(tmp_path / "own" / "steps")
    require_usable(tmp_path / "own", verb="test", arguments={}, keeps=("steps",))
    (tmp_path / "own" / "mine.txt").touch()
    with pytest.raises(OutputError, match=r"mine\.txt"):
        require_usable(tmp_path / "own", verb="test", arguments={}, overwrite=True, keeps=("steps",))
    with pytest.raises(OutputError, match="cannot be written"):
        make_folder(tmp_path / "own" / "mine.txt" / "below")
