"""``spiroct evaluate``: from a table of predictions to metrics, comparisons, the paper's tables, figures and a page."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spiroct.cohort.biomarker_table import read_biomarkers
from spiroct.cohort.predictions import Predictions, read_predictions
from spiroct.cohort.table import read_cohort
from spiroct.errors import InputError, UsageError
from spiroct.evaluation.bootstrap import RESAMPLES
from spiroct.evaluation.comparison import DEFAULT_MARGIN, compare
from spiroct.evaluation.metric_table import METRIC_COLUMNS, metric_table, undefined
from spiroct.evaluation.normal_limits import below_limit_metrics
from spiroct.evaluation.parts import Part, headlines
from spiroct.evaluation.subgroups import partial_table, subgroup_table
from spiroct.evaluation.table_six import PAPER_BIOMARKERS, TableSix, table_six
from spiroct.pft.reference import DEFAULT_EQUATIONS, require_equations
from spiroct.reporting.evaluation_report import EvaluationResults, write_evaluation
from spiroct.reporting.methods_paragraph import Methods
from spiroct.run_folder import run_folder
from spiroct.workflows.people import (
    People,
    check_against_cohort,
    people_of,
    with_indirect,
)
from spiroct.workflows.versions import result_versions

LEAST_RESAMPLES = 100


@dataclass(frozen=True, eq=False)
class _Inputs:
    """The tables as read: predictions of both files, and what the other files say."""

    ours: pd.DataFrame
    theirs: pd.DataFrame | None
    people: People | None
    biomarkers: pd.DataFrame | None
    notes: tuple[str, ...]


def evaluate(
    predictions: Path,
    *,
    out: Path,
    against: Path | None = None,
    cohort: Path | None = None,
    biomarkers: Path | None = None,
    equations: str = DEFAULT_EQUATIONS,
    margin: float = DEFAULT_MARGIN,
    resamples: int = RESAMPLES,
    seed: int = 0,
    overwrite: bool = False,
) -> pd.DataFrame:
    """Evaluate a table of predictions and write everything that a paper needs.

    Writes ``metrics.csv``, ``undefined.csv``, ``comparison.csv`` (with ``against``), ``subgroups.csv`` (with
    ``cohort``), ``partial.csv`` (with ``cohort`` or ``biomarkers``), ``tables/``, ``figures/``, ``evaluation.html``,
    ``methods.md`` and ``run.json``.

    Parameters
    ----------
    predictions : Path
        ``predictions.csv``, spiroct's or anyone's.
    out : Path
        Output folder.
    against : Path, optional
        Predictions of another model for the same patients.
    cohort : Path, optional
        ``cohort.csv`` with sex, age and height, for %predicted, limits of normal and subgroups; images are not needed.
    biomarkers : Path, optional
        ``biomarkers.csv``, for the multiple regression.
    equations : str
        Set of reference equations.
    margin : float
        Of equivalence, in percent of the mean measured value.
    resamples, seed : int
        Of the bootstrap.
    overwrite : bool
        Replace an earlier run in the same folder.

    Returns
    -------
    DataFrame
        ``metrics.csv`` with the columns ``reason`` and ``headline``.

    Raises
    ------
    SpiroctError
        If a table, an option or the output folder is refused; nothing is half-written.
    """
    _refuse_options(margin, resamples, equations)
    files = {"predictions": predictions, "against": against, "cohort": cohort, "biomarkers": biomarkers}
    inputs = _read(files, equations)
    arguments: dict[str, Any] = {name: _digest(path) for name, path in files.items()}
    arguments |= {"equations": equations, "margin": margin, "resamples": resamples, "seed": seed}
    arguments["names"] = [None if path is None else path.stem for path in (predictions, against)]
    arguments["spiroct"] = result_versions()["spiroct"]
    together = inputs.ours if inputs.theirs is None else pd.concat([inputs.ours, inputs.theirs], ignore_index=True)
    with run_folder(out, verb="evaluate", arguments=arguments, overwrite=overwrite) as run:
        metrics, parts = metric_table(together, resamples=resamples, seed=seed), headlines(together)
        if inputs.people is not None:
            metrics = pd.concat([metrics, _limit_rows(parts, inputs.people)], ignore_index=True)
        if run.finished:
            return metrics
        comparison = None
        if inputs.theirs is not None:
            comparison = compare(inputs.ours, inputs.theirs, margin=margin, resamples=resamples, seed=seed)
        regressions, notes = _regressions(parts, inputs.biomarkers)
        results = EvaluationResults(
            metrics=metrics,
            parts=tuple(parts),
            comparison=comparison,
            subgroups=_subgroups(parts, inputs.people, resamples, seed),
            partial=_partial(parts, inputs),
            regressions=regressions,
            notes=(*inputs.notes, *notes),
            methods=_methods(parts, inputs, resamples, seed, margin, regressed=bool(regressions)),
        )
        metrics[list(METRIC_COLUMNS)].to_csv(run.work / "metrics.csv", index=False, lineterminator="\n")
        undefined(metrics).to_csv(run.work / "undefined.csv", index=False, lineterminator="\n")
        write_evaluation(results, run.work)
    return metrics


def _refuse_options(margin: float, resamples: int, equations: str) -> None:
    if not margin > 0:
        raise UsageError(f"--margin {margin:g}", "a margin is a percentage above 0", "use such as 2")
    if resamples < LEAST_RESAMPLES:
        raise UsageError(
            f"--resamples {resamples}", f"an interval needs {LEAST_RESAMPLES} at least", "use such as 2000"
        )
    require_equations(equations)


def _read(files: dict[str, Path | None], equations: str) -> _Inputs:
    path = files["predictions"]
    if path is None:
        raise UsageError("no predictions", "there is nothing to evaluate", "name a predictions.csv")
    cohort = None if files["cohort"] is None else read_cohort(files["cohort"], images=False)
    people = None if cohort is None else people_of(cohort, equations=equations)
    ours = read_predictions(path, cohort=cohort)
    theirs = None if files["against"] is None else read_predictions(files["against"], cohort=cohort)
    biomarkers = None if files["biomarkers"] is None else read_biomarkers(files["biomarkers"])
    both = [one for one in (ours, theirs) if one is not None]
    notes = [note for one in both for note in one.notes]
    if cohort is not None and people is not None:
        notes += [*cohort.notes, *people.notes]
        for one in both:
            notes += check_against_cohort(one.table, cohort)
    first, more = _with_indirect(ours, people)
    second, most = (None, ()) if theirs is None else _with_indirect(theirs, people)
    if second is not None:
        second["model"] = _other_names(first["model"], second["model"])
    return _Inputs(first, second, people, biomarkers, tuple(dict.fromkeys([*notes, *more, *most])))


def _with_indirect(predictions: Predictions, people: People | None) -> tuple[pd.DataFrame, tuple[str, ...]]:
    if people is None:
        return predictions.table, ()
    return with_indirect(predictions.table, people)


def _other_names(ours: pd.Series, theirs: pd.Series) -> pd.Series:
    """Tell two models of one name apart."""
    return theirs.where(~theirs.isin(set(ours)), theirs + " (against)")


def _limit_rows(parts: list[Part], people: People) -> pd.DataFrame:
    rows = []
    for part in parts:
        if part.quantity != "absolute":
            continue
        own = part.rows.merge(people.reference[["scan_id", "measure", "lln"]], on=["scan_id", "measure"], how="left")
        x, y, limit, lower, upper = (
            own[c].to_numpy(dtype=np.float64) for c in ("measured", "estimated", "lln", "lower", "upper")
        )
        rows += [
            (*part.key, one.name, one.value, one.lower, one.upper, one.n, one.reason, True)
            for one in below_limit_metrics(x, y, limit, lower=lower, upper=upper)
        ]
    return pd.DataFrame(rows, columns=[*METRIC_COLUMNS, "reason", "headline"])


def _subgroups(parts: list[Part], people: People | None, resamples: int, seed: int) -> pd.DataFrame | None:
    if people is None:
        return None
    return subgroup_table(parts, people.groups, resamples=resamples, seed=seed)


def _partial(parts: list[Part], inputs: _Inputs) -> pd.DataFrame | None:
    """Correlate at fixed demographics and CT lung volume, alone and together."""
    given: dict[str, list[str]] = {}
    covariates = pd.DataFrame({"scan_id": pd.concat([p.rows["scan_id"] for p in parts]).unique()})
    if inputs.people is not None:
        covariates = covariates.merge(inputs.people.covariates, on="scan_id", how="left")
        given["sex, age and height"] = ["male", "age", "height_cm"]
    if inputs.biomarkers is not None:
        volume = _one_grid(inputs.biomarkers, "lungs", "volume")
        if len(volume):
            covariates = covariates.merge(volume.rename("lung_volume"), on="scan_id", how="left")
            given["CT lung volume"] = ["lung_volume"]
    if len(given) == 2:
        given["all of these"] = [name for columns in list(given.values()) for name in columns]
    return partial_table(parts, covariates, given) if given else None


def _one_grid(biomarkers: pd.DataFrame, region: str, biomarker: str) -> pd.Series:
    """Values of a biomarker by scan, on the first grid that the table names."""
    rows = biomarkers.loc[(biomarkers["region"] == region) & (biomarkers["biomarker"] == biomarker)]
    if len(rows):
        rows = rows.loc[rows["grid"] == rows["grid"].iloc[0]]
    return rows.drop_duplicates("scan_id").set_index("scan_id")["value"]


def _regressions(
    parts: list[Part], biomarkers: pd.DataFrame | None
) -> tuple[dict[tuple[str, str], TableSix], tuple[str, ...]]:
    """Regress measured values on estimates and biomarkers, for each model and set."""
    if biomarkers is None:
        return {}, ()
    there = set(zip(biomarkers["region"], biomarkers["biomarker"], strict=True))
    names = {name: where for name, where in PAPER_BIOMARKERS.items() if where in there}
    if not names:
        known = ", ".join(f"{biomarker} of {region}" for region, biomarker in PAPER_BIOMARKERS.values())
        raise InputError("biomarkers without any of the paper's", f"the regression needs {known}", "measure them")
    notes = [
        f"the biomarker {name} is not in the table, and is no candidate"
        for name in PAPER_BIOMARKERS
        if name not in names
    ]
    grids = list(dict.fromkeys(biomarkers["grid"]))
    if len(grids) > 1:
        notes.append(f"biomarkers of the grid {grids[0]} are used, and not those of {', '.join(grids[1:])}")
    found = {}
    groups = {(p.model, p.set_name) for p in parts if p.quantity == "absolute"}
    for model, set_name in sorted(groups):
        rows = pd.concat([p.rows for p in parts if (p.model, p.set_name) == (model, set_name)])
        found[model, set_name] = table_six(rows, biomarkers, names=names, grid=grids[0])
    return found, tuple(notes)


def _methods(
    parts: list[Part], inputs: _Inputs, resamples: int, seed: int, margin: float, *, regressed: bool
) -> Methods:
    rows = pd.concat([p.rows for p in parts])
    versions = {name: version for name, version in result_versions().items() if name in ("spiroct", "numpy", "scipy")}
    return Methods(
        patients=rows["patient_id"].nunique(),
        scans=rows["scan_id"].nunique(),
        resamples=resamples,
        seed=seed,
        repeated=rows["scan_id"].nunique() > rows["patient_id"].nunique(),
        intervals=bool(rows["lower"].notna().any()),
        equations=None if inputs.people is None else inputs.people.equations or None,
        compared=inputs.theirs is not None,
        margin=margin,
        regressed=regressed,
        versions=versions,
    )


def _digest(path: Path | None) -> str | None:
    return None if path is None else hashlib.sha256(path.read_bytes()).hexdigest()
