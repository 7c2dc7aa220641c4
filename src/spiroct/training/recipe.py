"""TrainingRecipe: how a network is trained, as one TOML file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from spiroct.errors import InputError, UsageError
from spiroct.pft.measures import Measure
from spiroct.preprocessing.recipe import InputRecipe


@dataclass(frozen=True)
class FitRecipe:
    """How the weights are fitted: AdamW with a one-cycle schedule on standardised targets (Smith 2018).

    Parameters
    ----------
    epochs, batch : int
        Passes over the patients, patients a step.
    learning_rate, weight_decay : float
        Peak of the cycle; decoupled decay (Loshchilov 2019).
    noise_hu : float
        SD of white noise added to training inputs.
    shift_voxels : int
        Largest extra shift of a training input, beyond where the crop lies.
    """

    epochs: int
    batch: int
    learning_rate: float
    weight_decay: float
    noise_hu: float = 0.0
    shift_voxels: int = 0

    def __post_init__(self) -> None:
        """Refuse a recipe that trains nothing."""
        if self.epochs < 1 or self.batch < 1 or self.learning_rate <= 0:
            raise ValueError("epochs and batch must be at least 1 and the learning rate positive")


@dataclass(frozen=True)
class TrainingRecipe:
    """A named training.

    Parameters
    ----------
    name : str
        Of the file.
    network : dict
        Architecture and its arguments.
    input : InputRecipe
        How inputs are made.
    fit : FitRecipe
        How weights are fitted.
    measures : tuple of Measure
        Outputs, in order.
    """

    name: str
    network: dict[str, Any]
    input: InputRecipe
    fit: FitRecipe
    measures: tuple[Measure, ...] = tuple(Measure)

    def to_document(self) -> dict[str, Any]:
        """Plain data for the run record and the checkpoint's provenance."""
        return {
            "name": self.name,
            "network": self.network,
            "input": self.input.to_document(),
            "fit": dict(vars(self.fit)),
            "measures": [m.value for m in self.measures],
        }


def recipe_names() -> list[str]:
    """Names of the recipes that ship with the package."""
    return sorted(p.name.removesuffix(".toml") for p in files("spiroct.training").joinpath("recipes").iterdir())


def load_recipe(name_or_path: str) -> TrainingRecipe:
    """Read a recipe by its name or from a TOML file.

    Raises
    ------
    UsageError
        If there is no such recipe; the known ones are listed.
    InputError
        If the file is not a recipe.
    """
    if name_or_path in recipe_names():
        text = files("spiroct.training").joinpath("recipes", f"{name_or_path}.toml").read_text(encoding="utf-8")
    elif Path(name_or_path).is_file():
        text = Path(name_or_path).read_text(encoding="utf-8")
    else:
        raise UsageError(
            f"recipe {name_or_path!r}",
            f"it is no file, and the known recipes are {', '.join(recipe_names())}",
            "use one of these or name a TOML file",
        )
    try:
        found = tomllib.loads(text)
        return TrainingRecipe(
            name=Path(name_or_path).stem,
            network=found["network"],
            input=InputRecipe.from_document(found["input"]),
            fit=FitRecipe(**found["fit"]),
            measures=tuple(Measure(m) for m in found.get("measures", list(Measure))),
        )
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as fault:
        raise InputError(
            f"recipe {name_or_path} cannot be used ({type(fault).__name__}: {fault})",
            "a recipe has the tables [network], [input] and [fit]",
            "compare it with a packaged recipe",
        ) from None
