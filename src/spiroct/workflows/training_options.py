"""From the words of ``spiroct train`` to its recipe, its first weights and its name."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from spiroct.checkpoints.catalogue import find
from spiroct.checkpoints.checkpoint import TargetScaler
from spiroct.checkpoints.initial_weights import NAMED_SOURCES, load_initial_weights
from spiroct.checkpoints.readings import AUXILIARY
from spiroct.errors import UsageError
from spiroct.log import logger
from spiroct.networks.build import network_of
from spiroct.networks.network import Network
from spiroct.pft.measures import Measure
from spiroct.preprocessing.recipe import Region
from spiroct.training.recipe import TrainingRecipe

ACCELERATORS = ("auto", "cpu", "gpu")


def with_options(
    recipe: TrainingRecipe, *, region: str | None, measures: str | None, aux: str | None
) -> TrainingRecipe:
    """Put the command's options in the place of the recipe's.

    Raises
    ------
    UsageError
        If one is not known; the known ones are listed.
    """
    if region is not None:
        _require_known("--region", [region], list(Region))
        recipe = dataclasses.replace(recipe, input=dataclasses.replace(recipe.input, region=Region(region)))
    if measures is not None:
        names = [name.strip().upper() for name in measures.split(",")]
        _require_known("--measures", names, list(Measure))
        recipe = dataclasses.replace(recipe, measures=tuple(Measure(name) for name in dict.fromkeys(names)))
    if aux is not None:
        _require_known("--aux", [aux], list(AUXILIARY))
        recipe = dataclasses.replace(recipe, aux=aux)
    return recipe


def _require_known(option: str, words: Sequence[str], known: Sequence[str]) -> None:
    if unknown := [repr(word) for word in words if word not in known]:
        raise UsageError(f"{option} {', '.join(unknown)}", f"there are {', '.join(known)}", "use one of these")


def check_hardware(accelerator: str, devices: int, nodes: int, *, seed: int) -> None:
    """Refuse what nothing can be trained on, before scans are prepared.

    Raises
    ------
    UsageError
        If the accelerator is not known or not there, or a count or the seed cannot be.
    """
    import torch

    _require_known("--accelerator", [accelerator], ACCELERATORS)
    if accelerator == "gpu" and not (torch.cuda.is_available() or torch.backends.mps.is_available()):
        raise UsageError("--accelerator gpu", "this machine has none that PyTorch can use", "use cpu or auto")
    if devices < 1 or nodes < 1:
        raise UsageError(f"--devices {devices} --nodes {nodes}", "there is one of each at least", "use such as 1")
    if seed < 0:
        raise UsageError(f"--seed {seed}", "a seed is not negative", "use such as 0")


def initialiser(
    init: str, weights: Path | None, recipe: TrainingRecipe
) -> Callable[[Network, TargetScaler], None] | None:
    """Prepare what gives every fold's network its first weights; None where they are random.

    What is wrong with the network, ``init`` or ``weights`` is told now, by building and loading them once, and not
    after hours of preparing.
    """
    n = len(recipe.measures)
    network = network_of(recipe.architecture, outputs=n)
    if init == "scratch" and weights is None:
        return None

    def initialise(network: Network, scaler: TargetScaler) -> None:
        report = load_initial_weights(
            network,
            init,
            weights=weights,
            measures=recipe.measures,
            scaler=scaler,
            quantity=recipe.fit.quantity,
        )
        for line in report.lines():
            logger.info(line)

    initialise(network, TargetScaler((0.0,) * n, (1.0,) * n))
    return initialise


def origin(init: str, weights: Path | None) -> str:
    """Name where weights begin by content, so that another file of the same name is another run."""
    if weights is not None:
        return f"{init} {hashlib.sha256(weights.read_bytes()).hexdigest()}"
    return init if init in NAMED_SOURCES else find(init).hash


def model_name(recipe: TrainingRecipe) -> str:
    """Name a training in tables: the recipe and what an option changed."""
    parts = [recipe.name]
    if recipe.input.region is not Region.WHOLE:
        parts.append(recipe.input.region.value)
    if recipe.measures != tuple(Measure):
        parts += [m.value for m in recipe.measures]
    return "-".join(parts if recipe.aux is None else [*parts, recipe.aux])
