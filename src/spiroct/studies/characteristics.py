"""Table 1 and what Figures 1 and 4 rest on: who the patients are, and how measures and biomarkers go together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from spiroct.cohort.cohort import Cohort
from spiroct.evaluation import published
from spiroct.evaluation.correlations import correlation_table
from spiroct.evaluation.table_six import PAPER_BIOMARKERS
from spiroct.pft.measures import Measure
from spiroct.reporting.result_table import ResultTable
from spiroct.reporting.wording import DASH, number
from spiroct.workflows.training_data import measured_targets

PERCENT = "%pred"


def characteristics(cohort: Cohort) -> pd.DataFrame:
    """Describe a cohort in full precision.

    Returns
    -------
    DataFrame
        ``set, characteristic, unit, value, sd, n``: means with SD of numbers, counts with percentages (in ``sd``) of
        groups; of all scans, of training and of test.
    """
    test = (cohort.table["split"] == "test").to_numpy(dtype=bool)
    rows: list[tuple[str, str, str, float, float, int]] = []
    for name, chosen in (("all", np.ones(len(test), bool)), ("training", ~test), ("test", test)):
        part = cohort.with_table(cohort.table.loc[chosen].reset_index(drop=True))
        rows += [(name, *row) for row in _rows(part)]
    return pd.DataFrame(rows, columns=["set", "characteristic", "unit", "value", "sd", "n"])


def _rows(cohort: Cohort) -> list[tuple[str, str, float, float, int]]:
    table, total = cohort.table, len(cohort)
    rows = [("patients", "", float(table["patient_id"].nunique()), float("nan"), total)]

    def share(what: str, hits: pd.Series, known: pd.Series) -> None:
        count, n = int(hits.sum()), int(known.sum())
        rows.append((what, "n (%)", float(count), 100 * count / n if n else float("nan"), n))

    def mean(what: str, unit: str, values: np.ndarray) -> None:
        kept = values[np.isfinite(values)]
        sd = float(np.std(kept, ddof=1)) if len(kept) > 1 else float("nan")
        rows.append((what, unit, float(np.mean(kept)) if len(kept) else float("nan"), sd, len(kept)))

    share("female", table["sex"] == "F", table["sex"] != "")
    mean("age", "years", table["age"].to_numpy(dtype=np.float64))
    mean("height", "cm", table["height_cm"].to_numpy(dtype=np.float64))
    for flag in ("ild", "pah"):
        if flag in table:
            share(flag, (table[flag] == 1).fillna(value=False), table[flag].notna())
    if "subset" in table:
        for subset in sorted(s for s in table["subset"].unique() if s):
            share(f"subset {subset}", table["subset"] == subset, table["subset"] != "")
    measures = tuple(Measure)
    percent = measured_targets(cohort, measures, "percent_predicted")
    for measure in measures:
        mean(measure.value, measure.unit, cohort.values(measure))
    for i, measure in enumerate(measures):
        mean(f"{measure.value} {PERCENT}", "%", percent[:, i])
    return rows


def table_one(found: pd.DataFrame) -> ResultTable:
    """Lay the characteristics out beside the paper's Table 1."""
    names = list(dict.fromkeys(found["characteristic"]))
    cells = found.set_index(["set", "characteristic"])
    rows = []
    for name in names:
        unit = str(cells.loc[("all", name), "unit"]) if ("all", name) in cells.index else ""
        shown = [_cell(cells.loc[(s, name)]) if (s, name) in cells.index else DASH for s in ("all", "training", "test")]
        rows.append((name, unit, *shown, _published(name)))
    return ResultTable.of(
        "table1",
        "Characteristics of the patients (Table 1 of Jia 2023)",
        ("Characteristic", "Unit", "All", "Training", "Test", "Jia 2023, all"),
        rows,
        words=2,
        notes=("Mean±SD, or number (percent of those of whom it is known).",),
    )


def _cell(row: pd.Series) -> str:
    if row["unit"] == "n (%)":
        return f"{int(row['value'])} ({number(row['sd'], 1)})"
    if row["unit"] == "" and np.isnan(row["sd"]):
        return str(int(row["value"]))
    places = 1 if row["unit"] in ("%", "years", "cm") else 2
    return f"{number(row['value'], places)}±{number(row['sd'], places)}"


def _published(name: str) -> str:
    if name in published.COHORT_COUNTS:
        count, share = published.COHORT_COUNTS[name]
        return str(count) if share is None else f"{count} ({share})"
    if (subset := name.removeprefix("subset ")) in published.COHORT_SUBSETS:
        count, share = published.COHORT_SUBSETS[subset]
        return f"{count} ({share})"
    known = {m.value: published.COHORT[m] for m in Measure}
    known |= {f"{m.value} {PERCENT}": published.COHORT_PERCENT[m] for m in Measure}
    known["age"] = published.COHORT_AGE
    return f"{known[name][0]}±{known[name][1]}" if name in known else DASH


def correlations(cohort: Cohort, biomarkers: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    """Correlate measures, %predicted and biomarkers, as the three panels of the paper's Figure 4.

    Returns
    -------
    mapping of str to DataFrame
        ``A`` absolute PFTs, ``B`` %predicted, ``C`` biomarkers with both; columns of
        :func:`spiroct.evaluation.correlations.correlation_table`.
    """
    measures = tuple(Measure)
    absolute = [m.value for m in measures]
    percent = [f"{m.value}{PERCENT}" for m in measures]
    table = pd.DataFrame(measured_targets(cohort, measures, "percent_predicted"), columns=percent)
    for measure in measures:
        table[measure.value] = cohort.values(measure)
    grid = biomarkers["grid"].iloc[0]
    own = biomarkers.loc[biomarkers["grid"] == grid]
    for name, (region, biomarker) in PAPER_BIOMARKERS.items():
        values = own.loc[(own["region"] == region) & (own["biomarker"] == biomarker)].set_index("scan_id")["value"]
        table[name] = values.reindex(cohort.table["scan_id"]).to_numpy(dtype=np.float64)
    return {
        "A": correlation_table(table, absolute, absolute),
        "B": correlation_table(table, percent, percent),
        "C": correlation_table(table, list(PAPER_BIOMARKERS), [*absolute, *percent]),
    }
