"""Numbers, units and verdicts as a reader sees them: fixed digits, true minus signs, a dash for nothing."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

from markupsafe import Markup

from spiroct.pft.measures import Measure
from spiroct.pft.units import TRADITIONAL, dlco_to_traditional
from spiroct.quality.verdict import Outcome

DASH, MINUS, TIMES = "\u2013", "\u2212", "\u00d7"

OUTCOME_WORDS = {Outcome.PASS: "Passed", Outcome.WARN: "Warning", Outcome.FAIL: "Failed"}
OUTCOME_MARKS = {Outcome.PASS: "✓", Outcome.WARN: "!", Outcome.FAIL: "✕"}
AGAINST_LLN = {
    "above": "above the LLN",
    "below": "below the LLN",
    "indeterminate": "too uncertain to set against the LLN",
}
REGIONS = {"lungs": "Both lungs", "right_lung": "Right", "left_lung": "Left"}
DIGITS = {"L": 2, "kg": 2, "HU": 0, "%": 1, "mmol/min/kPa": 2, "fraction": 2}
_CONTROL = {
    "Cc",
    "Cf",
    "Cs",
}  # control, direction overrides and zero-width marks, broken halves of characters


def number(value: float | None, digits: int = 2) -> str:
    """Write a number with so many decimals and a true minus sign, or a dash where there is none.

    Examples
    --------
    >>> number(1.7349, 1), number(-0.001)
    ('1.7', '0.00')
    """
    if value is None or not math.isfinite(value):
        return DASH
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def quantity(value: float | None, unit: str) -> str:
    """Write a number with the digits that its unit deserves and the unit after a space."""
    text = number(value, DIGITS.get(unit, 2))
    return text if text == DASH or unit in ("", "fraction") else f"{text} {unit}"


def dlco_number(measure: Measure, value: float | None) -> str:
    """Write DLCO's digits in mL/min/mmHg; empty for the other measures and where there is no value."""
    if measure is not Measure.DLCO or value is None:
        return ""
    return number(float(dlco_to_traditional(value)), 1)


def traditional(measure: Measure, value: float | None) -> str | None:
    """Write DLCO in mL/min/mmHg with its unit; None for the other measures and where there is no value."""
    digits = dlco_number(measure, value)
    return f"{digits} {TRADITIONAL}" if digits else None


def found(value: float | str | None) -> str:
    """Write what a check found: text as it is, a number with four significant digits."""
    if value is None:
        return DASH
    if isinstance(value, str):
        return value
    return f"{value:.4g}".replace("-", MINUS)


def sentence(text: str | None) -> str:
    """Begin with a capital and end with a full stop; empty stays empty."""
    text = (text or "").strip()
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def printable(value: Any) -> Any:
    """Take what no reader can see out of a text from a file; markup and other values pass unchanged."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "".join(c if c == "\n" or unicodedata.category(c) not in _CONTROL else " " for c in value)
