"""Checkpoint: trained networks as plain data: safetensors weights beside a JSON card, no pickle."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from spiroct.checkpoints.baselines import PlainRegression
from spiroct.checkpoints.intervals import ConformalScores
from spiroct.checkpoints.readings import Covariates
from spiroct.documents import to_json
from spiroct.errors import CheckpointError
from spiroct.log import logger
from spiroct.pft.measures import Measure
from spiroct.preprocessing.recipe import InputRecipe
from spiroct.quality.acquisition import TrainingDomain
from spiroct.types import AnyArray

SCHEMA = "spiroct.checkpoint"
SCHEMA_VERSION = 3
READABLE = (2, 3)
"""Version 2 is read without its intervals, which were made by another rule."""
CARD = "checkpoint.json"
Quantity = Literal["absolute", "percent_predicted"]


@dataclass(frozen=True)
class TargetScaler:
    """Standardisation of the targets and its inverse; it lives nowhere else.

    Parameters
    ----------
    mean, sd : tuple of float
        Per measure, in its unit, over the training patients.
    """

    mean: tuple[float, ...]
    sd: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse a scaler that cannot be inverted."""
        if len(self.mean) != len(self.sd) or min(self.sd) <= 0:
            raise ValueError(f"means {self.mean} and SDs {self.sd} must pair, and SDs be positive")

    def scale(self, values: AnyArray) -> AnyArray:
        """Standardise values (..., measures) in their units."""
        return np.asarray((np.asarray(values) - np.asarray(self.mean)) / np.asarray(self.sd))

    def invert(self, outputs: AnyArray) -> AnyArray:
        """Turn network outputs (..., measures) into values in their units."""
        return np.asarray(np.asarray(outputs) * np.asarray(self.sd) + np.asarray(self.mean))


