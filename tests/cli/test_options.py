"""What several verbs share on the command line."""

from __future__ import annotations

from pathlib import Path

from spiroct.cli.options import is_cohort


def test_a_cohort_is_known_by_its_ending() -> None:
    assert is_cohort(Path("COHORT.CSV"))
    assert not is_cohort(Path("scan.nii.gz"))
