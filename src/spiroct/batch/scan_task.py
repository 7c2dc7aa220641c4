"""One scan to work on, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spiroct.batch.tables import Failure


@dataclass(frozen=True)
class ScanTask:
    """One scan to work on.

    Parameters
    ----------
    scan_id : str
        Unique; names the scan's folder of results.
    files : tuple of Path
        The scan (a file or folder), then what belongs to it, such as masks.
    facts : dict
        Plain data that decide this scan's results besides the files, such as sex and age.
    payload : object
        What the work needs to know of the scan; follows from files and facts, and travels to the worker.
    """

    scan_id: str
    files: tuple[Path, ...]
    facts: Mapping[str, Any]
    payload: Any = None


@dataclass(frozen=True)
class Outcome:
    """What came of one scan.

    Parameters
    ----------
    worked : bool
        False where an earlier run had finished it.
    failure : Failure or None
        Why it could not be done.
    """

    worked: bool
    failure: Failure | None = None
