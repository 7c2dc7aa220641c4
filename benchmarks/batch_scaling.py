"""How ``spiroct predict COHORT.csv`` scales: with scans, and from one worker to two; start-up of everything in it.

Run: ``python -m benchmarks.batch_scaling [FOLDER]``. Simulated scans at 3 mm, made once and kept in the folder
(``.work/batch-scaling`` by default); lungs are found, as in a cohort that brings no masks. Shares of perfect scaling
mean something on a machine with nothing else to do only: the load is told.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from benchmarks.whole_trip import run_command

SCANS, SPACING_MM, SEED, WANTED = 40, 3.0, 8080, 0.9


def measure(folder: Path) -> tuple[dict[str, Any], bool]:
    """Predict half of the scans and all with one worker, all with two; tell whether scaling is less than wanted."""
    half, whole = (_table(folder, scans) for scans in (SCANS // 2, SCANS))
    seconds = {
        f"{SCANS // 2} scans, 1 worker": _run(half, 1),
        f"{SCANS} scans, 1 worker": _run(whole, 1),
        f"{SCANS} scans, 2 workers": _run(whole, 2),
    }
    fewer, one, two = seconds.values()
    share = one / (2 * two)
    result = {
        "wall s": seconds,
        "s for a scan more": round((one - fewer) / (SCANS - SCANS // 2), 2),
        "share of perfect scaling": round(share, 3),
        "wanted": WANTED,
        "load of the machine": os.getloadavg()[0],
    }
    return result, share < WANTED


def _run(table: Path, workers: int) -> float:
    out = table.parent / "out"
    shutil.rmtree(out, ignore_errors=True)
    words = [sys.executable, "-m", "spiroct", "predict", str(table), "--out", str(out), "--workers", str(workers)]
    return run_command(words)["wall s"]


def _table(folder: Path, scans: int) -> Path:
    """Make the cohort, once, and a table of so many of its scans without their lung masks."""
    cohort = folder / "cohort" / "cohort.csv"
    if not cohort.exists():
        words = [sys.executable, "-m", "spiroct", "simulate", "cohort", str(cohort.parent), "--n", str(SCANS)]
        run_command([*words, "--seed", str(SEED), "--spacing", str(SPACING_MM)])
    with cohort.open(newline="") as file:
        rows = list(csv.DictReader(file))[:scans]
    for row in rows:
        row.pop("lung_mask")
    table = cohort.parent / f"first-{scans}.csv"
    write_rows(rows, table)
    return table


def write_rows(rows: list[dict[str, str]], table: Path) -> None:
    """Write rows of a cohort as CSV."""
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    result, missed = measure(Path(sys.argv[1] if len(sys.argv) > 1 else ".work/batch-scaling"))
    print(json.dumps(result, indent=2))
    sys.exit(int(missed))
