"""The tables of a study: the paper's, laid out by the same code as an evaluation's, and those that the paper lacks."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from spiroct.evaluation.parts import headlines
from spiroct.evaluation.table_six import PAPER_BIOMARKERS, TableSix, table_six
from spiroct.reporting import comparison_tables, evaluation_tables
from spiroct.reporting.evaluation_words import interval_of, p_words, with_interval
from spiroct.reporting.result_table import ResultTable
from spiroct.reporting.wording import number
from spiroct.studies.findings import Finding
from spiroct.studies.steps import Step, is_done

INDIRECT = "percent_predicted_indirect"
TRANSFER = "transfer, 4 outputs"
Q2 = ("from scratch, 4 outputs", TRANSFER, "transfer, 1 output")
Q3 = ("direct", "direct, told demographics", TRANSFER)
T7 = ("from scratch, 4 outputs", TRANSFER, "I3D", "ResNet-50 + BiLSTM")


@dataclasses.dataclass(frozen=True, eq=False)
class TableValues:
    """A table as printed, and the numbers behind it in full precision; None where they are another table's."""

    table: ResultTable
    values: pd.DataFrame | None = None

    def write(self, folder: Path) -> None:
        """Write ``NAME.csv``, ``.md``, ``.tex`` and ``NAME-values.csv``."""
        self.table.write(folder)
        if self.values is not None:
            self.values.to_csv(folder / f"{self.table.name}-values.csv", index=False, lineterminator="\n")


def _of(metrics: pd.DataFrame, models: Sequence[str]) -> pd.DataFrame:
    """Rows of some models, in the order of their names."""
    order = {name: i for i, name in enumerate(models)}
    own = metrics.loc[metrics["model"].isin(order)]
    return own.sort_values("model", key=lambda names: names.map(order), kind="stable")


def _named(table: ResultTable, name: str) -> ResultTable:
    return dataclasses.replace(table, name=name)


def paper_tables(metrics: pd.DataFrame, patients: pd.DataFrame, regions: Sequence[str]) -> dict[str, TableValues]:
    """Lay out Tables 2 to 5 and 7 from the patients' metrics and predictions; what has no model is left out.

    Parameters
    ----------
    metrics : DataFrame
        As :func:`spiroct.evaluation.metric_table.metric_table` gives it.
    patients : DataFrame
        Predictions.
    regions : sequence of str
        Labels of the rows of Table 4.
    """
    absolute = metrics.loc[metrics["quantity"] == "absolute"]
    found: dict[str, TableValues] = {}
    two = _of(absolute, Q2)
    if len(two):
        found["table2"] = TableValues(_named(evaluation_tables.folds_table(two), "table2"), two)
    three = indirectly(_of(metrics.loc[metrics["quantity"] == "percent_predicted"], Q3))
    table = evaluation_tables.percent_predicted_table(three) if len(three) else None
    if table is not None:
        found["table3"] = TableValues(_named(table, "table3"), three)
    four = _of(absolute, regions)
    if len(four):
        found["table4"] = TableValues(_named(evaluation_tables.models_table(four), "table4"), four)
    five = _of(absolute, (TRANSFER,))
    parts = [p for p in headlines(patients) if p.model == TRANSFER and p.quantity == "absolute"]
    if parts:
        found["table5"] = TableValues(_named(evaluation_tables.repeatability_table(parts, five), "table5"), five)
    seven = _of(absolute, T7)
    if len(seven):
        found["table7"] = TableValues(_named(evaluation_tables.others_table(seven), "table7"), seven)
    return found


def indirectly(metrics: pd.DataFrame) -> pd.DataFrame:
    """Name the %predicted of the network of absolute values for what it is."""
    own = metrics.copy()
    own.loc[own["model"] == TRANSFER, "quantity"] = INDIRECT
    return own


def regression(patients: pd.DataFrame, biomarkers: pd.DataFrame, set_name: str) -> TableSix | None:
    """Regress the measured values of a set on the transferred network's estimate and biomarkers; None without one."""
    parts = [
        p for p in headlines(patients)
        if (p.model, p.set_name, p.quantity) == (TRANSFER, set_name, "absolute")
    ]  # fmt: skip
    if not parts:
        return None
    rows = pd.concat([p.rows for p in parts], ignore_index=True)
    there = {name: PAPER_BIOMARKERS[name] for name in PAPER_BIOMARKERS if name not in unmeasured(biomarkers)}
    return table_six(rows, biomarkers, names=there, grid=str(biomarkers["grid"].iloc[0]))


def unmeasured(biomarkers: pd.DataFrame) -> list[str]:
    """List the paper's biomarkers that have a value in no scan: alpha and beta where vessels are not resolved."""
    known = biomarkers.loc[biomarkers["value"].notna()]
    there = set(zip(known["region"], known["biomarker"], strict=True))
    return [name for name, place in PAPER_BIOMARKERS.items() if place not in there]


def regression_values(found: TableSix, set_name: str, missing: Sequence[str], *, name: str) -> TableValues:
    """Lay out Table 6, and say which of the paper's candidates could not be measured in these scans."""
    table = comparison_tables.regression_table(found, TRANSFER, set_name, name=name)
    if missing:
        note = f"No candidates, because the scans do not resolve them: {', '.join(missing)}."
        table = dataclasses.replace(table, notes=(*table.notes, note))
    return TableValues(table, found.honest)


