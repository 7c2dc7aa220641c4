"""OpenVINO, imported so that it tells nobody: a plain ``import openvino`` sends an event to a server.

Everything here that needs OpenVINO takes it from :func:`openvino_runtime`.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import openvino

_TELEMETRY = "openvino_telemetry"


@cache
def openvino_runtime() -> Any:
    """Import OpenVINO without its telemetry, which it does without where that package cannot be imported."""
    missing = object()
    before = sys.modules.get(_TELEMETRY, missing)
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # Python's way to say that a module is not there
    try:
        import openvino
        import openvino.tools.ovc
    finally:
        if before is missing:
            del sys.modules[_TELEMETRY]
        else:
            sys.modules[_TELEMETRY] = before  # type: ignore[assignment]
    return openvino


@cache
def core() -> openvino.Core:
    """Return the one core of this process."""
    return openvino_runtime().Core()


def has_bfloat16() -> bool:
    """Whether this processor computes in bfloat16."""
    return "BF16" in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def usable_threads() -> int:
    """Count the threads to compute with: OMP_NUM_THREADS where it is set, as in a batch's workers, else the cores.

    Those that this process may use: fewer than the machine has in a container or a Slurm job.
    """
    told = os.environ.get("OMP_NUM_THREADS", "")
    if told.isdecimal() and int(told) > 0:
        return int(told)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
