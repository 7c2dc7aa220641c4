"""How far a batch is: one line in place on a terminal, a line a minute in a log."""

from __future__ import annotations

import logging
import sys
import time

from spiroct.log import logger

EVERY_S = 60.0


class Progress:
    """Counts scans on stderr; silent under ``--quiet``.

    Parameters
    ----------
    total : int
        Scans in the batch.
    verb : str
        What is done to them.
    """

    def __init__(self, total: int, verb: str) -> None:
        self.total, self.verb, self.count, self.worked = total, verb, 0, 0
        self.started = self.told = time.monotonic()
        self.terminal = sys.stderr.isatty() and logger.isEnabledFor(logging.INFO)

    def step(self, scan_id: str, failed: int, *, worked: bool = True) -> None:
        """Count one scan, done or failed; one that an earlier run did (not ``worked``) says nothing of the pace."""
        self.count += 1
        self.worked += worked
        now = time.monotonic()
        left = (now - self.started) / max(1, self.worked) * (self.total - self.count)
        text = f"{self.verb}: {self.count} of {self.total} scans ({scan_id})"
        text += (f", {failed} failed" if failed else "") + f", about {_duration(left)} left"
        if self.terminal:
            sys.stderr.write(f"\r\033[K{text}")
            sys.stderr.flush()
        elif now - self.told >= EVERY_S:
            logger.info(text)
            self.told = now

    def end(self, failed: int) -> None:
        """Say what came of it all."""
        if self.terminal:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
        seconds = _duration(time.monotonic() - self.started)
        logger.info("%s: %d of %d scans in %s.", self.verb, self.total - failed, self.total, seconds)


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"
