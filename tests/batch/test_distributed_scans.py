"""A batch on Dask workers: no bad scan, dead worker, endless scan or killed run loses what is done."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from spiroct.batch.execution import Execution, connected
from spiroct.batch.scans import BatchSummary, process_scans
from spiroct.batch.shards import Shard
from spiroct.errors import InputError, UsageError

pytest.importorskip("distributed", reason="needs the extra [cluster]")
HERE = Path(__file__).parent
RUN = """
import sys
from pathlib import Path
from spiroct.batch.execution import Execution
from spiroct.batch.scans import process_scans
from work_on_numbers import Numbers, tasks_in

if __name__ == "__main__":
    folder, out, seconds = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    process_scans(tasks_in(folder), Numbers(seconds), out=out, verb="count", arguments={}, tables=("numbers.csv",),
                  execution=Execution(workers=2))
"""


@pytest.fixture(autouse=True)
def _workers_find_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process and the workers, which inherit the variable, import the module of the tests' work."""
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]))


@pytest.fixture
def scans(tmp_path: Path) -> Callable[..., Path]:
    def make(**texts: str) -> Path:
        folder = tmp_path / "in"
        folder.mkdir(exist_ok=True)
        for name, text in texts.items():
            (folder / f"{name}.txt").write_text(text, encoding="utf-8")
        return folder

    return make


def run(folder: Path, out: Path, execution: Execution, **more: object) -> BatchSummary:
    from work_on_numbers import Numbers, tasks_in

    work = Numbers(float(more.pop("seconds", 0.0)))
    tables = ("numbers.csv",)
    return process_scans(
        tasks_in(folder), work, out=out, verb="count", arguments={}, tables=tables, execution=execution, **more
    )


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_kind_of_failure_is_listed_and_the_others_done(scans: Callable, tmp_path: Path) -> None:
    folder = scans(a="1", b="bad", c="bug", d="hang", e="dies", f="dies once", g="7")
    out = tmp_path / "out"
    told: list[str] = []
    summary = run(
        folder, out, Execution(workers=2, time_limit_s=3.0), finished=lambda task, _: told.append(task.scan_id)
    )
    assert summary.done == ("a", "f", "g")
    assert sorted(told) == ["a", "f", "g"]
    kinds = {f.scan_id: f.kind for f in summary.failures}
    assert kinds == {"b": "ScanError", "c": "ZeroDivisionError", "d": "TimeLimit", "e": "WorkerDied"}
    listed = {row["scan_id"]: row["reason"] for row in rows(out / "failures.csv")}
    assert listed["b"].endswith("it is bad; mend it.")
    assert "3 s" in listed["d"]
    assert "died 2 times" in listed["e"]
    assert [row["value"] for row in rows(out / "numbers.csv")] == ["1", "dies once", "7"]
    assert not {p.name for p in out.iterdir()} - {"a", "f", "g", "failures.csv", "numbers.csv", "run.json", "scans.csv"}

    (folder / "b.txt").write_text("2", encoding="utf-8")
    for name in ("c", "d", "e"):
        (folder / f"{name}.txt").unlink()
    again = run(folder, out, Execution(workers=1))
    assert (again.done, again.resumed, again.failures) == (("b",), ("a", "f", "g"), ())
    assert [row["scan_id"] for row in rows(out / "numbers.csv")] == ["a", "b", "f", "g"]


def test_a_killed_run_loses_no_finished_scan(scans: Callable, tmp_path: Path) -> None:
    folder, out = scans(**{f"s{i}": str(i) for i in range(8)}), tmp_path / "out"
    script = tmp_path / "run.py"
    script.write_text(RUN, encoding="utf-8")
    words = [sys.executable, str(script), str(folder), str(out), "0.7"]
    with subprocess.Popen(words, start_new_session=True) as process:
        deadline = time.monotonic() + 60
        while len(list(out.glob("s*/run.json"))) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    before = {path.parent.name: path.stat().st_mtime_ns for path in out.glob("s*/run.json")}
    growing = [row["scan_id"] for row in rows(out / "numbers.csv")]
    assert set(growing) <= set(before)
    summary = run(folder, out, Execution(workers=1), seconds=0.7)
    assert set(before) <= set(summary.resumed)
    assert len(summary.done) + len(summary.resumed) == 8
    for name, made in before.items():
        assert (out / name / "run.json").stat().st_mtime_ns == made
    assert [row["value"] for row in rows(out / "numbers.csv")] == [str(i) for i in range(8)]


