"""A cohort with broken scans through ``spiroct predict``: what happens to it when workers and runs are killed.

Run: ``python -m benchmarks.batch_of_scans COHORT.csv FOLDER`` with a simulated cohort (200 scans at 3 mm). Ten scans
are broken in five ways. Three runs must give the same table, byte for byte: one whose worker is killed (SIGKILL), one
killed as a whole and begun again, one through a Dask scheduler with two worker processes started by hand.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
from benchmarks.batch_scaling import write_rows

BROKEN = 10
PREDICT = [sys.executable, "-m", "spiroct", "predict"]


def prepare(cohort: Path, folder: Path) -> Path:
    """Link a cohort's images into a folder and break ten of them; without its lung masks, so that lungs are found."""
    images = folder / "images"
    images.mkdir(parents=True)
    with cohort.open(newline="") as file:
        rows = list(csv.DictReader(file))
    step = len(rows) // BROKEN
    for number, row in enumerate(rows):
        source = cohort.parent / row["image"]
        row.pop("lung_mask", None)
        row["image"] = f"images/{source.name}"
        if number % step == step // 2:
            (images / source.name).write_bytes(_broken(source.read_bytes(), kind=number // step % 5))
        else:
            (images / source.name).symlink_to(source.resolve())
    write_rows(rows, folder / "cohort.csv")
    return folder / "cohort.csv"


def _broken(packed: bytes, *, kind: int) -> bytes:
    if kind == 0:
        return packed[: len(packed) // 2]  # copying was cut short
    if kind == 1:
        return b""
    if kind == 2:
        return b"no image at all" * 100
    plain = gzip.decompress(packed)
    if kind == 3:
        return gzip.compress(plain[:352] + bytes(len(plain) - 352), 1)  # 0 HU everywhere
    return gzip.compress(plain[: len(plain) // 3], 1)  # a third of the voxels that the header tells of


def main(cohort: Path, folder: Path) -> dict[str, Any]:
    """Run all; give what was seen."""
    table = folder / "cohort.csv" if (folder / "cohort.csv").exists() else prepare(cohort, folder)
    found: dict[str, Any] = {
        "a worker killed": _run(table, folder / "worker-killed", disturb=_kill_a_worker),
        "the run killed, then again": _killed_and_again(table, folder / "run-killed"),
        "scheduler and two workers by hand": _by_hand(table, folder / "by-hand"),
    }
    names = ("worker-killed", "run-killed", "by-hand")
    tables = {(folder / name / "predictions.csv").read_bytes() for name in names}
    found["the three tables are the same"] = len(tables) == 1
    return found


def _run(table: Path, out: Path, *words: str, disturb: Any = None) -> dict[str, Any]:
    shutil.rmtree(out, ignore_errors=True)
    return _again(table, out, *words, disturb=disturb)


def _again(table: Path, out: Path, *words: str, disturb: Any = None) -> dict[str, Any]:
    begun = time.perf_counter()
    with (table.parent / f"{out.name}.log").open("w") as log:
        process = subprocess.Popen([*PREDICT, str(table), "--out", str(out), *words], stdout=log, stderr=log)
        if disturb is not None:
            threading.Thread(target=disturb, args=(process, out), daemon=True).start()
        status = process.wait()
    counts = {name: _rows(out / f"{name}.csv", "scan_id") for name in ("predictions", "failures")}
    seconds = round(time.perf_counter() - begun, 1)
    return {"exit code": status, "seconds": seconds, **{name: len(ids) for name, ids in counts.items()}}


def _rows(table: Path, column: str) -> set[str]:
    if not table.exists():
        return set()
    with table.open(newline="") as file:
        return {row[column] for row in csv.DictReader(file)}


def _finished(out: Path) -> set[Path]:
    return set(out.glob("*/prediction.json"))


def _kill_a_worker(process: subprocess.Popen[bytes], out: Path) -> None:
    """Kill the process that has worked most, once twenty scans are done."""
    while len(_finished(out)) < 20:
        time.sleep(0.2)
    children = psutil.Process(process.pid).children(recursive=True)
    busiest = max(children, key=lambda child: sum(child.cpu_times()[:2]))
    busiest.send_signal(signal.SIGKILL)
    print(f"killed worker {busiest.pid}", file=sys.stderr)


def _killed_and_again(table: Path, out: Path) -> dict[str, Any]:
    kept: dict[Path, int] = {}

    def kill(process: subprocess.Popen[bytes], out: Path) -> None:
        while len(_finished(out)) < 60:
            time.sleep(0.2)
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        for member in family:
            member.send_signal(signal.SIGKILL)
        psutil.wait_procs(family, timeout=10)
        kept.update({path: path.stat().st_mtime_ns for path in _finished(out)})

    first = _run(table, out, disturb=kill)
    second = _again(table, out)
    untouched = all(path.stat().st_mtime_ns == before for path, before in kept.items())
    return {"first": first, "kept": len(kept), "not made again": untouched, "second": second}


def _by_hand(table: Path, out: Path) -> dict[str, Any]:
    address = "tcp://127.0.0.1:8799"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    dask = [
        sys.executable,
        "-m",
        "distributed.cli.dask_scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        "8799",
        "--no-dashboard",
    ]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"]
    started = [subprocess.Popen(dask, stderr=subprocess.DEVNULL)]
    try:
        started += [subprocess.Popen(worker, stderr=subprocess.DEVNULL, env=environment) for _ in range(2)]
        return _run(table, out, "--scheduler", address)
    finally:
        for process in started[::-1]:
            process.terminate()
        for process in started:
            process.wait(20)


if __name__ == "__main__":
    seen = main(Path(sys.argv[1]), Path(sys.argv[2]))
    print(json.dumps(seen, indent=2))
