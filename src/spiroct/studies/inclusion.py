"""Which scans a study takes: the paper's rules (Figure 1), counted one after the other."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from spiroct.cohort.cohort import Cohort
from spiroct.errors import InputError
from spiroct.pft.measures import Measure

MOST_DAYS = 10.0
"""Between CT and lung function tests (Jia 2023, section II.A.1)."""
INTERVAL, INCOMPLETE, QUALITY = "interval over ten days", "incomplete tests", "low-quality CT"
_LEAST_PATIENTS = 16


@dataclass(frozen=True, eq=False)
class Inclusion:
    """What a study takes of a cohort.

    Parameters
    ----------
    cohort : Cohort
        The scans that are left.
    selected : int
        Scans before any rule.
    excluded : DataFrame
        ``scan_id, rule, reason``, in the order of the rules.
    """

    cohort: Cohort
    selected: int
    excluded: pd.DataFrame

    def counts(self) -> dict[str, int]:
        """Count the scans that each rule excluded."""
        found = self.excluded["rule"].value_counts()
        return {rule: int(found.get(rule, 0)) for rule in (INTERVAL, INCOMPLETE, QUALITY)}


def cohort_measures(cohort: Cohort) -> tuple[Measure, ...]:
    """Measures of which a cohort has any value.

    Raises
    ------
    InputError
        If it has none.
    """
    found = tuple(m for m in Measure if cohort.table[m.value].notna().any())
    if not found:
        raise InputError("a cohort without lung function", f"the measures are {', '.join(Measure)}", "fill in one")
    return found


def has_demographics(cohort: Cohort) -> bool:
    """Whether sex, age and height are known of everyone."""
    table = cohort.table
    return bool((table["sex"] != "").all() and table[["age", "height_cm"]].notna().all(axis=None))


def include(cohort: Cohort) -> Inclusion:
    """Leave out scans too far from their tests, and scans without one of the measures that the cohort has.

    An interval that is not recorded is no reason to leave a scan out.
    """
    table = cohort.table
    rows: list[tuple[str, str, str]] = []
    gap = table.get("ct_pft_interval_days", pd.Series(float("nan"), index=table.index)).abs()
    late = gap > MOST_DAYS
    rows += [(scan, INTERVAL, f"{days:g} days") for scan, days in zip(table["scan_id"], gap, strict=True)
             if days > MOST_DAYS]  # fmt: skip
    names = [m.value for m in cohort_measures(cohort)]
    missing = table[names].isna()
    incomplete = missing.any(axis=1) & ~late
    for scan, row in zip(table.loc[incomplete, "scan_id"], missing.loc[incomplete].to_dict("records"), strict=True):
        rows.append((scan, INCOMPLETE, f"no {', '.join(name for name in names if row[name])}"))
    kept = cohort.with_table(table.loc[~late & ~incomplete].reset_index(drop=True))
    return Inclusion(kept, len(table), pd.DataFrame(rows, columns=["scan_id", "rule", "reason"]))


def without_failures(found: Inclusion, failures: pd.DataFrame) -> Inclusion:
    """Leave out the scans that could not be measured, which is what the quality checks decide too.

    Parameters
    ----------
    found : Inclusion
        After the other rules.
    failures : DataFrame
        ``scan_id, reason``.

    Raises
    ------
    InputError
        If too few patients are left for a study.
    """
    table = found.cohort.table
    bad = table["scan_id"].isin(failures["scan_id"])
    reasons = failures.set_index("scan_id")["reason"]
    rows = [(scan, QUALITY, str(reasons[scan])) for scan in table.loc[bad, "scan_id"]]
    more = pd.DataFrame(rows, columns=["scan_id", "rule", "reason"])
    kept = found.cohort.with_table(table.loc[~bad].reset_index(drop=True))
    patients = kept.table["patient_id"].nunique()
    excluded = pd.concat([found.excluded, more], ignore_index=True)
    if patients < _LEAST_PATIENTS:
        left_out = ", ".join(f"{rule}: {count}" for rule, count in excluded["rule"].value_counts().items())
        raise InputError(
            f"{patients} patients are left of {found.selected} scans ({left_out or 'none left out'})",
            f"a study needs {_LEAST_PATIENTS} at least",
            "give more patients; of CTs that were left out, steps/measurements/failures.csv in --out says why",
        )
    return Inclusion(kept, found.selected, excluded)