def test_parts_give_together_what_the_whole_gives(scans: Callable, tmp_path: Path) -> None:
    folder, out = scans(a="1", b="bad", c="3", d="4"), tmp_path / "out"
    local = None  # one after the other, as a job of an array may run
    first = run(folder, out, local, shard=Shard.parse("1/2"))
    second = run(folder, out, local, shard=Shard.parse("2/2"))
    assert (first.done, second.done) == (("a", "c"), ("d",))
    assert [row["scan_id"] for row in rows(out / "numbers.1-of-2.csv")] == ["a", "c"]
    assert [row["scan_id"] for row in rows(out / "failures.2-of-2.csv")] == ["b"]
    whole = run(folder, out, local)
    assert whole.resumed == ("a", "c", "d")
    assert [row["scan_id"] for row in rows(out / "numbers.csv")] == ["a", "c", "d"]


@pytest.mark.parametrize("text", ["0/2", "3/2", "2", "a/b", "1/0"])
def test_parts_that_do_not_exist_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="K/N"):
        Shard.parse(text)


@contextmanager
def started(*words: str) -> Iterator[subprocess.Popen]:
    process = subprocess.Popen([sys.executable, "-m", *words], stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.mark.slow
def test_a_scheduler_and_workers_started_by_hand(scans: Callable, tmp_path: Path) -> None:
    folder = scans(a="1", b="bad", c="3", d="4")
    port = "18786"
    address = f"tcp://127.0.0.1:{port}"
    scheduler = ("distributed.cli.dask_scheduler", "--port", port, "--host", "127.0.0.1", "--no-dashboard")
    worker = ("distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard")
    with started(*scheduler), started(*worker), started(*worker):
        summary = run(folder, tmp_path / "there", Execution(scheduler=address))
    here = run(folder, tmp_path / "here", Execution(workers=1))
    assert (summary.done, summary.failures) == (here.done, here.failures)
    for name in ("numbers.csv", "failures.csv"):
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()


def test_a_file_describes_the_cluster(scans: Callable, tmp_path: Path) -> None:
    file = tmp_path / "cluster.toml"
    file.write_text('kind = "local"\njobs = 1\n', encoding="utf-8")
    assert run(scans(a="1"), tmp_path / "out", Execution(cluster=file)).done == ("a",)


@pytest.mark.slow
def test_a_queue_gives_workers(scans: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slurm by its two commands: a job is a shell script that sbatch starts somewhere."""
    pytest.importorskip("dask_jobqueue", reason="needs the extra [cluster]")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in {
        "sbatch": f'cp "$1" {programs}/job\nbash {programs}/job >/dev/null 2>&1 &\necho Submitted batch job 17',
        "scancel": "true",
    }.items():
        (programs / name).write_text(f"#!/bin/bash\n{text}\n", encoding="utf-8")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    file = tmp_path / "cluster.toml"
    options = 'cores = 1\nprocesses = 1\nmemory = "2GB"\ninterface = "lo"'
    file.write_text(f'kind = "slurm"\njobs = 1\n[options]\n{options}\n', encoding="utf-8")
    summary = run(scans(a="1", b="bad", c="3"), tmp_path / "out", Execution(cluster=file))
    assert summary.done == ("a", "c")
    assert [f.scan_id for f in summary.failures] == ["b"]


@pytest.mark.parametrize("text", ['kind = "abacus"', "kind = "])
def test_files_that_describe_no_cluster_are_refused(text: str, scans: Callable, tmp_path: Path) -> None:
    file = tmp_path / "cluster.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"cluster\.toml"):
        run(scans(a="1"), tmp_path / "out", Execution(cluster=file))


def test_places_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="one place"):
        Execution(scheduler="tcp://127.0.0.1:1", cluster=tmp_path)
    with pytest.raises(UsageError, match="one place"):
        Execution(scheduler="tcp://127.0.0.1:1", workers=2)
    with pytest.raises(UsageError, match="--workers 0"):
        Execution(workers=0)
    with pytest.raises(UsageError, match="--time-limit -1"):
        Execution(time_limit_s=-1.0)


def test_two_batches_run_at_the_same_time() -> None:
    with connected(Execution(workers=1)) as one, connected(Execution(workers=1)) as other:
        assert one.submit(abs, -1).result() == other.submit(abs, -1).result() == 1


def test_a_scheduler_that_is_not_there_is_told(
    scans: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spiroct.batch.execution.CONNECT_S", 1)
    with pytest.raises(InputError, match="does not answer"):
        run(scans(a="1"), tmp_path / "out", Execution(scheduler="tcp://127.0.0.1:9"))


@pytest.mark.parametrize("told_by_the_user", [None, "1"])
def test_a_worker_has_its_share_of_threads_and_its_freed_memory(
    told_by_the_user: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if told_by_the_user is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", told_by_the_user)
    before = dict(os.environ)
    with connected(Execution(workers=1)) as client:
        told = client.run(lambda: dict(os.environ))
    assert dict(os.environ) == before  # or what this process starts next would have the workers' threads
    (found,) = told.values()
    assert found["OMP_NUM_THREADS"] == (told_by_the_user or str(len(os.sched_getaffinity(0))))
    assert "MALLOC_TRIM_THRESHOLD_" not in found  # Dask's own costs a fifth of a scan's time
