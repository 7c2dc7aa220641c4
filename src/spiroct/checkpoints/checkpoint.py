"""Checkpoint: a trained network as plain data: safetensors weights beside a JSON card, no pickle."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from spiroct.documents import to_json, write_json
from spiroct.errors import CheckpointError
from spiroct.pft.measures import Measure
from spiroct.preprocessing.recipe import InputRecipe
from spiroct.quality.acquisition import TrainingDomain
from spiroct.types import AnyArray

SCHEMA = "spiroct.checkpoint"
SCHEMA_VERSION = 1
WEIGHTS, CARD = "weights.safetensors", "checkpoint.json"


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
class Checkpoint:
    """A network that can predict, and all that is known of it.

    Parameters
    ----------
    name : str
        What people call it.
    architecture : dict
        ``{"name": "x3d", ...}``: the network and its arguments.
    recipe : InputRecipe
        How its input is made.
    measures : tuple of Measure
        What its outputs are, in order.
    scaler : TargetScaler
        How its outputs become litres and mmol/min/kPa.
    training_domain : TrainingDomain
        Acquisitions that it has seen.
    trained_on, intended_use : str
        One sentence each.
    demonstration_only : bool
        True when it was trained on simulated patients.
    provenance : dict
        Plain data: versions, seed, cohort, held-out results.
    weights : dict of str to array
        State dictionary, float16.
    folder : Path or None
        Where it was loaded from.
    """

    name: str
    architecture: dict[str, Any]
    recipe: InputRecipe
    measures: tuple[Measure, ...]
    scaler: TargetScaler
    training_domain: TrainingDomain
    trained_on: str
    intended_use: str
    demonstration_only: bool
    provenance: dict[str, Any]
    weights: dict[str, AnyArray] = field(repr=False)
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
            "units": [m.unit for m in self.measures],
            "target_scaler": {"mean": list(self.scaler.mean), "sd": list(self.scaler.sd)},
            "training_domain": {
                "slice_thickness_mm": list(domain.slice_thickness_mm),
                "kvp": list(domain.kvp),
                "sharp_kernels": domain.sharp_kernels,
                "contrast": domain.contrast,
            },
            "trained_on": self.trained_on,
            "intended_use": self.intended_use,
            "demonstration_only": self.demonstration_only,
            "provenance": self.provenance,
            "weights_sha256": hashlib.sha256(_serialised(self.weights)).hexdigest(),
        }

    @property
    def hash(self) -> str:
        """SHA-256 of the card, which holds that of the weights: whatever changes an estimate changes it."""
        return hashlib.sha256(to_json(self.card).encode()).hexdigest()

    def save(self, folder: Path) -> None:
        """Write ``weights.safetensors`` and ``checkpoint.json`` into a new folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / WEIGHTS).write_bytes(_serialised(self.weights))
        write_json(folder / CARD, self.card)

    @classmethod
    def load(cls, folder: Path) -> Checkpoint:
        """Read a checkpoint and check that its weights are the ones its card describes.

        Raises
        ------
        CheckpointError
            If a file is missing, damaged, of another kind, or the weights' hash is not the card's.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        card = _read_card(folder)
        try:
            raw = (folder / WEIGHTS).read_bytes()
        except OSError as missing:
            raise CheckpointError(
                f"checkpoint {folder} has no readable {WEIGHTS} ({missing.strerror})",
                "a checkpoint is a folder of weights and card",
                "copy it again",
            ) from None
        found = hashlib.sha256(raw).hexdigest()
        if found != card.get("weights_sha256"):
            raise CheckpointError(
                f"the weights of checkpoint {folder} have the hash {found[:12]}..., its card says "
                f"{str(card.get('weights_sha256'))[:12]}...",
                "weights and card belong together",
                "copy the checkpoint again; do not use this one",
            )
        try:
            return cls(
                name=card["name"],
                architecture=card["architecture"],
                recipe=InputRecipe.from_document(card["input_recipe"]),
                measures=tuple(Measure(m) for m in card["measures"]),
                scaler=TargetScaler(tuple(card["target_scaler"]["mean"]), tuple(card["target_scaler"]["sd"])),
                training_domain=_domain(card["training_domain"]),
                trained_on=card["trained_on"],
                intended_use=card["intended_use"],
                demonstration_only=bool(card["demonstration_only"]),
                provenance=card["provenance"],
                weights=load(raw),
                folder=folder,
            )
        except (KeyError, TypeError, ValueError, SafetensorError) as fault:
            raise CheckpointError(
                f"checkpoint {folder} cannot be used ({type(fault).__name__}: {fault})",
                f"its card follows the schema {SCHEMA} version {SCHEMA_VERSION}",
                "use a checkpoint that spiroct wrote",
            ) from None


def half_precision(state: dict[str, AnyArray]) -> dict[str, AnyArray]:
    """Round floating-point weights to float16 for the disk; counters stay as they are."""
    return {
        name: np.ascontiguousarray(value.astype(np.float16) if np.issubdtype(value.dtype, np.floating) else value)
        for name, value in state.items()
    }


def _serialised(weights: dict[str, AnyArray]) -> bytes:
    from safetensors.numpy import save

    return bytes(save({name: weights[name] for name in sorted(weights)}))


def _read_card(folder: Path) -> dict[str, Any]:
    try:
        card: dict[str, Any] = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise CheckpointError(
            f"{folder} holds no readable {CARD}", "a checkpoint is a folder of weights and card", "name its folder"
        ) from None
    if card.get("schema") != SCHEMA or card.get("schema_version") != SCHEMA_VERSION:
        raise CheckpointError(
            f"{folder / CARD} has the schema {card.get('schema')} version {card.get('schema_version')}",
            f"this spiroct reads {SCHEMA} version {SCHEMA_VERSION}",
            "use the spiroct version that wrote it, or another checkpoint",
        )
    return card


def _domain(document: dict[str, Any]) -> TrainingDomain:
    thickness, kvp = document["slice_thickness_mm"], document["kvp"]
    return TrainingDomain(
        slice_thickness_mm=(float(thickness[0]), float(thickness[1])),
        kvp=(float(kvp[0]), float(kvp[1])),
        sharp_kernels=bool(document["sharp_kernels"]),
        contrast=bool(document["contrast"]),
    )
