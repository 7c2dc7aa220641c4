"""StudyRecipe: one row of a table of the study, as one TOML file; a new row is a new file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from importlib.resources import files
from typing import Any, Literal

from spiroct.errors import InputError

CohortName = Literal["patients", "twin", "permuted", "external", "pretraining"]
COHORTS: tuple[CohortName, ...] = ("patients", "twin", "permuted", "external", "pretraining")
QUESTIONS = ("Q1", "Q2", "Q3", "Q4", "Q5", "Q6", "Q7", "controls", "external", "Table 7")
"""What a study answers; Q1, Q6 and Q7 need no training beside that of the transferred network."""
ALWAYS = "controls"
"""Negative controls are no choice."""
STEP = "recipe:"
_STARTS = ("scratch", "transfer", "neutral")


@dataclass(frozen=True)
class StudyRecipe:
    """What is trained for one row of a table.

    Parameters
    ----------
    name : str
        Stem of its file.
    label : str
        The row's name in tables; rows of one label are one model, such as the four networks of one output each.
    questions : tuple of str
        Whom it answers, of :data:`QUESTIONS`.
    order : int
        Place in the order of work.
    start : str
        First weights: ``scratch``, ``transfer`` (what the scale transfers from), ``neutral`` (weights that favour no
        region of the chest), or ``recipe:NAME`` for the network of another row.
    cohort : str
        Of :data:`COHORTS`.
    network : str
        ``base``, or another one of the scale's networks.
    region, aux, quantity : str or None
        As a training recipe has them.
    measures : tuple of str
        Outputs; empty for all that the cohort has.
    seeds : bool
        Whether it is a side of a headline contrast, and trained with several seeds where the scale allows.
    published : str or None
        Name of its row in :mod:`spiroct.evaluation.published`.
    """

    name: str
    label: str
    questions: tuple[str, ...]
    order: int
    start: str
    cohort: CohortName = "patients"
    network: str = "base"
    region: str | None = None
    aux: str | None = None
    quantity: Literal["absolute", "percent_predicted"] = "absolute"
    measures: tuple[str, ...] = ()
    seeds: bool = False
    published: str | None = None

    def __post_init__(self) -> None:
        """Accept lists, and refuse words that mean nothing."""
        object.__setattr__(self, "questions", tuple(self.questions))
        object.__setattr__(self, "measures", tuple(self.measures))
        if unknown := [q for q in self.questions if q not in QUESTIONS]:
            raise ValueError(f"questions {unknown} are none of {', '.join(QUESTIONS)}")
        if self.cohort not in COHORTS:
            raise ValueError(f"cohort {self.cohort!r} is none of {', '.join(COHORTS)}")
        if self.start not in _STARTS and not self.start.startswith(STEP):
            raise ValueError(f"start {self.start!r} is none of {', '.join(_STARTS)}, {STEP}NAME")

    @property
    def parent(self) -> str | None:
        """The recipe whose network it starts from; None where it starts from none of this study's."""
        return self.start.removeprefix(STEP) if self.start.startswith(STEP) else None


def study_recipes() -> tuple[StudyRecipe, ...]:
    """Read every recipe that ships with the package, in the order of work.

    Raises
    ------
    InputError
        If a file is not a recipe.
    """
    folder = files("spiroct.studies").joinpath("recipes")
    found = [_recipe(entry.name, entry.read_text(encoding="utf-8")) for entry in folder.iterdir()]
    return tuple(sorted(found, key=lambda recipe: (recipe.order, recipe.name)))


def _recipe(file: str, text: str) -> StudyRecipe:
    try:
        document: dict[str, Any] = tomllib.loads(text)
        known = {field.name for field in fields(StudyRecipe)} - {"name"}
        if unknown := sorted(set(document) - known):
            raise ValueError(f"{', '.join(unknown)} is none of {', '.join(sorted(known))}")
        return StudyRecipe(name=file.removesuffix(".toml"), **document)
    except (tomllib.TOMLDecodeError, TypeError, ValueError) as fault:
        raise InputError(
            f"study recipe {file} ({fault})", "a recipe names label, questions, order and start", "compare the others"
        ) from None
