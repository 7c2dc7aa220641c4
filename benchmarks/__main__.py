"""Run the benchmarks and write benchmarks/results.json: ``python -m benchmarks [PART ...]``.

Without names all parts are run, which takes half an hour on two cores and 10 GB of memory for the longest scan. With
names the others keep what stands in the file.
"""

from __future__ import annotations

import json
import os
import platform
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


def main(names: list[str]) -> int:
    """Print and write what was measured; fail when something is over its limit."""
    unknown = set(names) - PARTS.keys()
    if unknown:
        print(f"benchmarks: {', '.join(sorted(unknown))} is no part; the parts are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    found = json.loads(RESULTS.read_text(encoding="utf-8")) if names and RESULTS.exists() else {}
    found["machine"] = {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count()}
    over = []
    for name in names or PARTS:
        found[name], missed = PARTS[name]()
        over += [name] if missed else []
        RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        print(name, json.dumps(found[name], indent=2))
    if "network_forward" in found:
        print(network_forward.table(found["network_forward"]))
    print(f"over a limit: {', '.join(over) or 'nothing'}")
    return int(bool(over))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
