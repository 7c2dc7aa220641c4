"""Run the benchmarks and write benchmarks/results.json: ``python -m benchmarks [PART ...]``.

Without names all parts are run, which takes half an hour on two cores and 10 GB of memory for the longest scan. With
names the others keep what stands in the file. Every part has a process of its own: no part computes on the threads, or
in the memory, that another has left, and one that breaks does not stop the others.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import (
    batch_scaling,
    evaluation_metrics,
    long_scans,
    network_forward,
    network_steps,
    phantom_rendering,
    training_pipeline,
    trip_stages,
    whole_trip,
)

WORK = Path(".work")
RESULTS = Path(__file__).with_name("results.json")
PARTS: dict[str, Callable[[], tuple[dict[str, Any], bool]]] = {
    "phantom_rendering": partial(phantom_rendering.measure, 8),
    "evaluation_metrics": evaluation_metrics.measure,
    "network_steps": network_steps.measure,
    "network_forward": network_forward.measure,
    "training_pipeline": training_pipeline.measure,
    "whole_training": training_pipeline.whole,
    "trip_stages": trip_stages.measure_apart,
    "whole_trip": whole_trip.measure,
    "long_scans": partial(long_scans.measure, WORK / "long-scans"),
    "batch_scaling": partial(batch_scaling.measure, WORK / "batch-scaling"),
}
"""What is measured: each gives its numbers, and whether something is over its limit."""


OVER_A_LIMIT = 3


def main(names: list[str]) -> int:
    """Measure parts, print the ratios, and fail when something is over its limit or broke."""
    unknown = set(names) - PARTS.keys()
    if unknown:
        print(f"benchmarks: {', '.join(sorted(unknown))} is no part; the parts are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    if len(names) == 1:
        return _measure(names[0])
    if not names:
        RESULTS.unlink(missing_ok=True)
    words = [sys.executable, "-m", "benchmarks"]
    codes = {name: subprocess.run([*words, name], check=False).returncode for name in names or PARTS}
    print("\n".join(["", *ratios(_found())]))
    over = [name for name, code in codes.items() if code == OVER_A_LIMIT]
    broken = [name for name, code in codes.items() if code not in (0, OVER_A_LIMIT)]
    print(f"over a limit: {', '.join(over) or 'nothing'}; broken: {', '.join(broken) or 'nothing'}")
    return int(bool(over or broken))


def _measure(name: str) -> int:
    found = _found()
    found["machine"] = {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count()}
    found[name], missed = PARTS[name]()
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(name, json.dumps(found[name], indent=2))
    return OVER_A_LIMIT if missed else 0


def _found() -> dict[str, Any]:
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}


def ratios(found: dict[str, Any]) -> list[str]:
    """Lines of the ratios among what was measured, each of two things of one part and one run."""
    lines = network_forward.table(found["network_forward"]).splitlines() if "network_forward" in found else []
    trip = found.get("whole_trip", {})
    for name, ratio in trip.get("predict --explain against", {}).items():
        faster, less = ratio.values()
        lines.append(f"predict --explain against the {name}: {faster} times faster, {less} times less processor time")
    for name, what in (("training_pipeline", "a training step"), ("whole_training", "a whole training")):
        if name in found:
            lines.append(f"{what} against the authors' pipeline: {found[name]['times faster']:.1f} times faster")
    if "batch_scaling" in found:
        lines.append(
            f"two workers against one: {found['batch_scaling']['share of perfect scaling']:.0%} of perfect scaling"
        )
    return lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
