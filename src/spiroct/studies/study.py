"""``spiroct study``: the paper's seven questions on one cohort, from one command."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

import pandas as pd

from spiroct.cohort.table import read_cohort
from spiroct.errors import UsageError
from spiroct.log import logger
from spiroct.phantom.identity import simulator_hash
from spiroct.run_folder import make_folder, require_usable, run_folder
from spiroct.studies.cohorts import PRETRAINING_VALIDATION, TUNED, Cohorts, StudyInputs
from spiroct.studies.findings import Finding
from spiroct.studies.inclusion import cohort_measures, has_demographics, include
from spiroct.studies.plan import folds_of, plan_table
from spiroct.studies.recipe import QUESTIONS
from spiroct.studies.results import Study, write_results
from spiroct.studies.scale import load_scale
from spiroct.studies.steps import check_questions, is_done, run_step, steps_of
from spiroct.workflows.training_options import check_hardware
from spiroct.workflows.versions import result_versions

STEPS = "steps"


def study(
    cohort: Path,
    *,
    out: Path,
    scale: str = "small",
    questions: Sequence[str] = QUESTIONS,
    healthy: Path | None = None,
    external: Path | None = None,
    pretraining: Path | None = None,
    finished_only: bool = False,
    shard: str | None = None,
    seed: int = 0,
    accelerator: str = "auto",
    devices: int = 1,
    nodes: int = 1,
    workers: int = 1,
    overwrite: bool = False,
) -> list[Finding]:
    """Answer the questions of Jia 2023 on a cohort.

    Writes ``steps/`` (every training, cohort and measurement in a folder of its own), ``predictions/``,
    ``metrics.csv``, ``tables/``, ``figures/``, ``report.html``, ``methods.md`` and ``run.json``. The same command
    does what is missing: it may be stopped anywhere.

    Parameters
    ----------
    cohort : Path
        ``cohort.csv``; a split and folds in it win, otherwise they are drawn.
    out : Path
        Output folder.
    scale : str
        ``tiny``, ``small`` or ``paper``.
    questions : sequence of str
        Of :data:`spiroct.studies.recipe.QUESTIONS`; negative controls are always among them.
    healthy, external, pretraining : Path, optional
        Tables of healthy people, of another site, and of the patients that transfer learns from first; simulated where
        they are left out.
    finished_only : bool
        Train nothing: write the tables of what is finished, and name what is not.
    shard : str, optional
        ``K/N``: run every N-th training and write no tables; for Slurm arrays. ``0/N`` runs what the others need first.
    seed : int
        Of everything drawn.
    accelerator, devices, nodes
        As for :func:`spiroct.workflows.train.train`.
    workers : int
        Processes that render simulated patients.
    overwrite : bool
        Write tables, figures and page anew; finished trainings are kept.

    Returns
    -------
    list of Finding
        One or several a question; none for a shard.

    Raises
    ------
    SpiroctError
        If a table, an option or the output folder is refused.
    """
    chosen, asked = load_scale(scale), check_questions(questions)
    inputs = StudyInputs(cohort, healthy, external, pretraining)
    place = None if shard is None else _parsed_shard(shard)
    check_hardware(accelerator, devices, nodes, seed=seed)
    folder = out / STEPS
    for later in (healthy, external, pretraining):
        if later is not None:
            read_cohort(later)  # its faults are told now, and not after the trainings before it
    patients = include(read_cohort(cohort)).cohort
    known = has_demographics(patients)
    if not known:
        logger.warning("warning: sex, age or height is missing, so what needs %predicted or demographics is left out.")
    steps = steps_of(chosen, asked, cohort_measures(patients), demographics=known, seed=seed)
    arguments = _arguments(inputs, scale, asked, seed)
    arguments["trainings"] = [step.name for step in steps if not finished_only or is_done(step, folder)]
    if not arguments["trainings"]:
        raise UsageError(f"--finished-only in {out}", "nothing is finished there", "leave the option out")
    # Of a shard, which writes no tables, only whether the folder is someone else's.
    require_usable(out, verb="study", arguments=arguments, overwrite=overwrite or place is not None, keeps=(STEPS,))
    make_folder(folder)
    cohorts = Cohorts(inputs, chosen, folder, seed=seed, workers=workers, reuse=finished_only)
    hardware = {"accelerator": accelerator, "devices": devices, "nodes": nodes}
    if place is not None:
        _run_shard(steps, cohorts, folder, hardware, place)
        return []
    if not finished_only:
        cohorts.table("patients")
        for i, step in enumerate(steps, start=1):
            logger.info("step %d of %d: %s%s", i, len(steps), step.name, ", done" if is_done(step, folder) else "")
            run_step(step, steps, cohorts, folder, hardware)
    with run_folder(out, verb="study", arguments=arguments, overwrite=overwrite, keeps=(STEPS,)) as run:
        if run.finished:
            return _found(out)
        return write_results(Study(chosen, steps, cohorts, folder, asked), run.work)


def plan(
    cohort: Path,
    *,
    out: Path,
    scale: str = "small",
    questions: Sequence[str] = QUESTIONS,
    seed: int = 0,
) -> pd.DataFrame:
    """List the trainings of a study and the minutes that each takes here, measured on three steps of each network.

    Parameters
    ----------
    cohort, out, scale, questions, seed
        As for :func:`study`; nothing is written.

    Returns
    -------
    DataFrame
        As :func:`spiroct.studies.plan.plan_table` gives it.
    """
    chosen, asked = load_scale(scale), check_questions(questions)
    patients = include(read_cohort(cohort)).cohort
    known = has_demographics(patients)
    steps = steps_of(chosen, asked, cohort_measures(patients), demographics=known, seed=seed)
    table, simulated = patients.table, chosen.simulated
    test = int((table["split"] == "test").sum()) if patients.has_split else round(len(table) * 64 / 316)
    own = (folds_of(len(table) - test, 4), test)
    tuned = min(TUNED, int(simulated["external"]) // 2)
    watched = round(int(simulated["pretraining"]) * PRETRAINING_VALIDATION)
    sizes = dict.fromkeys(("patients", "twin", "permuted"), own) | {
        "external": (folds_of(tuned, 4), int(simulated["external"]) - tuned),
        "pretraining": ([watched, int(simulated["pretraining"]) - watched], 0),
    }
    return plan_table(steps, sizes, out / STEPS)


def _arguments(inputs: StudyInputs, scale: str, questions: Sequence[str], seed: int) -> dict[str, Any]:
    names = [field.name for field in fields(inputs)]
    arguments: dict[str, Any] = {
        name: None if path is None else hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in zip(names, astuple(inputs), strict=True)
    }
    arguments |= {"scale": scale, "questions": list(questions), "seed": seed}
    return arguments | {"spiroct": result_versions()["spiroct"], "simulator": simulator_hash()}


def _parsed_shard(text: str) -> tuple[int, int]:
    first, sign, second = text.partition("/")
    if not (sign and first.isdecimal() and second.isdecimal() and 0 <= int(first) <= int(second) >= 1):
        raise UsageError(f"--shard {text}", "a shard is K/N with K from 0 to N", "write it as 1/8")
    return int(first), int(second)


def _run_shard(
    steps: Sequence[Any], cohorts: Cohorts, folder: Path, hardware: dict[str, Any], place: tuple[int, int]
) -> None:
    """Run the cohorts and the parents of other trainings (shard 0), or every N-th of the others."""
    k, n = place
    parents = {step.parent for step in steps} - {None}
    first = [s for s in steps if s.seed == cohorts.seed and any(r.name in parents for r in s.rows)]
    if k == 0:
        for name in ("patients", *dict.fromkeys(step.cohort for step in steps), "healthy"):
            cohorts.table(name)
        chosen = first
    else:
        unfinished = [step.name for step in first if not is_done(step, folder)]
        if unfinished:
            raise UsageError(
                f"shard {k}/{n} before {', '.join(unfinished)}",
                "some trainings start from the networks of others",
                f"run --shard 0/{n} first",
            )
        chosen = [s for s in steps if s not in first][k - 1 :: n]
    for step in chosen:
        run_step(step, steps, cohorts, folder, hardware)


def _found(out: Path) -> list[Finding]:
    """Read the findings of a finished study."""
    table = pd.read_csv(out / "tables" / "findings-values.csv")
    return [Finding(*row) for row in table.itertuples(index=False)]
