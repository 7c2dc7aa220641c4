"""Write an evaluation: tidy tables, the paper's tables, figures, the page and the methods paragraph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from spiroct.evaluation.parts import Part
from spiroct.evaluation.table_six import TableSix
from spiroct.reporting import comparison_tables, evaluation_tables
from spiroct.reporting.evaluation_page import Illustration, Section, write_evaluation_page
from spiroct.reporting.evaluation_words import measure_words
from spiroct.reporting.figures.agreement import draw_bland_altman, draw_error, draw_scatter
from spiroct.reporting.figures.calibration import draw_calibration, draw_coverage
from spiroct.reporting.figures.rendering import write_figure
from spiroct.reporting.figures.sheets import METRIC_NAMES, measure_sheet, metric_sheet
from spiroct.reporting.methods_paragraph import Methods, methods_markdown, methods_paragraph
from spiroct.reporting.result_table import ResultTable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from spiroct.reporting.figures.sheets import Draw

_SHEETS: tuple[tuple[str, Draw, str], ...] = (
    ("scatter", draw_scatter, "Estimated against measured: identity dotted, regression line with the band of its mean"),
    ("bland-altman", draw_bland_altman, "Difference against mean: bias, limits of agreement and their intervals"),
    ("error", draw_error, "Error against the measured value"),
    ("calibration", draw_calibration, "Measured against estimated: means of patients with similar estimates"),
    ("coverage", draw_coverage, "Whether intervals hold what they promise"),
)
_BARS = ("r", "icc_a1", "mae")
# Quantities that are drawn, and what their files are called; the indirect one is a rescaled absolute one.
_DRAWN = {"absolute": "", "percent_predicted": "percent-predicted-"}


@dataclass(frozen=True, eq=False)
class EvaluationResults:
    """Everything that an evaluation found; tables that were not asked for are None.

    Parameters
    ----------
    metrics : DataFrame
        As :func:`spiroct.evaluation.metric_table.metric_table` gives it.
    parts : tuple of Part
        The headline parts.
    comparison, subgroups, partial : DataFrame or None
        As the modules of :mod:`spiroct.evaluation` give them.
    regressions : mapping of (str, str) to TableSix
        By model and set.
    notes : tuple of str
        What to keep in mind.
    methods : Methods
    """

    metrics: pd.DataFrame
    parts: tuple[Part, ...]
    comparison: pd.DataFrame | None
    subgroups: pd.DataFrame | None
    partial: pd.DataFrame | None
    regressions: Mapping[tuple[str, str], TableSix]
    notes: tuple[str, ...]
    methods: Methods


def write_evaluation(results: EvaluationResults, folder: Path) -> None:
    """Write all files of an evaluation but ``metrics.csv`` into a folder that exists."""
    for name in ("comparison", "subgroups", "partial"):
        table = getattr(results, name)
        if table is not None:
            table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    (folder / "tables").mkdir()
    (folder / "figures").mkdir()
    sections = _sections(results, folder / "figures")
    for section in sections:
        for table in section.tables:
            table.write(folder / "tables")
    (folder / "methods.md").write_text(methods_markdown(results.methods), encoding="utf-8", newline="\n")
    text, references = methods_paragraph(results.methods)
    sentences = [note[0].upper() + note[1:] + "." for note in results.notes]
    write_evaluation_page(
        folder / "evaluation.html",
        title="Estimated beside measured lung function",
        facts=_facts(results),
        notes=sentences,
        sections=sections,
        methods=text,
        references=references,
    )


def _sections(results: EvaluationResults, figures: Path) -> list[Section]:
    metrics = results.metrics
    optional = {
        "limits": evaluation_tables.limits_table(metrics),
        "percent": evaluation_tables.percent_predicted_table(metrics),
        "in short": _optional(comparison_tables.comparison_summary, results.comparison),
        "comparison": _optional(comparison_tables.comparison_table, results.comparison),
        "subgroups": _optional(comparison_tables.subgroups_table, results.subgroups),
        "partial": _optional(comparison_tables.partial_table, results.partial),
    }

    def there(*names: str) -> tuple[ResultTable, ...]:
        return tuple(table for name in names if (table := optional[name]) is not None)

    regressions = tuple(
        comparison_tables.regression_table(found, model, set_name, name=f"table-6{f'-{i}' if i > 1 else ''}")
        for i, ((model, set_name), found) in enumerate(results.regressions.items(), start=1)
    )
    return [
        Section("In short", "Each model by its ensemble or pooled folds.", (evaluation_tables.summary_table(metrics),)),
        Section("Figures", "Axes are shared between the models of one measure.", (),
                tuple(_illustrations(results, figures))),
        Section("Two models compared", "On the scans that both estimated.", there("in short", "comparison")),
        Section("Models and folds", "The spread over folds says how much chance there is in one network.",
                (evaluation_tables.models_table(metrics), evaluation_tables.folds_table(metrics))),
        Section("Percent predicted and limits of normal", "With the patients' own reference values.",
                there("percent", "limits")),
        Section("Repeatability", "How close is close enough.",
                (evaluation_tables.repeatability_table(results.parts, metrics),)),
        Section("Groups of patients and fixed covariates", "As good for everyone, and beyond demographics?",
                there("subgroups", "partial")),
        Section("Biomarkers beside the estimate", "What measured structure adds.", regressions),
        Section("Every metric", "With the reason where one is undefined.",
                (evaluation_tables.agreement_table(metrics), evaluation_tables.others_table(metrics))),
    ]  # fmt: skip


def _optional(make: Callable[[pd.DataFrame], ResultTable], table: pd.DataFrame | None) -> ResultTable | None:
    return make(table) if table is not None and len(table) else None


def _illustrations(results: EvaluationResults, folder: Path) -> list[Illustration]:
    """Draw every sheet of every set, of absolute values or of %predicted where there are no others, as PNG and SVG."""
    found = []
    there = dict.fromkeys((p.set_name, p.quantity) for p in results.parts if p.quantity in _DRAWN)
    groups = [(s, q) for s, q in there if q == "absolute" or (s, "absolute") not in there]
    for set_name, quantity in groups:
        parts = [p.rows for p in results.parts if (p.set_name, p.quantity) == (set_name, quantity)]
        rows = pd.concat(parts, ignore_index=True)
        where = f"{_DRAWN[quantity]}{set_name}"
        words = measure_words("", quantity)
        told = f"({set_name}, {words})." if words else f"({set_name})."
        for name, draw, caption in _SHEETS:
            if name != "coverage" or rows["lower"].notna().any():
                sheet = measure_sheet(rows, draw, quantity=quantity)
                found.append(_drawn(sheet, folder, f"{name}-{where}", f"{caption} {told}"))
        own = results.metrics.loc[results.metrics["headline"] & (results.metrics["set"] == set_name)]
        for metric in _BARS:
            caption = f"{METRIC_NAMES[metric]} of every model with its 95 % interval {told}"
            found.append(_drawn(metric_sheet(own, metric, quantity=quantity), folder, f"{metric}-{where}", caption))
    return found


def _drawn(figure: Figure, folder: Path, name: str, caption: str) -> Illustration:
    _, svg = write_figure(figure, folder, name)
    return Illustration(name, caption, svg.read_bytes())


def _facts(results: EvaluationResults) -> dict[str, str]:
    done, metrics = results.methods, results.metrics
    measures = list(dict.fromkeys(metrics["measure"]))
    return {
        "Patients": str(done.patients),
        "Scans": str(done.scans),
        "Models": ", ".join(dict.fromkeys(metrics["model"])),
        "Sets": ", ".join(dict.fromkeys(metrics["set"])),
        "Measures": ", ".join(measures),
    }
