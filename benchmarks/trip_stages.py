"""Where the time of one prediction goes: every stage that ``spiroct predict`` announces, from the first import on.

Run: ``python -m benchmarks.trip_stages SCAN``. The stages are those of the progress display
(:mod:`spiroct.workflows.stages`), so nothing is measured that a user does not wait for.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.whole_trip import lidc_scan

START = "Start-up"


class Stopwatch(logging.Handler):
    """Notes when each stage begins: seconds on the clock and of the processor."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.begun = [(START, time.perf_counter(), time.process_time())]

    def emit(self, record: logging.LogRecord) -> None:
        """Listen to what ``stages.begin`` says."""
        if stage := getattr(record, "stage", None):
            self.begun.append((stage, time.perf_counter(), time.process_time()))

    def table(self) -> dict[str, dict[str, float]]:
        """Return seconds by stage, the last one ending now."""
        ends = [*self.begun[1:], ("", time.perf_counter(), time.process_time())]
        pairs = zip(self.begun, ends, strict=True)
        return {a[0]: {"wall s": round(b[1] - a[1], 3), "processor s": round(b[2] - a[2], 3)} for a, b in pairs}


def measure(scan: Path) -> dict[str, dict[str, float]]:
    """Predict one scan in this process; Python's own start (0.02 s) and the command line's are not in it."""
    watch = Stopwatch()
    log = logging.getLogger("spiroct")
    log.setLevel(logging.DEBUG)
    log.addHandler(watch)
    from spiroct.workflows.predict import predict

    with tempfile.TemporaryDirectory() as out:
        predict(scan, out=Path(out), sex="M", age=59, height=175, overwrite=True)
    return watch.table()


def measure_apart() -> tuple[dict[str, Any], bool]:
    """Measure LIDC-IDRI-1011 in a process of its own, where nothing is loaded yet; there is no limit to miss."""
    scan = lidc_scan()
    if scan is None:
        return {"skipped": "no SPIROCT_SHARED"}, False
    words = [sys.executable, "-m", "benchmarks.trip_stages", str(scan)]
    for _ in range(2):  # the first converts the model and fills the disk's cache
        done = subprocess.run(words, capture_output=True, text=True, check=True)
    return json.loads(done.stdout), False


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1])), indent=2))
