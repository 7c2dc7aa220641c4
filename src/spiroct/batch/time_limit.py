"""A time limit that holds whatever the work is doing: the worker process ends itself."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OVER_TIME = 75  # exit code, as sysexits.h has it for "try again later"


@contextmanager
def time_limit(seconds: float, marker: Path) -> Iterator[None]:
    """End this process when the work inside takes longer; compiled code, which no exception reaches, included.

    Parameters
    ----------
    seconds : float
        The limit.
    marker : Path
        Written right before the end, so that whoever started the work knows why.
    """

    def end() -> None:
        marker.touch()
        os._exit(OVER_TIME)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
