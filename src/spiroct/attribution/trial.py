"""What a method's maps of a checkpoint did in the pointing game on simulated patients, as the package carries it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from spiroct.checkpoints.checkpoint import Checkpoint
from spiroct.documents import to_json
from spiroct.quality.verdict import Outcome, Verdict

RECORD = "trials.json"
"""By :func:`networks_hash` and method; written by ``python -m benchmarks.attribution_maps``."""

PERMUTED = "permuted_training.json"
"""By :func:`training_hash` and method; written by ``python -m benchmarks.attribution_permuted``."""

DECIDE_MAPS = ("architecture", "input_recipe", "measures", "quantity", "members")
"""What of a checkpoint's card decides its maps: a new name, new intervals or a new ladder leave them as they are."""

DECIDE_KIND = ("architecture", "input_recipe", "measures", "quantity")
MOST_PERMUTED = 0.5


@dataclass(frozen=True)
class Trial:
    """How often a method pointed to what changed between two versions of a patient.

    Parameters
    ----------
    patients : int
        The fewest of any change.
    pointed, missed : tuple of str
        Changes in which it did and did not beat every map that knows nothing.
    """

    patients: int
    pointed: tuple[str, ...]
    missed: tuple[str, ...]


def trial_name(method: str, layer: str) -> str:
    """Name a method and layer as the trial does: ``ram (pool)``, ``ram (stages.2)``, ``occlusion``."""
    return f"ram ({layer})" if method in ("ram", "ram-layer") else method


def networks_hash(checkpoint: Checkpoint) -> str:
    """SHA-256 of the networks, their input and their scales, and of nothing else that a checkpoint carries."""
    card = checkpoint.card
    return hashlib.sha256(to_json({name: card[name] for name in DECIDE_MAPS}).encode()).hexdigest()


def training_hash(checkpoint: Checkpoint) -> str:
    """SHA-256 of the kind of network and its input, whatever it was trained on."""
    card = checkpoint.card
    return hashlib.sha256(to_json({name: card[name] for name in DECIDE_KIND}).encode()).hexdigest()


def trial_of(networks: str, method: str, layer: str) -> Trial | None:
    """Look up a method's trial; None where the maps of these networks were not tried.

    Parameters
    ----------
    networks : str
        From :func:`networks_hash`.
    method, layer : str
        Of the map.
    """
    record: dict[str, Any] = json.loads((files("spiroct.attribution") / RECORD).read_text(encoding="utf-8"))
    changes = record.get(networks, {}).get(trial_name(method, layer))
    if not changes:
        return None
    return Trial(
        min(int(found["n"]) for found in changes.values()),
        tuple(name for name, found in changes.items() if found["beats_chance"]),
        tuple(name for name, found in changes.items() if not found["beats_chance"]),
    )


@dataclass(frozen=True)
class PermutedLikeness:
    """Mean Spearman correlation of maps with those of a network trained on other patients' lung function.

    Of DLCO and TLC, the measure for which it is farther from 0.

    Parameters
    ----------
    value, lower, upper : float
        Over patients, with a 95 % interval.
    n : int
        Patients.
    """

    value: float
    lower: float
    upper: float
    n: int


def permuted_likeness_of(kind: str, method: str, layer: str) -> PermutedLikeness | None:
    """Look up what permuted training did to a method's maps; None where networks of this kind were not tried.

    Parameters
    ----------
    kind : str
        From :func:`training_hash`.
    method, layer : str
        Of the map.
    """
    record: dict[str, Any] = json.loads((files("spiroct.attribution") / PERMUTED).read_text(encoding="utf-8"))
    found = record.get(kind, {}).get(trial_name(method, layer))
    return None if found is None else PermutedLikeness(**found)


def judge_permuted(found: PermutedLikeness | None) -> Verdict:
    """Turn the likeness to maps of permuted training (Adebayo 2018, data randomisation) into a verdict."""
    limit = f"within {MOST_PERMUTED:g} of 0, the whole interval"
    if found is None:
        meaning = "Nobody has tried whether such a network's maps change when it is trained on other patients' values"
        remedy = "Train one on permuted lung function"
        return Verdict("permuted_training", Outcome.WARN, None, limit, meaning, remedy)
    value = f"{found.value:.2f} ({found.lower:.2f} to {found.upper:.2f}), {found.n} simulated patients"
    if found.lower >= -MOST_PERMUTED and found.upper <= MOST_PERMUTED:
        meaning = "A network of this kind that was trained on other patients' lung function gives other maps"
        return Verdict("permuted_training", Outcome.PASS, value, limit, meaning)
    meaning = "A network of this kind that was trained on other patients' lung function gives a similar or opposite map"
    return Verdict("permuted_training", Outcome.WARN, value, limit, meaning, "Do not read this map")


def judge_trial(trial: Trial | None) -> Verdict:
    """Turn a trial into a verdict that every map of the method carries."""
    limit = "better than maps about the lung's centre, the hilum and at random, for every change, intervals above 0"
    if trial is None:
        meaning = "Nobody has tried whether these maps point to what changes in patients whose truth is known"
        return Verdict("points_to_causes", Outcome.WARN, None, limit, meaning, "Try them on simulated patients")
    count = len(trial.pointed) + len(trial.missed)
    value = f"{len(trial.pointed)} of {count} changes, {trial.patients} or more simulated patients each"
    if not trial.missed:
        return Verdict("points_to_causes", Outcome.PASS, value, limit, "The map's change points to what changed")
    missed = ", ".join(name.replace("_", " ") for name in trial.missed)
    meaning = f"On simulated patients these maps do not point to a change of {missed} better than maps without idea"
    return Verdict("points_to_causes", Outcome.WARN, value, limit, meaning, "Take no place on the map for a cause")
