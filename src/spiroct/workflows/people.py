"""What a cohort table tells of the people behind predictions: reference values, groups and covariates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spiroct.cohort.cohort import Cohort
from spiroct.errors import InputError
from spiroct.pft.demographics import check_person
from spiroct.pft.measures import Measure
from spiroct.pft.patterns import severity
from spiroct.pft.reference import interpret

INDIRECT = "percent_predicted_indirect"
_SAME_PERCENT = 0.01


@dataclass(frozen=True, eq=False)
class People:
    """Reference values and groups of a cohort's scans.

    Parameters
    ----------
    reference : DataFrame
        ``scan_id, measure, predicted, lln``; NaN where the equations have no answer.
    groups : DataFrame
        ``scan_id, measure, subgroup, group``, as :func:`spiroct.evaluation.subgroups.subgroup_table` takes them.
    covariates : DataFrame
        ``scan_id, age, height_cm, male``.
    equations : str
        Titles of the equations that were used; empty where none could be.
    notes : tuple of str
        What is missing, one sentence each.
    """

    reference: pd.DataFrame
    groups: pd.DataFrame
    covariates: pd.DataFrame
    equations: str
    notes: tuple[str, ...]


def people_of(cohort: Cohort, *, equations: str) -> People:
    """Look every scan of a cohort up in the reference equations, and say which groups it is in.

    Raises
    ------
    SpiroctError
        If the set of equations is not known, or needs an ethnicity that is missing.
    """
    table = cohort.table
    reference, groups, without = [], [], 0
    titles: dict[str, None] = {}
    flags = table["ild"] if "ild" in table else pd.Series(pd.NA, index=table.index)
    sites = table["site"] if "site" in table else pd.Series("", index=table.index)
    for row, ild, site in zip(table.to_dict("records"), flags, sites, strict=True):
        scan, person = row["scan_id"], check_person(
            sex=row["sex"] or None, age=_known(row["age"]), height_cm=_known(row["height_cm"]),
            ethnicity=row.get("ethnicity") or None,
        )  # fmt: skip
        whole = [("sex", row["sex"]), ("site", site), ("ILD", "" if pd.isna(ild) else "ILD" if ild else "no ILD")]
        groups += [(scan, "", subgroup, group) for subgroup, group in whole if group]
        without += bool(person.missing)
        for measure in Measure:
            found = interpret(measure, _known(row[measure.value]), person, equations=equations)
            if found.predicted is not None:
                titles[found.equation or ""] = None
            reference.append((scan, measure.value, _number(found.predicted), _number(found.lln)))
            if found.z_score is not None:
                groups.append((scan, measure.value, "severity", str(severity(found.z_score))))
    covariates = pd.DataFrame(
        {
            "scan_id": table["scan_id"],
            "age": table["age"],
            "height_cm": table["height_cm"],
            "male": table["sex"].map({"M": 1.0, "F": 0.0}).astype("float64"),
        }
    )
    notes = (
        [f"{without} scans of the cohort have no reference values: sex, age or height is missing"] if without else []
    )
    return People(
        pd.DataFrame(reference, columns=["scan_id", "measure", "predicted", "lln"]),
        pd.DataFrame(groups, columns=["scan_id", "measure", "subgroup", "group"]),
        covariates,
        ", ".join(titles),
        tuple(notes),
    )


def check_against_cohort(predictions: pd.DataFrame, cohort: Cohort) -> tuple[str, ...]:
    """Say where predictions and cohort do not belong together.

    Raises
    ------
    InputError
        If they have no scan in common.
    """
    scans = predictions["scan_id"].drop_duplicates()
    unknown = scans.loc[~scans.isin(cohort.table["scan_id"])]
    if len(unknown) == len(scans):
        raise InputError(
            f"none of the {len(scans)} scans of the predictions is in the cohort",
            "both name scans by scan_id",
            "give the cohort.csv that the predictions were made from",
        )
    notes = []
    if len(unknown):
        notes.append(f"{len(unknown)} of {len(scans)} scans are not in the cohort, and are in no subgroup")
    absolute = predictions.loc[predictions["quantity"] == "absolute"]
    long = cohort.table.melt("scan_id", [m.value for m in Measure], var_name="measure", value_name="there")
    both = absolute.merge(long, on=["scan_id", "measure"]).dropna(subset=["measured", "there"])
    apart = int(((both["measured"] - both["there"]).abs() > 0.01 * both["there"]).sum())
    if apart:
        notes.append(
            f"{apart} measured values differ by more than 1 % between predictions and cohort; the former are used"
        )
    return tuple(notes)


def indirect_percent_predicted(predictions: pd.DataFrame, people: People) -> pd.DataFrame:
    """Make rows of %predicted from absolute estimates and reference values (Jia 2023, section II.B).

    Returns
    -------
    DataFrame
        Columns of predictions, quantity ``percent_predicted_indirect``; intervals are divided by the reference value.
    """
    absolute = predictions.loc[predictions["quantity"] == "absolute"]
    rows = absolute.merge(people.reference[["scan_id", "measure", "predicted"]], on=["scan_id", "measure"])
    rows = rows.loc[rows["predicted"].notna()]
    for column in ("measured", "estimated", "lower", "upper"):
        rows[column] = 100 * rows[column] / rows["predicted"]
    return rows.drop(columns="predicted").assign(quantity=INDIRECT, unit="%")


def with_indirect(predictions: pd.DataFrame, people: People) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Add %predicted by way of the absolute estimate, where the table does not hold the same already.

    A network estimates one of the two, and spiroct writes both: where the one is made of the other, nothing is added.

    Returns
    -------
    DataFrame
        The predictions and the indirect rows.
    tuple of str
        What was not added, as a sentence.
    """
    indirect = indirect_percent_predicted(predictions, people)
    key, group = ["scan_id", "model", "set", "fold", "measure"], ["model", "set", "measure"]
    direct = predictions.loc[predictions["quantity"] == "percent_predicted"]
    both = direct.merge(indirect[[*key, "estimated"]], on=key, suffixes=("", "_indirect"))
    both["apart"] = (both["estimated"] - both["estimated_indirect"]).abs() > _SAME_PERCENT
    same = both.groupby(group)["apart"].any()
    same = set(same.index[~same])
    if not same:
        return pd.concat([predictions, indirect], ignore_index=True), ()
    new = [name not in same for name in zip(*(indirect[c] for c in group), strict=True)]
    note = "absolute and %predicted estimates of which one is made of the other count as one estimate"
    return pd.concat([predictions, indirect.loc[new]], ignore_index=True), (note,)


def _known(value: float) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
