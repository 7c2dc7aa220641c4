"""Run the benchmarks and write benchmarks/results.json: ``python -m benchmarks``."""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path

from benchmarks import evaluation_metrics, phantom_rendering

PATIENTS = 8


def main() -> int:
    """Print and write what was measured; fail when something is over its limit."""
    seconds, slow = phantom_rendering.measure(PATIENTS)
    statistics, late = evaluation_metrics.measure()
    machine = {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count()}
    text = json.dumps({"machine": machine, "phantom_rendering": seconds, "evaluation_metrics": statistics}, indent=2)
    Path(__file__).with_name("results.json").write_text(text + "\n", encoding="utf-8")
    print(text)
    return int(slow or late)


if __name__ == "__main__":
    sys.exit(main())
