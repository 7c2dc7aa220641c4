"""The outcome of one quality check, in a form that reads as a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a check ended; ``fail`` refuses the scan unless the user overrides it."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Verdict:
    """One check on a scan or a mask.

    Parameters
    ----------
    check : str
        Name of the check, stable across versions, such as ``"slice_thickness"``.
    outcome : Outcome
        ``pass``, ``warn`` or ``fail``.
    value : float or str or None
        What was found, with its unit in ``limit``'s words; None where it could not be told.
    limit : str
        The rule, with unit ("at most 3 mm").
    meaning : str
        What it means for the numbers, as one plain sentence without a full stop.
    remedy : str
        The way out for ``fail`` and ``warn``; empty for ``pass``.
    """

    check: str
    outcome: Outcome
    value: float | str | None
    limit: str
    meaning: str
    remedy: str = ""
