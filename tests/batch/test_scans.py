"""A batch goes on past bad scans, resumes scan by scan, and never mixes two runs."""

from __future__ import annotations

import csv
import json
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spiroct.batch.scan_task import ScanTask
from spiroct.batch.scans import BatchSummary, process_scans
from spiroct.errors import InputError, OutputError, ScanError
from spiroct.log import logger


class Counted:
    """Work that writes a table and remembers which scans it saw."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, task: ScanTask, folder: Path) -> None:
        self.seen.append(task.scan_id)
        (folder / "half.txt").write_text("made first", encoding="utf-8")
        text = task.files[0].read_text(encoding="utf-8")
        if text == "bad":
            raise ScanError(str(task.files[0]), "it is bad", "mend it")
        if text == "bug":
            raise ZeroDivisionError("of ours")
        if text == "stop":
            raise KeyboardInterrupt
        (folder / "numbers.csv").write_text(f"scan_id,value\n{task.scan_id},{text}\n", encoding="utf-8")


@pytest.fixture
def tasks(tmp_path: Path) -> Callable[..., list[ScanTask]]:
    def make(**texts: str) -> list[ScanTask]:
        (tmp_path / "in").mkdir(exist_ok=True)
        made = []
        for name, text in texts.items():
            path = tmp_path / "in" / f"{name}.txt"
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")
            made.append(ScanTask(name, (path,), {"sex": "F"}))
        return made

    return make


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Return what the logger says, whatever handlers and level earlier commands in this process left it."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    monkeypatch.setattr(logger, "handlers", [handler])
    monkeypatch.setattr(logger, "propagate", False)
    level = logger.level
    logger.setLevel(logging.INFO)
    yield lines
    logger.setLevel(level)


def run(scans: list[ScanTask], work: Counted, out: Path, **more: object) -> BatchSummary:
    arguments = more.pop("arguments", {"option": 1})
    return process_scans(scans, work, out=out, verb="count", arguments=arguments, tables=("numbers.csv",), **more)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_bad_scans_are_listed_and_the_others_done(tasks: Callable, tmp_path: Path) -> None:
    summary = run(tasks(a="1", b="bad", c="bug", d="4"), Counted(), tmp_path / "out")
    assert summary.done == ("a", "d")
    assert [(f.scan_id, f.kind) for f in summary.failures] == [("b", "ScanError"), ("c", "ZeroDivisionError")]
    listed = rows(tmp_path / "out/failures.csv")
    assert listed[0]["reason"].endswith("it is bad; mend it.")
    assert "a bug" in listed[1]["reason"]
    assert [r["value"] for r in rows(tmp_path / "out/numbers.csv")] == ["1", "4"]
    assert not (tmp_path / "out/b").exists()  # nothing half-written
    places = {r["scan_id"]: Path(r["image"]).name for r in rows(tmp_path / "out/scans.csv")}
    assert places == {name: f"{name}.txt" for name in "abcd"}


def test_only_what_failed_changed_or_is_new_is_done_again(tasks: Callable, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(tasks(a="1", b="bad", c="3"), Counted(), out)
    again = Counted()
    scans = tasks(a="1", b="2", c="30", e="5")
    os.utime(scans[2].files[0], ns=(1, 1))
    summary = run(scans, again, out)
    assert again.seen == ["b", "c", "e"]
    assert summary.resumed == ("a",)
    assert [r["value"] for r in rows(out / "numbers.csv")] == ["1", "2", "30", "5"]
    assert rows(out / "failures.csv") == []


def test_other_facts_of_a_patient_are_other_work(tasks: Callable, tmp_path: Path) -> None:
    scans = tasks(a="1")
    run(scans, Counted(), tmp_path / "out")
    again = Counted()
    run([ScanTask("a", scans[0].files, {"sex": "M"})], again, tmp_path / "out")
    assert again.seen == ["a"]


def test_an_interrupted_batch_goes_on(tasks: Callable, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(tasks(a="1", b="stop", c="3"), Counted(), out)
    assert sorted(p.name for p in out.iterdir()) == ["a", "failures.csv", "numbers.csv", "run.json", "scans.csv"]
    again = Counted()
    assert run(tasks(a="1", b="2", c="3"), again, out).resumed == ("a",)
    assert again.seen == ["b", "c"]


def test_another_run_is_refused_and_overwrite_replaces_it(tasks: Callable, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(tasks(a="1"), Counted(), out)
    with pytest.raises(OutputError, match="option 1 there, 2 here"):
        run(tasks(a="1"), Counted(), out, arguments={"option": 2})
    anew = Counted()
    run(tasks(a="1"), anew, out, arguments={"option": 2}, overwrite=True)
    assert anew.seen == ["a"]
    assert json.loads((out / "a/run.json").read_text(encoding="utf-8"))["arguments"]["option"] == 2


def test_a_lost_result_is_made_again(tasks: Callable, tmp_path: Path) -> None:
    run(tasks(a="1"), Counted(), tmp_path / "out")
    (tmp_path / "out/a/numbers.csv").unlink()
    again = Counted()
    run(tasks(a="1"), again, tmp_path / "out")
    assert again.seen == ["a"]


@pytest.mark.parametrize(
    ("names", "match"), [(["a", "A"], "twice but for capitals"), (["../up"], "folder"), (["run.json"], "folder")]
)
def test_names_that_cannot_be_folders_are_refused_before_work(names: list[str], match: str, tmp_path: Path) -> None:
    work = Counted()
    with pytest.raises(InputError, match=match):
        run([ScanTask(name, (tmp_path,), {}) for name in names], work, tmp_path / "out")
    assert not work.seen
    assert not (tmp_path / "out").exists()


def test_each_finished_scan_is_told_of(tasks: Callable, tmp_path: Path) -> None:
    told: list[tuple[str, bool]] = []
    run(
        tasks(a="1", b="bad", c="3"),
        Counted(),
        tmp_path / "out",
        finished=lambda task, folder: told.append((task.scan_id, (folder / "numbers.csv").is_file())),
    )
    assert told == [("a", True), ("c", True)]


def test_messages_name_the_scan_they_are_of(tasks: Callable, tmp_path: Path, heard: list[str]) -> None:
    class Warned(Counted):
        def __call__(self, task: ScanTask, folder: Path) -> None:
            logger.warning("warning: %s is 100 %%.", "it")
            super().__call__(task, folder)

    run(tasks(a="1", b="bad"), Warned(), tmp_path / "out")
    assert heard[:2] == ["a: warning: it is 100 %.", "b: warning: it is 100 %."]
    assert sum(text.startswith("b: failed: ") for text in heard) == 1
    logger.warning("afterwards")
    assert heard[-1] == "afterwards"


def test_folders_of_slices_are_stamped(tmp_path: Path) -> None:
    series = tmp_path / "series"
    series.mkdir()
    (series / "1.dcm").write_text("7", encoding="utf-8")
    seen: list[str] = []

    def work(task: ScanTask, folder: Path) -> None:
        seen.append(task.scan_id)
        (folder / "numbers.csv").write_text("scan_id,value\n", encoding="utf-8")

    for _ in range(2):
        run([ScanTask("a", (series, tmp_path / "missing"), {})], work, tmp_path / "out")
    assert seen == ["a"]
    (series / "2.dcm").write_text("8", encoding="utf-8")
    run([ScanTask("a", (series, tmp_path / "missing"), {})], work, tmp_path / "out")
    assert seen == ["a", "a"]


def test_a_log_gets_a_line_a_minute(
    tasks: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heard: list[str]
) -> None:
    clock = iter(range(0, 10_000, 15))
    monkeypatch.setattr("spiroct.batch.progress.time.monotonic", lambda: float(next(clock)))
    run(tasks(a="1", b="2", c="3", d="4"), Counted(), tmp_path / "out")
    assert 2 <= len(heard) <= 4
    assert heard[-1].startswith("count: 4 of 4 scans")
