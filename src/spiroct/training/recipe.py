"""TrainingRecipe: how a network is trained, as one TOML file."""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, asdict, dataclass, field, fields
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from spiroct.checkpoints.readings import AUXILIARY
from spiroct.errors import InputError, UsageError
from spiroct.pft.measures import Measure
from spiroct.preprocessing.recipe import Crop, InputRecipe

# Networks that turn their input back into Hounsfield units.
KNOW_THEIR_WINDOW = ("resnet50_bilstm",)


@dataclass(frozen=True)
class Augmentation:
    """How training inputs are varied, beyond where the crop lies.

    Parameters
    ----------
    noise_hu : float
        SD of white noise.
    shift_voxels : int
        Largest shift along each axis.
    offset_hu : float
        SD of a shift of the whole scan's HU: what a scanner's calibration may do.
    blur_mm : float
        Largest SD of a Gaussian blur, drawn uniformly from 0: what a softer kernel does.
    mirror : bool
        Mirror left and right in every second input.
    """

    noise_hu: float = 0.0
    shift_voxels: int = 0
    offset_hu: float = 0.0
    blur_mm: float = 0.0
    mirror: bool = False


@dataclass(frozen=True)
class FitRecipe:
    """How the weights are fitted.

    Parameters
    ----------
    epochs, batch : int
        Most passes over the patients, patients a step (on each device).
    learning_rate, weight_decay : float
        Of the optimiser; the peak where a schedule rises and falls.
    accumulate : int
        Steps whose gradients are added before the weights move.
    optimiser : {"adamw", "adam"}
        Decoupled decay (Loshchilov 2019), or decay in the gradient (Kingma 2015).
    schedule : {"one-cycle", "constant"}
        One rise and fall over all epochs (Smith 2018), or none.
    targets : {"standardised", "raw"}
        Each measure over its SD, or litres and mmol/min/kPa as they are, where DLCO weighs most.
    quantity : {"absolute", "percent_predicted"}
        What is learned: the PFTs, or their %predicted by the GLI equations.
    keep : {"last", "best-loss", "best-mae"}
        Which epoch's weights: the last one's, or those with the lowest validation loss, or the lowest mean absolute
        validation error over the raw outputs (the authors' code).
    patience : int
        Epochs without a lower validation loss before training ends; 0 never ends early.
    validate_every : int
        Epochs between validations.
    precision : str
        As Lightning names it: ``"32-true"``, ``"16-mixed"`` (on a GPU; float32 on a CPU), ``"bf16-mixed"``.
    checkpoint_activations : bool
        Keep only the activations between blocks and compute the others again: memory for time.
    gradient_clip : float
        Largest norm of the gradient; 0 does not clip.
    augmentation : Augmentation
        How inputs are varied.
    """

    epochs: int
    batch: int
    learning_rate: float
    weight_decay: float
    accumulate: int = 1
    optimiser: Literal["adamw", "adam"] = "adamw"
    schedule: Literal["one-cycle", "constant"] = "one-cycle"
    targets: Literal["standardised", "raw"] = "standardised"
    quantity: Literal["absolute", "percent_predicted"] = "absolute"
    keep: Literal["last", "best-loss", "best-mae"] = "last"
    patience: int = 0
    validate_every: int = 1
    precision: Literal["32-true", "16-mixed", "bf16-mixed"] = "32-true"
    checkpoint_activations: bool = False
    gradient_clip: float = 5.0
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        """Refuse a recipe that trains nothing, or a word that means nothing."""
        if self.epochs < 1 or self.batch < 1 or self.learning_rate <= 0:
            raise ValueError("epochs and batch must be at least 1 and the learning rate positive")
        if self.accumulate < 1 or self.validate_every < 1 or self.patience < 0:
            raise ValueError("accumulate and validate_every must be at least 1 and patience at least 0")
        for name, known in _WORDS.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} {getattr(self, name)!r} must be one of {', '.join(known)}")

    def to_document(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


_WORDS: dict[str, tuple[str, ...]] = {
    "optimiser": ("adamw", "adam"),
    "schedule": ("one-cycle", "constant"),
    "targets": ("standardised", "raw"),
    "quantity": ("absolute", "percent_predicted"),
    "keep": ("last", "best-loss", "best-mae"),
    "precision": ("32-true", "16-mixed", "bf16-mixed"),
}


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
    aux : {"demographics", "biomarkers", "both"} or None
        Readings that the network takes beside the image.
    """

    name: str
    network: dict[str, Any]
    input: InputRecipe
    fit: FitRecipe
    measures: tuple[Measure, ...] = tuple(Measure)
    aux: str | None = None

    def __post_init__(self) -> None:
        """Refuse readings that nobody knows, and a network told of another window than the input's."""
        if self.aux is not None and self.aux not in AUXILIARY:
            raise ValueError(f"aux {self.aux!r} must be one of {', '.join(AUXILIARY)}")
        told = self.network.get("input_window_hu")
        if told is not None and tuple(float(v) for v in told) != tuple(self.input.window_hu):
            raise ValueError(
                f"the network's input_window_hu {list(told)} must be the input's window_hu {list(self.input.window_hu)}"
            )

    @property
    def architecture(self) -> dict[str, Any]:
        """The network's plain data, with what the rest of the recipe decides: readings beside the image, and window."""
        beside: dict[str, Any] = {} if self.aux is None else {"aux": len(AUXILIARY[self.aux])}
        if self.network.get("name") in KNOW_THEIR_WINDOW:
            beside["input_window_hu"] = list(self.input.window_hu)
        return {**self.network, **beside}

    @property
    def variations(self) -> list[str]:
        """What makes a training scan's input another one in every epoch; none where it stays the same."""
        varied = [name for name, size in asdict(self.fit.augmentation).items() if size]
        return varied + (["training_crop"] if self.input.training_crop is Crop.COVERING_LUNGS else [])

    def to_document(self) -> dict[str, Any]:
        """Plain data for the run record and the checkpoint's provenance."""
        return {
            "name": self.name,
            "network": self.network,
            "input": self.input.to_document(),
            "fit": self.fit.to_document(),
            "measures": [m.value for m in self.measures],
            "aux": self.aux,
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
        for key in found.keys() - _TABLES:
            raise UsageError.unknown(f"recipe {name_or_path}: table or key", key, sorted(_TABLES), plural="known ones")
        fit = _table(name_or_path, "fit", found["fit"], FitRecipe)
        varied = _table(name_or_path, "fit.augmentation", fit.get("augmentation", {}), Augmentation)
        return TrainingRecipe(
            name=Path(name_or_path).stem,
            network=found["network"],
            input=InputRecipe.from_document(_table(name_or_path, "input", found["input"], InputRecipe)),
            fit=FitRecipe(**fit | {"augmentation": Augmentation(**varied)}),
            measures=tuple(Measure(m) for m in found.get("measures", list(Measure))),
            aux=found.get("aux"),
        )
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as fault:
        raise InputError(
            f"recipe {name_or_path} cannot be used ({type(fault).__name__}: {fault})",
            "a recipe has the tables [network], [input] and [fit]",
            "compare it with a packaged recipe",
        ) from None


_TABLES = {"network", "input", "fit", "measures", "aux"}
_KINDS: dict[str, tuple[tuple[type, ...], str]] = {  # of a field's annotation
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "bool": ((bool,), "true or false"),
}


def _table(recipe: str, name: str, table: Any, kind: type) -> dict[str, Any]:
    """Take a table whose keys, and kinds of values, are those of a dataclass."""
    if not isinstance(table, dict):
        raise InputError(f"recipe {recipe}: {name} = {table!r}", "it is a table", f"write [{name}] above its keys")
    known = {one.name: one for one in fields(kind)}
    for key, value in table.items():
        if key not in known:
            raise UsageError.unknown(f"recipe {recipe}: key of [{name}]", key, known, plural="keys")
        types, words = _KINDS.get(str(known[key].type), ((), ""))
        if types and type(value) not in types:  # not isinstance: to Python, true is a whole number
            raise InputError(f"recipe {recipe}: {key} = {value!r} in [{name}]", f"it is {words}", "correct it")
    needed = [n for n, one in known.items() if one.default is MISSING and one.default_factory is MISSING]
    if missing := [n for n in needed if n not in table]:
        raise InputError(f"recipe {recipe}: [{name}] has no {', '.join(missing)}", "they have no default", "add them")
    return table