@dataclass(frozen=True, eq=False)
class Member:
    """One network of an ensemble.

    Parameters
    ----------
    fold : int
        The fold that it was not trained on.
    scaler : TargetScaler
        How its outputs become values in their units.
    weights : dict of str to array
        State dictionary, float16.
    covariates : Covariates or None
        Readings that it takes beside the image.
    """

    fold: int
    scaler: TargetScaler
    weights: dict[str, AnyArray] = field(repr=False)
    covariates: Covariates | None = None

    @property
    def file(self) -> str:
        """Name of its weights' file."""
        return f"weights-{self.fold}.safetensors"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Networks that can predict, and all that is known of them.

    Parameters
    ----------
    name : str
        What people call it.
    architecture : dict
        ``{"name": "x3d", ...}``: the network and its arguments.
    recipe : InputRecipe
        How the input is made.
    measures : tuple of Measure
        What the outputs are, in order.
    members : tuple of Member
        One network for each fold; the estimate is the mean of theirs.
    training_domain : TrainingDomain
        Acquisitions that they have seen.
    trained_on, intended_use : str
        One sentence each.
    demonstration_only : bool
        True when trained on simulated patients.
    provenance : dict
        Plain data: versions, seed, cohort, held-out results.
    quantity : {"absolute", "percent_predicted"}
        Whether outputs are litres and mmol/min/kPa, or percent of the reference value.
    ladder : tuple of PlainRegression
        Plain baselines fitted on the same training patients.
    intervals : tuple of ConformalScores
        Scaled errors on patients unseen, for each measure and ratio; of several the first that a patient allows.
    folder : Path or None
        Where it was loaded from.
    """

    name: str
    architecture: dict[str, Any]
    recipe: InputRecipe
    measures: tuple[Measure, ...]
    members: tuple[Member, ...]
    training_domain: TrainingDomain
    trained_on: str
    intended_use: str
    demonstration_only: bool
    provenance: dict[str, Any]
    quantity: Quantity = "absolute"
    ladder: tuple[PlainRegression, ...] = ()
    intervals: tuple[ConformalScores, ...] = ()
    folder: Path | None = None

    @property
    def card(self) -> dict[str, Any]:
        """Plain data of ``checkpoint.json``."""
        domain = self.training_domain
        return {
            "schema": SCHEMA,
            "schema_version": SCHEMA_VERSION,
            "name": self.name,
            "architecture": self.architecture,
            "input_recipe": self.recipe.to_document(),
            "measures": [m.value for m in self.measures],
            "quantity": self.quantity,
            "units": ["%" if self.quantity == "percent_predicted" else m.unit for m in self.measures],
            "members": [_member_card(member) for member in self.members],
            "ladder": [regression.to_document() for regression in self.ladder],
            "intervals": [scores.to_document() for scores in self.intervals],
            "training_domain": {
                "slice_thickness_mm": None if domain.slice_thickness_mm is None else list(domain.slice_thickness_mm),
                "kvp": None if domain.kvp is None else list(domain.kvp),
                "sharp_kernels": domain.sharp_kernels,
                "contrast": domain.contrast,
            },
            "trained_on": self.trained_on,
            "intended_use": self.intended_use,
            "demonstration_only": self.demonstration_only,
            "provenance": self.provenance,
        }

    @property
    def hash(self) -> str:
        """SHA-256 of the card, which holds those of the weights: whatever changes an estimate changes it."""
        return hashlib.sha256(to_json(self.card).encode()).hexdigest()

    def save(self, folder: Path) -> None:
        """Write the weights and then ``checkpoint.json``, whose presence says that the rest is complete."""
        folder.mkdir(parents=True, exist_ok=True)
        for member in self.members:
            (folder / member.file).write_bytes(_serialised(member.weights))
        draft = folder / f".{CARD}.partial"
        draft.write_text(to_json(self.card), encoding="utf-8")
        draft.replace(folder / CARD)

    @classmethod
    def load(cls, folder: Path) -> Checkpoint:
        """Read a checkpoint and check that its weights are the ones its card describes.

        Raises
        ------
        CheckpointError
            If a file is missing, damaged, of another kind, or a weight file's hash is not the card's.
        """
        card = _read_card(folder)
        try:
            return cls(
                name=card["name"],
                architecture=card["architecture"],
                recipe=InputRecipe.from_document(card["input_recipe"]),
                measures=tuple(Measure(m) for m in card["measures"]),
                members=tuple(_read_member(folder, member) for member in card["members"]),
                training_domain=_domain(card["training_domain"]),
                trained_on=card["trained_on"],
                intended_use=card["intended_use"],
                demonstration_only=bool(card["demonstration_only"]),
                provenance=card["provenance"],
                quantity=card["quantity"],
                ladder=tuple(PlainRegression.from_document(d) for d in card["ladder"]),
                intervals=_read_intervals(folder, card),
                folder=folder,
            )
        except (KeyError, TypeError, ValueError) as fault:
            raise CheckpointError(
                f"checkpoint {folder} cannot be used ({type(fault).__name__}: {fault})",
                f"its card follows the schema {SCHEMA} version {SCHEMA_VERSION}",
                "use a checkpoint that spiroct wrote",
            ) from None


def half_precision(state: dict[str, AnyArray]) -> dict[str, AnyArray]:
    """Round floating-point weights to float16 for the disk; counters stay as they are."""
    return {
        name: np.asarray(value.astype(np.float16) if np.issubdtype(value.dtype, np.floating) else value, order="C")
        for name, value in state.items()
    }


def _serialised(weights: dict[str, AnyArray]) -> bytes:
    from safetensors.numpy import save

    return bytes(save({name: weights[name] for name in sorted(weights)}))


def _member_card(member: Member) -> dict[str, Any]:
    covariates = member.covariates
    return {
        "fold": member.fold,
        "weights": member.file,
        "weights_sha256": hashlib.sha256(_serialised(member.weights)).hexdigest(),
        "target_scaler": {"mean": list(member.scaler.mean), "sd": list(member.scaler.sd)},
        "covariates": None
        if covariates is None
        else {"names": list(covariates.names), "mean": list(covariates.mean), "sd": list(covariates.sd)},
    }


def _read_member(folder: Path, document: dict[str, Any]) -> Member:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    scaler, covariates = document["target_scaler"], document["covariates"]
    file = f"weights-{int(document['fold'])}.safetensors"
    try:
        raw = (folder / file).read_bytes()
    except OSError as missing:
        raise CheckpointError(
            f"checkpoint {folder} has no readable {file} ({missing.strerror})",
            "a checkpoint is a folder of weights and card",
            "copy it again",
        ) from None
    found = hashlib.sha256(raw).hexdigest()
    if found != document["weights_sha256"]:
        raise CheckpointError(
            f"{folder / file} has the hash {found[:12]}..., its card says {str(document['weights_sha256'])[:12]}...",
            "weights and card belong together",
            "copy the checkpoint again; do not use this one",
        )
    try:
        weights = load(raw)
    except SafetensorError as fault:
        raise ValueError(str(fault)) from None
    return Member(
        fold=int(document["fold"]),
        scaler=TargetScaler(tuple(scaler["mean"]), tuple(scaler["sd"])),
        weights=weights,
        covariates=None
        if covariates is None
        else Covariates(tuple(covariates["names"]), tuple(covariates["mean"]), tuple(covariates["sd"])),
    )


def _read_card(folder: Path) -> dict[str, Any]:
    try:
        card: dict[str, Any] = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise CheckpointError(
            f"{folder} holds no readable {CARD}", "a checkpoint is a folder of weights and card", "name its folder"
        ) from None
    if card.get("schema") != SCHEMA or card.get("schema_version") not in READABLE:
        raise CheckpointError(
            f"{folder / CARD} has the schema {card.get('schema')} version {card.get('schema_version')}",
            f"this spiroct reads {SCHEMA} versions {' and '.join(str(v) for v in READABLE)}",
            "use the spiroct version that wrote it, or another checkpoint",
        )
    return card


def _read_intervals(folder: Path, card: dict[str, Any]) -> tuple[ConformalScores, ...]:
    if card["schema_version"] == SCHEMA_VERSION:
        return tuple(ConformalScores.from_document(d) for d in card["intervals"])
    if card["intervals"]:
        logger.warning(
            "checkpoint %s is of version %s, whose intervals this spiroct cannot make: estimates come without. "
            "`spiroct calibrate` gives it new ones",
            folder,
            card["schema_version"],
        )
    return ()


def _domain(document: dict[str, Any]) -> TrainingDomain:
    sharp, contrast = document["sharp_kernels"], document["contrast"]
    return TrainingDomain(
        slice_thickness_mm=_range(document["slice_thickness_mm"]),
        kvp=_range(document["kvp"]),
        sharp_kernels=None if sharp is None else bool(sharp),
        contrast=None if contrast is None else bool(contrast),
    )


def _range(pair: list[float] | None) -> tuple[float, float] | None:
    """Smallest and largest as the card holds them; None where no training scan told."""
    return None if pair is None else (float(pair[0]), float(pair[1]))
