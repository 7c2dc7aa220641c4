"""Logging: everything that is not a result goes to stderr through the logger named ``spiroct``."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

logger = logging.getLogger("spiroct")


def start_logging(*, verbose: bool = False, quiet: bool = False) -> None:
    """Send spiroct's messages to stderr; called by the doors only, never by a library import.

    Parameters
    ----------
    verbose : bool
        Also show debug messages.
    quiet : bool
        Show errors only.
    """
    logger.handlers.clear()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if verbose else logging.ERROR if quiet else logging.INFO)
    logger.propagate = False


@contextmanager
def speaking_of(name: str, level: int) -> Iterator[None]:
    """Begin every message with what it is about, where many things are worked on.

    Parameters
    ----------
    name : str
        Such as a scan's identifier.
    level : int
        Of the logger meanwhile: a worker process has not got that of the command.
    """

    def prefix(record: logging.LogRecord) -> bool:
        record.msg, record.args = f"{name}: {record.getMessage()}", ()
        return True

    before = logger.level
    logger.addFilter(prefix)
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.removeFilter(prefix)
        logger.setLevel(before)
