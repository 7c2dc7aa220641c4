"""What a method's maps of a checkpoint did in the pointing game on simulated patients, as the package carries it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from spiroct.quality.verdict import Outcome, Verdict

RECORD = "trials.json"
"""By checkpoint hash and method; written by ``python -m benchmarks.attribution_maps``."""


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


def trial_of(checkpoint_hash: str, method: str, layer: str) -> Trial | None:
    """Look up a method's trial; None where this checkpoint's maps were not tried."""
    record: dict[str, Any] = json.loads((files("spiroct.attribution") / RECORD).read_text(encoding="utf-8"))
    changes = record.get(checkpoint_hash, {}).get(trial_name(method, layer))
    if not changes:
        return None
    return Trial(
        min(int(found["n"]) for found in changes.values()),
        tuple(name for name, found in changes.items() if found["beats_chance"]),
        tuple(name for name, found in changes.items() if not found["beats_chance"]),
    )


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
