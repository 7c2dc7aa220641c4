"""One scan from command to page and maps, as a user waits for it: against the plain pipeline, start-up and memory too.

Run: ``python -m benchmarks.whole_trip [CHECKPOINT]``. The scan is LIDC-IDRI-1011 (133 slices) in SPIROCT_SHARED.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from spiroct.checkpoints.catalogue import DEFAULT_CHECKPOINT

SCAN = Path("data/ct/lidc_idri_1011")
LIMIT_S, STARTUP_S, REFERENCE_S, HELP_S, LIMIT_GIB, WANTED_RATIO = 12.0, 2.5, 1.5, 0.3, 3.0, 5.0
STARTUP = "import spiroct.workflows.predict, spiroct.inference.engines.openvino_engine, openvino, matplotlib.figure"
PERSON = ("--sex", "M", "--age", "59", "--height", "175")


def measure(model: str = DEFAULT_CHECKPOINT) -> tuple[dict[str, Any], bool]:
    """Time each command after a first call of it; tell whether a limit is missed. Empty where the scan is not there."""
    scan = lidc_scan()
    if scan is None:
        return {"skipped": "no SPIROCT_SHARED"}, False
    python, spiroct = sys.executable, [sys.executable, "-m", "spiroct"]
    with tempfile.TemporaryDirectory() as out:
        predict = [*spiroct, "predict", str(scan), "--out", out, "--overwrite", "--model", model, *PERSON]
        maps = [*predict, "--explain"]
        plain = [python, "-W", "ignore", "-m", "benchmarks.plain_pipeline", str(scan)]
        commands = {
            "predict --explain": maps,
            "predict": predict,
            "plain pipeline, the networks of four folds": plain,
            "plain pipeline, one network": [*plain, "1"],
            "start-up of predict": [python, "-c", STARTUP],
            "reference": [*spiroct, "reference", "--sex", "F", "--age", "53.4", "--height", "168"],
            "help": [*spiroct, "--help"],
        }
        run_command(maps)  # converts the model, once
        found = {name: run_command(words) for name, words in commands.items()}
    ours = found["predict --explain"]
    ratios = {
        name: {"times faster": round(cost["wall s"] / ours["wall s"], 1)}
        | {"times less work": round(cost["processor s"] / ours["processor s"], 1)}
        for name, cost in found.items()
        if name.startswith("plain")
    }
    ratio = ratios["plain pipeline, the networks of four folds"]["times faster"]
    limits = {"predict --explain": LIMIT_S, "start-up of predict": STARTUP_S, "reference": REFERENCE_S, "help": HELP_S}
    late = [name for name, limit in limits.items() if found[name]["wall s"] > limit]
    result = {
        "commands": found,
        "limits": limits,
        "over their limit": late,
        "predict --explain against": ratios,
        "load of the machine": os.getloadavg()[0],
    }
    return result, bool(late) or ratio < WANTED_RATIO or ours["peak GiB"] > LIMIT_GIB


def lidc_scan() -> Path | None:
    """Find LIDC-IDRI-1011, 133 slices; None where it is not there."""
    scan = Path(os.environ.get("SPIROCT_SHARED", "../shared")) / SCAN
    return scan if scan.is_dir() else None


def run_command(words: list[str]) -> dict[str, float]:
    """Run a command to its end: seconds on the clock, of the processor (children too), and its peak memory."""
    begun = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}")
    return {
        "wall s": round(time.perf_counter() - begun, 2),
        "processor s": round(used.ru_utime + used.ru_stime, 2),
        "peak GiB": round(used.ru_maxrss / 1024**2, 2),
    }


if __name__ == "__main__":
    result, missed = measure(*sys.argv[1:2])
    print(json.dumps(result, indent=2))
    sys.exit(int(missed))
