"""The trainings of a study: from recipes and a scale to steps, each once, parents first."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spiroct.documents import to_json
from spiroct.errors import UsageError
from spiroct.log import logger
from spiroct.pft.measures import Measure
from spiroct.run_folder import RUN_FILE
from spiroct.studies.cohorts import Cohorts
from spiroct.studies.recipe import ALWAYS, QUESTIONS, STEP, StudyRecipe, study_recipes
from spiroct.studies.scale import PRETRAINING, Scale
from spiroct.training.recipe import TrainingRecipe
from spiroct.workflows.train import train

LATER_SEEDS = (85, 90)
"""Orders of a headline contrast's further seeds: behind every row's first."""


@dataclass(frozen=True)
class Step:
    """One cross-validated training.

    Parameters
    ----------
    name : str
        Folder in ``OUT/steps``.
    rows : tuple of StudyRecipe
        The rows that it serves: two recipes may come to the same training.
    seed : int
        0 for the first.
    training : TrainingRecipe
        What ``spiroct train`` runs.
    init : str
        ``scratch``, ``kinetics``, or ``recipe:NAME`` of the step that it starts from.
    order : int
        Place in the order of work.
    """

    name: str
    rows: tuple[StudyRecipe, ...]
    seed: int
    training: TrainingRecipe
    init: str
    order: int

    @property
    def cohort(self) -> str:
        """Whose patients it learns from."""
        return self.rows[0].cohort

    @property
    def parent(self) -> str | None:
        """Name of the step that it starts from."""
        return self.init.removeprefix(STEP) if self.init.startswith(STEP) else None


def check_questions(questions: Sequence[str]) -> tuple[str, ...]:
    """Complete and check the questions that a study is asked; negative controls are always among them.

    Raises
    ------
    UsageError
        If one is not known; all are listed.
    """
    known = {q.casefold(): q for q in QUESTIONS}
    wrong = [q for q in questions if q.strip().casefold() not in known]
    if wrong:
        raise UsageError(f"questions {', '.join(wrong)}", f"there are {', '.join(QUESTIONS)}", "use these")
    asked = {known[q.strip().casefold()] for q in questions} | {ALWAYS}
    return tuple(q for q in QUESTIONS if q in asked)


def steps_of(
    scale: Scale,
    questions: Sequence[str],
    measures: tuple[Measure, ...],
    *,
    demographics: bool = True,
    seed: int = 0,
) -> tuple[Step, ...]:
    """List the trainings that answer some questions, in the order of work.

    Parameters
    ----------
    scale : Scale
    questions : sequence of str
        From :func:`check_questions`.
    measures : tuple of Measure
        Those that the cohort has; a network for another measure alone is left out.
    demographics : bool
        Whether sex, age and height are known of everyone; without them there is no %predicted to learn and nothing to
        tell a network, and such rows are left out.
    seed : int
        Of the study; the further seeds of a headline contrast follow it.
    """
    recipes = {r.name: r for r in study_recipes()}
    there = {m.value for m in measures}
    wanted = [r for r in recipes.values() if set(r.questions) & set(questions) and set(r.measures) <= there]
    if len(measures) == 1:
        wanted = [r for r in wanted if not r.measures]
    if not demographics:
        wanted = [r for r in wanted if r.quantity == "absolute" and r.aux is None]
    if scale.transfer != PRETRAINING:
        wanted = [r for r in wanted if r.name != PRETRAINING]
    steps: dict[str, Step] = {}
    for recipe in wanted:
        _add(recipe, scale, measures, seed, steps, recipes)
    return tuple(sorted(steps.values(), key=lambda step: (step.order, step.name)))


def _add(
    recipe: StudyRecipe,
    scale: Scale,
    measures: tuple[Measure, ...],
    seed: int,
    steps: dict[str, Step],
    recipes: dict[str, StudyRecipe],
) -> None:
    init = scale.start_of(recipe)
    parent = init.removeprefix(STEP) if init.startswith(STEP) else None
    if parent is not None:
        _add(recipes[parent], scale, measures, seed, steps, recipes)
    training = scale.training_recipe(recipe, measures)
    for k in range(scale.seeds if recipe.seeds else 1):
        document = training.to_document() | {"name": None}
        key = to_json([recipe.cohort, document, init, seed + k])
        order = recipe.order if k == 0 else LATER_SEEDS[min(k, len(LATER_SEEDS)) - 1]
        known = steps.get(key)
        if known is None:
            name = recipe.name if k == 0 else f"{recipe.name}-seed-{k + 1}"
            steps[key] = Step(name, (recipe,), seed + k, training, init, order)
        elif recipe not in known.rows:
            steps[key] = dataclasses.replace(known, rows=(*known.rows, recipe))


def is_done(step: Step, folder: Path) -> bool:
    """Whether a training is finished: its record is written last."""
    return (folder / step.name / RUN_FILE).is_file()


def run_step(step: Step, steps: Sequence[Step], cohorts: Cohorts, folder: Path, hardware: dict[str, Any]) -> None:
    """Run a training, or find it finished; an interrupted one goes on at its epoch.

    Parameters
    ----------
    step : Step
    steps : sequence of Step
        All of the study, the one that it starts from among them.
    cohorts : Cohorts
        Makes its table.
    folder : Path
        ``OUT/steps``.
    hardware : dict
        ``accelerator, devices, nodes`` of ``spiroct train``.

    Raises
    ------
    SpiroctError
        If the folder holds a training of another scale, seed or cohort, or the training is refused.
    """
    init = step.init
    if step.parent is not None:
        named = [s for s in steps if s.seed == cohorts.seed and any(r.name == step.parent for r in s.rows)]
        (parent,) = named
        init = str(folder / parent.name / "checkpoint")
    logger.info("training %s", step.name)
    table = cohorts.table(step.cohort)
    train(table, out=folder / step.name, recipe=step.training, init=init, seed=step.seed, **hardware)
