"""Scale: how large a study's networks are and how long they train, as one TOML file; the questions stay the same."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from spiroct.errors import UsageError
from spiroct.pft.measures import Measure
from spiroct.preprocessing.recipe import InputRecipe, Region
from spiroct.studies.recipe import StudyRecipe
from spiroct.training.recipe import Augmentation, FitRecipe, TrainingRecipe

PRETRAINING = "pretraining"


@dataclass(frozen=True)
class Scale:
    """The size of a study.

    Parameters
    ----------
    name : str
        ``tiny``, ``small`` or ``paper``.
    transfer : str
        What transfer starts from: ``pretraining`` (a network trained in this study on other patients) or ``kinetics``.
    neutral : str
        First weights that favour no region of the chest: ``scratch``, or ``kinetics``. A network that learned from
        whole chests would help the whole chest most.
    seeds : int
        Of the headline contrasts.
    resamples : int
        Of the bootstrap.
    measurement_grid : str
        Of the biomarkers: ``native``, or millimetres.
    simulated : dict
        ``spacing_mm`` and sizes of the cohorts that the study simulates where none is given.
    networks : dict
        By name, ``base`` among them: the network's table, and ``fit`` where it is fitted differently.
    input : InputRecipe
        Of all networks, but for the region.
    fit : dict
        The fit's table.
    """

    name: str
    transfer: str
    neutral: str
    seeds: int
    resamples: int
    measurement_grid: str
    simulated: dict[str, Any]
    networks: dict[str, dict[str, Any]]
    input: InputRecipe
    fit: dict[str, Any]

    def start_of(self, recipe: StudyRecipe) -> str:
        """First weights of a row: ``scratch``, ``kinetics``, or ``recipe:NAME``."""
        if recipe.start == "transfer":
            return f"recipe:{PRETRAINING}" if self.transfer == PRETRAINING else self.transfer
        return self.neutral if recipe.start == "neutral" else recipe.start

    def training_recipe(self, recipe: StudyRecipe, measures: tuple[Measure, ...]) -> TrainingRecipe:
        """Compose what ``spiroct train`` would read from a file.

        Parameters
        ----------
        recipe : StudyRecipe
        measures : tuple of Measure
            Those that the cohort has.
        """
        network = dict(self.networks[recipe.network])
        own = dict(network.pop("fit", {}))
        fit = self.fit | own | {"quantity": recipe.quantity}
        fit["augmentation"] = Augmentation(**fit.get("augmentation", {}))
        return TrainingRecipe(
            name=f"{self.name}-{recipe.name}",
            network=network,
            input=dataclasses.replace(self.input, region=Region(recipe.region or Region.WHOLE)),
            fit=FitRecipe(**fit),
            measures=tuple(Measure(m) for m in recipe.measures) or measures,
            aux=recipe.aux,
        )


def scale_names() -> list[str]:
    """Names of the scales that ship with the package."""
    return sorted(p.name.removesuffix(".toml") for p in files("spiroct.studies").joinpath("scales").iterdir())


def load_scale(name: str) -> Scale:
    """Read a scale by its name.

    Raises
    ------
    UsageError
        If there is no such scale; the known ones are listed.
    """
    if name not in scale_names():
        raise UsageError(f"scale {name!r}", f"the scales are {', '.join(scale_names())}", "use one of these")
    text = files("spiroct.studies").joinpath("scales", f"{name}.toml").read_text(encoding="utf-8")
    document = tomllib.loads(text)
    return Scale(
        name=name,
        networks={"base": document.pop("network"), **document.pop("networks")},
        input=InputRecipe.from_document(document.pop("input")),
        **document,
    )
