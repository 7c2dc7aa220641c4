"""Training recipes: those that ship build, and files that are none are refused."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from spiroct.errors import InputError, UsageError
from spiroct.training.recipe import Augmentation, FitRecipe, load_recipe, recipe_names


@pytest.mark.parametrize("name", recipe_names())
def test_packaged_recipes_build(name: str) -> None:
    from spiroct.networks.build import network_of

    recipe = load_recipe(name)
    assert recipe.name == name
    network_of(recipe.network, outputs=len(recipe.measures))


def test_unknown_names_list_the_known() -> None:
    with pytest.raises(UsageError, match="code, default, paper"):
        load_recipe("best")


@pytest.mark.parametrize("text", ["[network]\nname='x3d'", "not toml [", "[network]\n[input]"])
def test_files_that_are_no_recipe(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.toml").write_text(text)
    with pytest.raises(InputError, match=r"\[network\], \[input\] and \[fit\]"):
        load_recipe(str(tmp_path / "r.toml"))


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("epochs =", "epoks =", r"key of \[fit\] 'epoks' \(did you mean epochs\?\): the keys are epochs, batch"),
        ("batch = 8", "batch = 4.5", r"batch = 4.5 in \[fit\]: it is a whole number"),
        ("batch = 8", "batch = true", r"batch = True in \[fit\]: it is a whole number"),
        ("batch = 8", "", r"\[fit\] has no batch"),
        ("spacing_mm = 5.0", 'spacing_mm = "5"', r"spacing_mm = '5' in \[input\]: it is a number"),
        ("noise_hu", "noise", r"key of \[fit.augmentation\] 'noise' \(did you mean noise_hu"),
        ("[network]", "[other]\n[network]", "table or key 'other'"),
    ],
)
def test_a_slip_is_named_with_its_table(tmp_path: Path, before: str, after: str, sentence: str) -> None:
    default = files("spiroct.training").joinpath("recipes", "default.toml").read_text(encoding="utf-8")
    assert before in default
    (tmp_path / "r.toml").write_text(default.replace(before, after, 1))
    with pytest.raises((InputError, UsageError), match=sentence):
        load_recipe(str(tmp_path / "r.toml"))


def test_a_recipe_that_trains_nothing() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        FitRecipe(epochs=0, batch=1, learning_rate=1e-3, weight_decay=0.0)


def test_a_word_that_means_nothing_lists_those_that_do() -> None:
    with pytest.raises(ValueError, match="adamw, adam"):
        FitRecipe(epochs=1, batch=1, learning_rate=1e-3, weight_decay=0.0, optimiser="sgd")  # type: ignore[arg-type]


def test_paper_and_code_differ_where_text_and_code_do() -> None:
    """paper-notes: early stopping, pooling of the head, and which epoch is kept."""
    paper, code = load_recipe("paper"), load_recipe("code")
    assert (paper.fit.patience, code.fit.patience) == (25, 0)
    assert (paper.network["pooling"], code.network["pooling"]) == ("global", "authors")
    assert (paper.fit.keep, code.fit.keep) == ("best-loss", "best-mae")
    for recipe in (paper, code):
        assert recipe.input.patch == (240, 240, 240)
        assert recipe.input.spacing_mm == 1.5
        assert (recipe.fit.learning_rate, recipe.fit.weight_decay, recipe.fit.batch) == (1e-4, 1e-3, 1)
        assert recipe.fit.targets == "raw"
        assert recipe.fit.augmentation == Augmentation()


def test_a_network_that_knows_its_window_is_told_the_recipes(tmp_path: Path) -> None:
    """The same HU must give the same picture inside the network, whatever window the input is scaled by."""
    text = (
        "[network]\nname = 'resnet50_bilstm'\n{}\n[input]\nspacing_mm = 5.0\nwindow_hu = [-1000.0, 400.0]\n"
        "patch = [16, 16, 16]\n[fit]\nepochs = 1\nbatch = 1\nlearning_rate = 1e-3\nweight_decay = 0.0\n"
    )
    file = tmp_path / "r.toml"
    for given in ("", "input_window_hu = [-1000, 400]"):
        file.write_text(text.format(given))
        assert load_recipe(str(file)).architecture["input_window_hu"] == [-1000.0, 400.0]
    file.write_text(text.format("input_window_hu = [-1500, 1500]"))
    with pytest.raises(InputError, match=r"input_window_hu \[-1500, 1500\] must be the input's"):
        load_recipe(str(file))
    assert "input_window_hu" not in load_recipe("default").architecture
