"""What several verbs share on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from spiroct.cli.options import many, refuse_with_many
from spiroct.errors import UsageError

SCANS = [Path("a.nii.gz"), Path("b.nii.gz")]


def test_a_cohort_is_known_by_its_ending() -> None:
    assert many([Path("COHORT.CSV")]) == Path("COHORT.CSV")
    assert many(SCANS[:1]) is None
    assert many(SCANS) == SCANS


def test_a_cohort_and_scans_are_one_too_many() -> None:
    with pytest.raises(UsageError, match=r"cohort\.csv among 3 scans: .*; give the table alone\."):
        many([*SCANS, Path("cohort.csv")])


def test_what_is_of_one_scan_is_refused_for_many() -> None:
    refuse_with_many(SCANS, {"--age": None, "--fvc-is-estimate": False}, "age")
    with pytest.raises(UsageError, match=r"--age with 2 scans: .* all 2; list the scans in a cohort\.csv .* age"):
        refuse_with_many(SCANS, {"--sex": None, "--age": 0.0}, "age")
    with pytest.raises(UsageError, match=r"--age with a cohort: .*; fill in age"):
        refuse_with_many(Path("cohort.csv"), {"--age": 53.4}, "age")
    with pytest.raises(UsageError, match=r"--series with 2 scans: .* best suited"):
        refuse_with_many(SCANS, {"--series": "1.2"}, "age")
