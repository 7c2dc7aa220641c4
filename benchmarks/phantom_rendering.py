"""How long a simulated patient takes: seconds on one core at 1.5, 3 and 5 mm, against the simulator's limits.

Run: ``python -m benchmarks.phantom_rendering [patients]``. The first rendering compiles and is not counted.
"""

from __future__ import annotations

import json
import sys
import time

from spiroct.phantom.physiology import draw_patient
from spiroct.phantom.render import render

LIMITS = {1.5: 10.0, 3.0: 2.0, 5.0: 0.4}  # seconds a patient


def measure(count: int) -> tuple[dict[str, object], bool]:
    """Time every grid; tell the seconds, and whether a median is over its limit."""
    started = time.perf_counter()
    render(draw_patient(0, 0), spacing=5.0)
    result: dict[str, object] = {"patients": count, "compile_or_load_s": round(time.perf_counter() - started, 2)}
    slow = False
    for spacing, limit in LIMITS.items():
        wall, busy = [], []
        for index in range(count):
            begun, cpu = time.perf_counter(), time.process_time()
            render(draw_patient(0, index), spacing=spacing)
            wall.append(time.perf_counter() - begun)
            busy.append(time.process_time() - cpu)
        median = sorted(busy)[count // 2]
        slow |= median > limit
        result[f"{spacing:g} mm"] = {
            "cpu_s": {"median": round(median, 3), "worst": round(max(busy), 3)},
            "wall_s": {"median": round(sorted(wall)[count // 2], 3), "worst": round(max(wall), 3)},
            "limit_s": limit,
        }
    return result, slow


def main(count: int) -> int:
    """Print one JSON document; fail when a median is over its limit."""
    result, slow = measure(count)
    print(json.dumps(result, indent=2))
    return int(slow)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8))
