"""Run the benchmarks and write benchmarks/results.json: ``python -m benchmarks``."""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path

from benchmarks import evaluation_metrics, network_forward, network_steps, phantom_rendering, whole_trip

PATIENTS = 8


def main() -> int:
    """Print and write what was measured; fail when something is over its limit."""
    seconds, slow = phantom_rendering.measure(PATIENTS)
    statistics, late = evaluation_metrics.measure()
    steps, sluggish = network_steps.measure()
    forward, behind = network_forward.measure()
    trip, long = whole_trip.measure()
    machine = {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count()}
    parts = {"phantom_rendering": seconds, "evaluation_metrics": statistics, "network_steps": steps}
    parts |= {"network_forward": forward, "whole_trip": trip}
    text = json.dumps({"machine": machine, **parts}, indent=2)
    Path(__file__).with_name("results.json").write_text(text + "\n", encoding="utf-8")
    print(text)
    print(network_forward.table(forward))
    return int(slow or late or sluggish or behind or long)


if __name__ == "__main__":
    sys.exit(main())
