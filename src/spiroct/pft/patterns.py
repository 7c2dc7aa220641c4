"""ERS/ATS 2022 interpretation: pattern of impairment and severity by z-score."""

from __future__ import annotations

from enum import StrEnum


class Pattern(StrEnum):
    """Pattern of ventilatory impairment (Stanojevic 2022, Table 5 and Figure 8)."""

    NORMAL = "normal"
    OBSTRUCTION = "obstruction"
    RESTRICTION = "restriction"
    MIXED = "mixed disorder"
    POSSIBLE_RESTRICTION = "possible restriction or non-specific pattern"
    POSSIBLE_MIXED = "obstruction, possibly mixed"
    NON_SPECIFIC = "non-specific pattern"


class Severity(StrEnum):
    """Severity of impairment by z-score."""

    NORMAL = "normal"
    MILD = "mild"
    MODERATE = "moderate"
    SEVERE = "severe"


def pattern(*, fev1_fvc_below: bool, fvc_below: bool, fev1_below: bool, tlc_below: bool | None) -> Pattern:
    """Classify by which measures lie below their lower limits of normal.

    Parameters
    ----------
    fev1_fvc_below, fvc_below, fev1_below : bool
        Below the 5th percentile.
    tlc_below : bool or None
        None where TLC or its reference is not known.

    Returns
    -------
    Pattern
        After Stanojevic 2022, doi 10.1183/13993003.01499-2021: a low FEV1/FVC is obstruction; a low TLC is
        restriction; both are mixed; a low FVC or FEV1 with normal ratio and TLC is non-specific.
    """
    if tlc_below:
        return Pattern.MIXED if fev1_fvc_below else Pattern.RESTRICTION
    if fev1_fvc_below:
        return Pattern.POSSIBLE_MIXED if tlc_below is None and fvc_below else Pattern.OBSTRUCTION
    if fvc_below or fev1_below:
        return Pattern.POSSIBLE_RESTRICTION if tlc_below is None else Pattern.NON_SPECIFIC
    return Pattern.NORMAL


def severity(z: float) -> Severity:
    """Grade a z-score: normal down to -1.645, mild to -2.5, moderate to -4, severe below.

    Stanojevic 2022, doi 10.1183/13993003.01499-2021, which gives -1.65 to -2.5, -2.51 to -4 and below -4.1 for
    all measures alike; the seams follow from the lower limit of normal and leave no gap.
    """
    if z >= -1.645:
        return Severity.NORMAL
    if z >= -2.5:
        return Severity.MILD
    return Severity.MODERATE if z >= -4.0 else Severity.SEVERE