def contrasts_table(contrasts: pd.DataFrame) -> TableValues:
    """Lay out every contrast: difference of MAE and of R with intervals, ours and the paper's tests."""
    rows = []
    key = ["question", "contrast", "set", "seed", "measure"]
    for (question, name, set_name, seed, measure), own in contrasts.groupby(key, sort=False):
        by = own.set_index("metric")
        mae, r = by.loc["mae"], by.loc["r"]
        paper = mae["published"] - mae["published_against"] if pd.notna(mae["published"]) else float("nan")
        rows.append((
            str(question), str(name), str(set_name), str(seed), str(measure), str(int(mae["n"])),
            with_interval(mae["difference"], mae["lower"], mae["upper"], 3), p_words(float(mae["p_holm"])),
            p_words(float(mae["equivalent_p_holm"])), p_words(float(mae["p_paper"])),
            with_interval(r["difference"], r["lower"], r["upper"]), number(float(paper), 2),
        ))  # fmt: skip
    table = ResultTable.of(
        "contrasts",
        "Networks compared on the same scans; differences are the first minus the second",
        (
            *("Question", "Contrast", "Set", "Seed", "Measure", "n", "MAE difference (95 %)", "p (Holm)"),
            *("p, equivalence", "p, as the authors' code", "R difference (95 %)", "MAE difference, Jia 2023"),
        ),
        rows,
        words=5,
        notes=(
            "Intervals: bootstrap over patients. p: Wilcoxon signed-rank on absolute errors, corrected over measures.",
            "Equivalence: of the MAE within 2 % of the mean measured value, by two one-sided tests.",
            "The authors' code tests the two predictions themselves, which finds a shift and not a gain.",
            "Intervals hold the patients' chance alone; how far training itself varies shows between the seeds.",
        ),
    )
    return TableValues(table, contrasts)


def findings_table(found: Sequence[Finding]) -> TableValues:
    """Lay out the verdicts."""
    rows = [(one.question, one.verdict, one.sentence) for one in found]
    table = ResultTable.of("findings", "What was found", ("Question", "Verdict", "In a sentence"), rows, words=3)
    return TableValues(table, pd.DataFrame(rows, columns=["question", "verdict", "sentence"]))


def discrepancies_table(found: pd.DataFrame) -> TableValues:
    """Lay out where a difference points the other way than the paper's."""
    rows = [
        (row.question, row.contrast, row.measure, with_interval(row.ours, row.lower, row.upper, 3),
         number(row.paper, 2), "yes" if row.allowed else "no")
        for row in found.itertuples()
    ]  # fmt: skip
    table = ResultTable.of(
        "discrepancies",
        "Differences of MAE that point the other way than those of Jia 2023 (pooled validation)",
        ("Question", "Contrast", "Measure", "Ours (95 %)", "Jia 2023", "Interval allows it"),
        rows,
        words=3,
    )
    return TableValues(table, found)


def agreement_values(name: str, title: str, metrics: pd.DataFrame, notes: Sequence[str] = ()) -> TableValues:
    """Lay out MAE, R, ICC and bias with intervals, a row a model, set and measure."""
    own = metrics.loc[metrics["headline"] & (metrics["quantity"] == "absolute")]
    rows = []
    for (model, set_name, measure), part in own.groupby(["model", "set", "measure"], sort=False):
        by = part.set_index("metric")
        shown = [interval_of(by, m) for m in _AGREEMENT]
        rows.append((str(model), str(set_name), str(measure), str(int(by.loc["mae", "n"])), *shown))
    columns = ("Model", "Set", "Measure", "n", "MAE (95 %)", "Bias (95 %)", "R (95 %)", "ICC (95 %)")
    return TableValues(ResultTable.of(name, title, columns, rows, words=3, notes=tuple(notes)), own)


_AGREEMENT = ("mae", "bias", "r", "icc_a1")


def costs_table(steps: Sequence[Step], folder: Path) -> TableValues:
    """Lay out what every finished training took: time, memory, the best epochs."""
    rows = []
    for step in steps:
        if not is_done(step, folder):
            continue
        folds: Mapping[str, Mapping[str, float]] = json.loads(
            (folder / step.name / "training.json").read_text(encoding="utf-8")
        )["folds"]
        seconds = [fold["seconds"] for fold in folds.values()]
        memory = max(fold["peak_memory_mib"] for fold in folds.values())
        rows.append((step.name, str(len(step.training.measures)), str(len(folds)), number(sum(seconds), 0),
                     str(int(memory)), ", ".join(str(int(fold["best_epoch"])) for fold in folds.values())))  # fmt: skip
    table = ResultTable.of(
        "costs",
        "What each training took",
        ("Training", "Outputs", "Folds", "Seconds in all", "Largest memory (MiB)", "Epoch kept"),
        rows,
        notes=(
            "Memory is the largest of the process so far, scans included.",
            "Four networks of one output take four times the training and the estimates of one network of four.",
        ),
    )
    return TableValues(table)


def missing_words(steps: Sequence[Step], folder: Path) -> str | None:
    """Say which trainings are not finished; None where all are."""
    missing = [step.name for step in steps if not is_done(step, folder)]
    return f"not finished, and left out here: {', '.join(missing)}" if missing else None
