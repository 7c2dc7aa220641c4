"""Rows and scales: every recipe builds at every scale, and every contrast names rows that there are."""

from __future__ import annotations

import pytest

from spiroct.errors import UsageError
from spiroct.evaluation import published
from spiroct.networks.build import network_of
from spiroct.pft.measures import Measure
from spiroct.studies.contrasts import CONTRASTS
from spiroct.studies.recipe import QUESTIONS, StudyRecipe, study_recipes
from spiroct.studies.scale import load_scale, scale_names
from spiroct.studies.steps import check_questions, steps_of

ALL = tuple(Measure)
RECIPES = study_recipes()


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
@pytest.mark.parametrize("scale", ["tiny", "small"])
def test_a_recipe_builds(recipe: StudyRecipe, scale: str) -> None:
    training = load_scale(scale).training_recipe(recipe, ALL)
    network = network_of(training.architecture, outputs=len(training.measures))
    assert network.get_parameter(f"{network.last_layer}.weight").shape[0] == (len(recipe.measures) or 4)
    assert training.input.region == (recipe.region or "whole")
    assert training.fit.quantity == recipe.quantity


def test_the_papers_scale_is_the_papers() -> None:
    scale = load_scale("paper")
    whole = next(r for r in RECIPES if r.name == "whole-transfer")
    training = scale.training_recipe(whole, ALL)
    assert training.network["name"] == "x3d"
    assert training.input.patch == (240, 240, 240)
    assert training.input.spacing_mm == 1.5
    assert (training.fit.learning_rate, training.fit.weight_decay, training.fit.patience) == (1e-4, 1e-3, 25)
    assert scale.start_of(whole) == "kinetics"


def test_published_rows_exist() -> None:
    known = {*published.VALIDATION, *published.INPUTS, *published.PERCENT_PREDICTED}
    assert {r.published for r in RECIPES if r.published} <= known
    assert set(published.INPUTS) == {r.published for r in RECIPES if "Q5" in r.questions and r.published}


def test_contrasts_name_rows() -> None:
    labels = {r.label for r in RECIPES}
    assert {c.model for c in CONTRASTS} | {c.against for c in CONTRASTS} <= labels
    headline = {r.label for r in RECIPES if r.seeds}
    assert {name for c in CONTRASTS if c.seeds for name in (c.model, c.against)} == headline


@pytest.mark.parametrize("scale", scale_names())
def test_every_step_has_its_parent_before_it(scale: str) -> None:
    steps = steps_of(load_scale(scale), QUESTIONS, ALL)
    done: set[str] = set()
    for step in steps:
        assert step.parent is None or step.parent in done, step.name
        done |= {row.name for row in step.rows}
    assert len({step.name for step in steps}) == len(steps)


def test_two_recipes_of_one_training_train_once() -> None:
    steps = steps_of(load_scale("small"), QUESTIONS, ALL)
    (shared,) = [s for s in steps if {"whole-scratch", "region-whole"} <= {r.name for r in s.rows} and s.seed == 0]
    assert shared.name == "whole-scratch"
    assert len([s for s in steps if s.seed > 0]) == 2 * 3  # scratch, transfer and lungs, two further seeds each


def test_a_cohort_of_fvc_alone_has_no_network_for_one_of_several() -> None:
    steps = steps_of(load_scale("tiny"), QUESTIONS, (Measure.FVC,))
    assert not [step.name for step in steps if step.name.startswith("one-output")]
    assert {step.training.measures for step in steps} == {(Measure.FVC,)}
    two = steps_of(load_scale("tiny"), QUESTIONS, (Measure.FEV1, Measure.FVC))
    assert [s.name for s in two if s.name.startswith("one-output")] == ["one-output-fev1", "one-output-fvc"]


def test_without_demographics_nothing_needs_them() -> None:
    steps = steps_of(load_scale("tiny"), QUESTIONS, ALL, demographics=False)
    assert all(s.training.aux is None and s.training.fit.quantity == "absolute" for s in steps)
    assert {"whole-transfer", "region-vessels"} <= {s.name for s in steps}


def test_controls_are_always_asked() -> None:
    assert check_questions(["q2", " Q5"]) == ("Q2", "Q5", "controls")
    with pytest.raises(UsageError, match=r"Q9.*Q1, Q2"):
        check_questions(["Q9"])
    names = {s.name for s in steps_of(load_scale("tiny"), check_questions(["Q1"]), ALL)}
    assert names == {"twin-whole", "twin-lungs", "permuted-whole"}


def test_a_recipe_with_an_unknown_word_is_refused() -> None:
    with pytest.raises(ValueError, match="start 'nowhere'"):
        StudyRecipe("x", "x", ("Q2",), 1, "nowhere")
    with pytest.raises(ValueError, match="questions"):
        StudyRecipe("x", "x", ("Q99",), 1, "scratch")
    with pytest.raises(UsageError, match="tiny"):
        load_scale("huge")
