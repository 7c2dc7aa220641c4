"""ERS/ATS 2022 pattern and severity, case by case."""

from __future__ import annotations

import pytest

from spiroct.pft.patterns import Pattern, Severity, pattern, severity


@pytest.mark.parametrize(
    ("ratio", "fvc", "fev1", "tlc", "found"),
    [
        (False, False, False, False, Pattern.NORMAL),
        (True, False, False, False, Pattern.OBSTRUCTION),
        (True, True, True, False, Pattern.OBSTRUCTION),
        (True, True, True, None, Pattern.POSSIBLE_MIXED),
        (True, True, True, True, Pattern.MIXED),
        (False, True, True, True, Pattern.RESTRICTION),
        (False, False, False, True, Pattern.RESTRICTION),
        (False, True, True, None, Pattern.POSSIBLE_RESTRICTION),
        (False, True, True, False, Pattern.NON_SPECIFIC),
        (False, False, True, False, Pattern.NON_SPECIFIC),
    ],
)
def test_patterns(ratio: bool, fvc: bool, fev1: bool, tlc: bool | None, found: Pattern) -> None:
    assert pattern(fev1_fvc_below=ratio, fvc_below=fvc, fev1_below=fev1, tlc_below=tlc) is found


@pytest.mark.parametrize(
    ("z", "grade"),
    [
        (0.0, Severity.NORMAL),
        (-1.64, Severity.NORMAL),
        (-1.7, Severity.MILD),
        (-2.5, Severity.MILD),
        (-2.6, Severity.MODERATE),
        (-4.0, Severity.MODERATE),
        (-4.2, Severity.SEVERE),
    ],
)
def test_severity(z: float, grade: Severity) -> None:
    assert severity(z) is grade
