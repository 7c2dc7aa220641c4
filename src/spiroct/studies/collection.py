"""What the finished trainings predicted, gathered by cohort under the names that tables print."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from spiroct.checkpoints.baselines import RUNGS
from spiroct.checkpoints.checkpoint import Checkpoint
from spiroct.cohort.predictions import COLUMNS
from spiroct.cohort.table import read_cohort
from spiroct.studies.cohorts import RECALIBRATED, Cohorts
from spiroct.studies.scale import PRETRAINING
from spiroct.studies.steps import Step, is_done
from spiroct.studies.transport import estimates_of, external_rows, prediction_rows

SCRATCH, TRANSFER = "whole-scratch", "whole-transfer"


def model_name(label: str, seed: int) -> str:
    """Name of a row's network in predictions; further seeds say so."""
    return label if seed == 0 else f"{label}, seed {seed + 1}"


def collected(steps: Sequence[Step], folder: Path, *, seed: int) -> dict[str, pd.DataFrame]:
    """Gather the predictions of finished trainings.

    Parameters
    ----------
    steps : sequence of Step
        Those that are not finished are left out.
    folder : Path
        ``OUT/steps``.
    seed : int
        Of the study: which seed is the first.

    Returns
    -------
    dict of str to DataFrame
        By cohort; columns of predictions.csv, models by label. %predicted is kept where question Q3 asks for it: it
        is the absolute estimate over the reference value otherwise.
    """
    found: dict[str, list[pd.DataFrame]] = {}
    for step in steps:
        if step.cohort == PRETRAINING or not is_done(step, folder):
            continue
        table = pd.read_csv(folder / step.name / "predictions.csv", dtype={"fold": str})
        own = table.loc[~table["model"].isin(tuple(RUNGS))]
        for recipe in step.rows:
            kept = own if "Q3" in recipe.questions else own.loc[own["quantity"] == "absolute"]
            if recipe.cohort == "external":
                kept = kept.loc[kept["set"] == "test"].assign(set="external")
            label = model_name(recipe.label, step.seed - seed)
            if recipe.cohort == "external":
                label = f"{label} with {_tuned(folder)}"
            found.setdefault(step.cohort, []).append(kept.assign(model=label))
    return {name: pd.concat(parts, ignore_index=True)[list(COLUMNS)] for name, parts in found.items()}


def _tuned(folder: Path) -> int:
    """Count the patients of the other site that fine-tuning saw."""
    table = read_cohort(folder / "cohorts" / "external.csv", images=False).table
    return int(table.loc[table["split"] == "train", "patient_id"].nunique())


def ladder_rows(steps: Sequence[Step], folder: Path) -> pd.DataFrame:
    """Take what plain baselines estimated of the patients, from the first finished training of four outputs."""
    for step in steps:
        if step.cohort == "patients" and step.rows[0].name in (SCRATCH, TRANSFER) and is_done(step, folder):
            table = pd.read_csv(folder / step.name / "predictions.csv", dtype={"fold": str})
            rungs = [name for name in RUNGS if not name.startswith("network")]
            own = table.loc[table["model"].isin(rungs) & (table["quantity"] == "absolute")]
            return own.assign(model=own["model"].str.replace("_", " "))[list(COLUMNS)]
    return pd.DataFrame(columns=list(COLUMNS))


def step_of(steps: Sequence[Step], recipe: str, folder: Path) -> Step | None:
    """Find the finished first training that serves a row; None where it is not finished."""
    for step in sorted(steps, key=lambda s: s.seed):
        if any(row.name == recipe for row in step.rows) and is_done(step, folder):
            return step
    return None


def transported(steps: Sequence[Step], cohorts: Cohorts, folder: Path) -> dict[str, pd.DataFrame]:
    """Estimate the other site and healthy people with the network from scratch, and healthy ones with transfer too.

    Returns
    -------
    dict of str to DataFrame
        ``external`` and ``healthy``; what has no finished network is left out.
    """
    found: dict[str, pd.DataFrame] = {}
    step = step_of(steps, SCRATCH, folder)
    if step is None:
        return found
    if any(s.cohort == "external" for s in steps):
        checkpoint = Checkpoint.load(folder / step.name / "checkpoint")
        rows, _ = external_rows(checkpoint, cohorts.table("external"), count=RECALIBRATED, seed=cohorts.seed)
        found["external"] = rows
        healthy = read_cohort(cohorts.table("healthy"))
        parts = []
        for recipe in (SCRATCH, TRANSFER):
            one = step_of(steps, recipe, folder)
            if one is not None:
                network = Checkpoint.load(folder / one.name / "checkpoint")
                label = next(row.label for row in one.rows if row.name == recipe)
                parts.append(prediction_rows(healthy, network, estimates_of(network, healthy), model=label))
        found["healthy"] = pd.concat(parts, ignore_index=True)
    return found
