"""From finished trainings to everything that a study writes: predictions, metrics, tables, figures, page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from spiroct.cohort.table import read_cohort
from spiroct.evaluation import published
from spiroct.evaluation.comparison import DEFAULT_MARGIN
from spiroct.evaluation.metric_table import METRIC_COLUMNS, metric_table
from spiroct.pft.measures import Measure
from spiroct.pft.reference import DEFAULT_EQUATIONS
from spiroct.phantom.draws import SIMULATED_PREFIX
from spiroct.phantom.identity import simulator_hash
from spiroct.reporting.evaluation_page import Section, write_evaluation_page
from spiroct.reporting.methods_paragraph import Methods, methods_markdown, methods_paragraph
from spiroct.reporting.result_table import ResultTable
from spiroct.studies import illustrations, tables
from spiroct.studies.characteristics import characteristics, correlations, table_one
from spiroct.studies.checklist import Ran, checklist
from spiroct.studies.cohorts import FLOW, Cohorts
from spiroct.studies.collection import collected, ladder_rows, transported
from spiroct.studies.contrasts import contrast_table
from spiroct.studies.findings import (
    Finding,
    biomarker_finding,
    contrast_findings,
    discrepancies,
    permuted_finding,
    regression_finding,
    repeatability_finding,
)
from spiroct.studies.measurements import measured_biomarkers
from spiroct.studies.recipe import QUESTIONS, StudyRecipe
from spiroct.studies.scale import Scale
from spiroct.studies.steps import Step, is_done
from spiroct.studies.tables import TableValues
from spiroct.workflows.versions import result_versions

SIMULATED_NOTE = (
    "The patients are simulated: this shows whether the protocol behaves as it did in the paper, and nothing of any "
    "patient. Published numbers come from other patients"
)


@dataclass(frozen=True, eq=False)
class Study:
    """What a study is made of, when its trainings have run.

    Parameters
    ----------
    scale : Scale
    steps : tuple of Step
        All that were planned.
    cohorts : Cohorts
    folder : Path
        ``OUT/steps``.
    questions : tuple of str
    """

    scale: Scale
    steps: tuple[Step, ...]
    cohorts: Cohorts
    folder: Path
    questions: tuple[str, ...]

    @property
    def seed(self) -> int:
        """Of everything random."""
        return self.cohorts.seed

    @property
    def rows(self) -> tuple[StudyRecipe, ...]:
        """Every row of every table, in order."""
        return tuple(sorted({r.name: r for s in self.steps for r in s.rows}.values(), key=lambda r: (r.order, r.name)))


def write_results(study: Study, work: Path) -> list[Finding]:
    """Write ``predictions/``, ``metrics.csv``, ``tables/``, ``figures/``, ``report.html`` and ``methods.md``.

    Parameters
    ----------
    study : Study
        Trainings that are not finished are named, and their rows left out.
    work : Path
        A folder that exists.

    Returns
    -------
    list of Finding
        One or several a question, in their order.
    """
    for name in ("predictions", "tables", "figures"):
        (work / name).mkdir()
    predictions = _predictions(study)
    for name, table in predictions.items():
        table.to_csv(work / "predictions" / f"{name}.csv", index=False, lineterminator="\n")
    metrics = {n: metric_table(t, resamples=study.scale.resamples, seed=study.seed) for n, t in predictions.items()}
    joined = pd.concat([m.assign(cohort=n) for n, m in metrics.items()], ignore_index=True) if metrics else None
    if joined is not None:
        joined[["cohort", *METRIC_COLUMNS]].to_csv(work / "metrics.csv", index=False, lineterminator="\n")
    contrasts = contrast_table(predictions, seeds=study.scale.seeds, resamples=study.scale.resamples, seed=study.seed)
    made, found, sheets = _questions(study, predictions, metrics, contrasts, work / "figures")
    found.sort(key=lambda one: QUESTIONS.index(one.question))
    made |= {"contrasts": tables.contrasts_table(contrasts), "findings": tables.findings_table(found)}
    made["discrepancies"] = tables.discrepancies_table(discrepancies(contrasts))
    made["costs"] = tables.costs_table(study.steps, study.folder)
    made["checklist"] = TableValues(checklist(_ran(study, predictions)))
    for one in made.values():
        one.write(work / "tables")
    _write_page(study, work, {name: one.table for name, one in made.items()}, sheets, found)
    return found


def _predictions(study: Study) -> dict[str, pd.DataFrame]:
    """By cohort; baselines stand with the patients, and what networks say of others with the others."""
    found = collected(study.steps, study.folder, seed=study.seed)
    if "patients" in found:
        plain = ladder_rows(study.steps, study.folder)
        found["patients"] = pd.concat([found["patients"], plain], ignore_index=True)
    for name, table in transported(study.steps, study.cohorts, study.folder).items():
        found[name] = pd.concat([table, found[name]], ignore_index=True) if name in found else table
    return found


def _questions(
    study: Study,
    predictions: Mapping[str, pd.DataFrame],
    metrics: Mapping[str, pd.DataFrame],
    contrasts: pd.DataFrame,
    folder: Path,
) -> tuple[dict[str, TableValues], list[Finding], illustrations.FigureFolder]:
    """Make every table, figure and finding that the finished trainings allow."""
    figures, made = illustrations.FigureFolder(folder), dict[str, TableValues]()
    cohort = read_cohort(study.cohorts.table("patients"))
    biomarkers = measured_biomarkers(study.cohorts.measurements)
    described = characteristics(cohort)
    made["table1"] = TableValues(table_one(described), described)
    illustrations.draw_cohort(figures, study.scale, study.folder)
    illustrations.draw_network(figures, study.steps[0].training)
    test = cohort.part("test")
    found: list[Finding] = contrast_findings(contrasts)
    if len(test) > 2:
        together = correlations(test, biomarkers)
        illustrations.draw_correlation_panels(figures, together, len(test))
        every = pd.concat([t.assign(panel=letter) for letter, t in together.items()], ignore_index=True)
        every.to_csv(folder / "figure4-values.csv", index=False, lineterminator="\n")
        found.append(biomarker_finding(together["C"]))
    patients = predictions.get("patients")
    if patients is not None:
        regions = [row.label for row in study.rows if "Q5" in row.questions]
        made |= tables.paper_tables(metrics["patients"], patients, regions)
        illustrations.draw_transfer(figures, study.steps, patients, study.folder)
        illustrations.draw_regions(figures, metrics["patients"], regions)
        illustrations.draw_maps(figures, study.steps, patients, study.folder)
        if "table5" in made:
            limits = {m.value: float(published.REPEATABILITY[m][0]) for m in Measure}
            own = metrics["patients"]
            found.append(repeatability_finding(own.loc[own["model"] == tables.TRANSFER], limits))
        for name, set_name in (("table6", "test"), ("table6-validation", "validation")):
            regressed = tables.regression(patients, biomarkers, set_name)
            if regressed is not None:
                made[name] = tables.regression_values(regressed, set_name, tables.unmeasured(biomarkers), name=name)
                if name == "table6" and len(regressed.honest):
                    found.append(regression_finding(regressed))
        title = "What plain regressions on demographics, lung volume and density reach"
        plain = [m for m in metrics["patients"]["model"].unique() if m not in {r.label for r in study.rows}]
        rungs = metrics["patients"].loc[metrics["patients"]["model"].isin([m for m in plain if "seed" not in m])]
        made["baselines"] = tables.agreement_values("baselines", title, rungs)
    made |= _other_cohorts(metrics)
    if "permuted" in metrics:
        found.append(permuted_finding(metrics["permuted"]))
    return made, found, figures


def _other_cohorts(metrics: Mapping[str, pd.DataFrame]) -> dict[str, TableValues]:
    titles = {
        "twin": "Negative control: simulated twins in whom chest wall and muscle do nothing",
        "permuted": "Negative control: every patient has another one's lung function",
        "external": "The network of this site at another site: as it is, recalibrated, fine-tuned",
        "healthy": "Networks of patients on healthy people",
    }
    return {
        name: tables.agreement_values(name, title, metrics[name]) for name, title in titles.items() if name in metrics
    }


def _ran(study: Study, predictions: Mapping[str, pd.DataFrame]) -> Ran:
    flow = json.loads((study.folder / "cohorts" / FLOW).read_text(encoding="utf-8"))
    seen = study.scale.input
    network = study.scale.networks["base"]
    counts = {name: table["scan_id"].nunique() for name, table in predictions.items()}
    return Ran(
        simulated=_simulated(study),
        flow=flow,
        scale=study.scale.name,
        network=f"{network['name']} ({', '.join(f'{k} {v}' for k, v in network.items() if k != 'name')})",
        input=f"{seen.spacing_mm:g} mm voxels, {' x '.join(map(str, seen.patch))}, {seen.window_hu[0]:g} to "
        f"{seen.window_hu[1]:g} HU",
        trainings=sum(is_done(step, study.folder) for step in study.steps),
        seeds=study.scale.seeds,
        external=counts.get("external", 0),
        healthy=counts.get("healthy", 0),
        versions=", ".join(f"{name} {version}" for name, version in result_versions().items()),
    )


def _simulated(study: Study) -> bool:
    names = read_cohort(study.cohorts.table("patients")).table["patient_id"]
    return bool(names.str.startswith(SIMULATED_PREFIX).any())


_SECTIONS: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("In short", "A verdict a contrast; by the pooled validation unless said otherwise.", ("findings", "discrepancies"),
     ()),
    ("Patients", "Figure 1 to 3 and Table 1.", ("table1",), ("figure1", "figure2", "figure3")),
    ("Q1: manual biomarkers", "How well do designed features go with lung function?", ("baselines",), ("figure4",)),
    ("Q2: transfer learning", "Does the network benefit?", ("table2",), ("figure5", "figure6", "figure7")),
    ("Q3: %predicted, direct or indirect", "Which way is better?", ("table3",), ()),
    ("Q4: one output or four", "In Table 2 and here.", ("costs",), ()),
    ("Q5: regions of the chest", "How much does each contribute?", ("table4",),
     ("figure8a", "figure8b", "figure8c", "figure9")),
    ("Q6: repeatability", "Against what repeated tests may differ by.", ("table5",), ()),
    ("Q7: biomarkers beside the network", "Are they still worth measuring?", ("table6", "table6-validation"), ()),
    ("Other networks", "On the same patients, which the paper could not do.", ("table7",), ()),
    ("Negative controls", "What must not be found.", ("twin", "permuted"), ()),
    ("Elsewhere", "Two of the paper's stated limits: one site, and no healthy people.", ("external", "healthy"), ()),
    ("Every comparison", "With our tests and the paper's.", ("contrasts",), ()),
    ("Checklist", "For the supplement of a manuscript.", ("checklist",), ()),
)  # fmt: skip


def _write_page(
    study: Study,
    work: Path,
    made: Mapping[str, ResultTable],
    figures: illustrations.FigureFolder,
    found: Sequence[Finding],
) -> None:
    sections = [
        Section(
            title,
            intro,
            tuple(made[name] for name in names if name in made),
            tuple(figures.drawn[name] for name in drawings if name in figures.drawn),
        )
        for title, intro, names, drawings in _SECTIONS
    ]
    flow = json.loads((study.folder / "cohorts" / FLOW).read_text(encoding="utf-8"))
    methods = _methods(study, flow)
    (work / "methods.md").write_text(methods_markdown(methods), encoding="utf-8", newline="\n")
    text, references = methods_paragraph(methods)
    notes = [SIMULATED_NOTE] if _simulated(study) else []
    if study.scale.name == "tiny":
        notes.append("at the scale tiny every network is barely trained: its numbers show that the steps run")
    missing = tables.missing_words(study.steps, study.folder)
    if missing is not None:
        notes.append(missing)
    facts = {
        "Scans": str(flow["included"]),
        "Scale": f"{study.scale.name} ({study.scale.input.spacing_mm:g} mm, {study.scale.networks['base']['name']})",
        "Trainings": f"{sum(is_done(s, study.folder) for s in study.steps)} of {len(study.steps)}",
        "Questions": ", ".join(study.questions),
        "As in the paper": f"{sum(f.verdict == 'as in the paper' for f in found)} of "
        f"{sum(f.verdict in ('as in the paper', 'undecided', 'not as in the paper') for f in found)} verdicts",
        "Simulator": simulator_hash()[:12],
    }
    write_evaluation_page(
        work / "report.html",
        title="Lung function from chest CT: the study of Jia 2023, repeated",
        facts=facts,
        notes=[note[0].upper() + note[1:] + "." for note in notes],
        sections=sections,
        methods=text,
        references=references,
    )


def _methods(study: Study, flow: Mapping[str, int]) -> Methods:
    versions = {name: version for name, version in result_versions().items() if name in ("spiroct", "numpy", "scipy")}
    return Methods(
        patients=flow["included"],
        scans=flow["included"],
        resamples=study.scale.resamples,
        seed=study.seed,
        repeated=False,
        intervals=True,
        equations=DEFAULT_EQUATIONS,
        compared=True,
        margin=DEFAULT_MARGIN,
        regressed=True,
        versions=versions,
    )
