"""Logging: everything that is not a result goes to stderr through the logger named ``spiroct``."""

from __future__ import annotations

import logging
import sys

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
