"""Numbers, units and verdicts as a reader sees them: fixed digits, true minus signs, a dash for nothing."""

from __future__ import annotations

import math
import re
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
# Said so that "passed" reads as good news; other checks are shown by their own name.
CHECKS = {
    "breath": "Full breath",
    "completeness": "Adds up to the estimate",
    "contrast": "No contrast agent",
    "contrast_in_training_domain": "Contrast agent in training",
    "folds_agree": "Folds look alike",
    "in_the_body": "In the body",
    "kernel_in_training_domain": "Kernel in training",
    "laterality": "Right is right",
    "lung_left_out": "No lung outside the outlines",
    "lung_sides": "Share of the right lung",
    "lungs_cut_at_base": "Base of the lungs in the scan",
    "lungs_cut_at_side": "Lungs inside the field of view",
    "lungs_cut_at_top": "Top of the lungs in the scan",
    "lungs_in_patch": "Lungs seen by the network",
    "mask_holes": "No holes in the outlines",
    "mask_leak": "No other air in the outlines",
    "permuted_training": "Unlike permuted training's",
    "points_to_causes": "Points to what changes",
    "scrambled_network": "Unlike a scrambled network's",
    "solid_in_mask": "No soft tissue in the outlines",
    "thickness_in_training_domain": "Slice thickness in training",
    "training_domain": "What the network was trained on",
    "tube_voltage_in_training_domain": "Tube voltage in training",
}
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


def check_name(check: str) -> str:
    """Name a check in plain words."""
    text = CHECKS.get(check, check.replace("_", " ").strip())
    return text[:1].upper() + text[1:]


def found(value: float | str | None) -> str:
    """Write what a check found: text as :func:`typeset`, a number with four significant digits."""
    if value is None:
        return DASH
    if isinstance(value, str):
        return typeset(value)
    return f"{value:.4g}".replace("-", MINUS)


def typeset(text: str) -> str:
    """Give plain text from a check its true minus signs and superscripts.

    Examples
    --------
    >>> typeset("at most 4 cm2")
    'at most 4 cm²'
    """
    return re.sub(r"(?<![\w-])-(?=\d)", MINUS, text).replace("cm2", "cm\u00b2")


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
