"""The record of the pointing game: what it says of a method stands on every map."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from spiroct.attribution import trial
from spiroct.attribution.pairs import CHANGES
from spiroct.attribution.trial import (
    PERMUTED,
    RECORD,
    PermutedLikeness,
    Trial,
    judge_permuted,
    judge_trial,
    networks_hash,
    permuted_likeness_of,
    training_hash,
    trial_name,
    trial_of,
)
from spiroct.checkpoints.catalogue import DEFAULT_CHECKPOINT, find
from spiroct.quality.verdict import Outcome


def test_the_shipped_record_is_of_known_changes() -> None:
    record = json.loads((files("spiroct.attribution") / RECORD).read_text(encoding="utf-8"))
    for methods in record.values():
        for changes in methods.values():
            assert set(changes) <= set(CHANGES)
            assert all(0 <= found["hit"]["lower"] <= found["hit"]["upper"] <= 1 for found in changes.values())


def test_a_method_is_looked_up_with_its_layer(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"n": 64, "hit": {"value": 0.9, "lower": 0.8, "upper": 1.0}}
    changes = {"ild": {**found, "beats_chance": True}, "vessels": {**found, "n": 60, "beats_chance": False}}
    (tmp_path / RECORD).write_text(json.dumps({"abc": {"ram (pool)": changes}}), encoding="utf-8")
    monkeypatch.setattr(trial, "files", lambda _: tmp_path)
    assert trial_of("abc", "ram", "pool") == Trial(60, ("ild",), ("vessels",))
    assert trial_of("abc", "ram-layer", "stages.2") is None
    assert trial_of("other", "ram", "pool") is None


def test_the_packaged_model_was_tried() -> None:
    networks = networks_hash(find(DEFAULT_CHECKPOINT))
    assert trial_of(networks, "ram", "pool") is not None
    assert trial_of(networks, "region-ablation", "input") is not None


def test_a_trial_outlives_new_intervals_and_not_new_weights() -> None:
    checkpoint = find(DEFAULT_CHECKPOINT)
    known = networks_hash(checkpoint)
    assert networks_hash(replace(checkpoint, name="renamed", intervals=(), ladder=(), provenance={})) == known
    member = checkpoint.members[0]
    other = replace(member, weights=member.weights | {"fc.bias": member.weights["fc.bias"] + np.float16(1)})
    assert networks_hash(replace(checkpoint, members=(other, *checkpoint.members[1:]))) != known


def test_names_are_the_trials() -> None:
    assert trial_name("ram", "pool") == "ram (pool)"
    assert trial_name("ram-layer", "last-convolution") == "ram (last-convolution)"
    assert trial_name("occlusion", "input") == "occlusion"


def test_verdicts() -> None:
    assert judge_trial(Trial(64, ("ild", "vessels"), ())).outcome is Outcome.PASS
    missed = judge_trial(Trial(64, ("ild",), ("one_lobe",)))
    assert missed.outcome is Outcome.WARN
    assert missed.value == "1 of 2 changes, 64 or more simulated patients each"
    assert "a change of one lobe" in missed.meaning
    assert judge_trial(None).value is None


def test_permuted_training_is_known_of_the_packaged_kind_of_network() -> None:
    checkpoint = find(DEFAULT_CHECKPOINT)
    kind = training_hash(checkpoint)
    for method, layer in (("ram", "pool"), ("ram-layer", "last-convolution"), ("occlusion", "input")):
        found = permuted_likeness_of(kind, method, layer)
        assert found is not None
        assert -1 <= found.lower <= found.value <= found.upper <= 1
    assert training_hash(replace(checkpoint, members=checkpoint.members[:1])) == kind
    assert training_hash(replace(checkpoint, architecture={**checkpoint.architecture, "width": 8})) != kind


def test_permuted_training_is_looked_up_with_the_layer(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"n": 9, "value": 0.1, "lower": 0.0, "upper": 0.2}
    (tmp_path / PERMUTED).write_text(json.dumps({"abc": {"ram (stem)": row}}), encoding="utf-8")
    monkeypatch.setattr(trial, "files", lambda _: tmp_path)
    assert permuted_likeness_of("abc", "ram-layer", "stem") == PermutedLikeness(0.1, 0.0, 0.2, 9)
    assert permuted_likeness_of("abc", "ram", "pool") is None
    assert permuted_likeness_of("other", "ram-layer", "stem") is None


@pytest.mark.parametrize(
    ("limits", "outcome"),
    [((-0.4, 0.4), Outcome.PASS), ((0.3, 0.6), Outcome.WARN), ((-0.7, -0.2), Outcome.WARN)],
)
def test_the_whole_interval_decides_on_permuted_training(limits: tuple[float, float], outcome: Outcome) -> None:
    verdict = judge_permuted(PermutedLikeness(sum(limits) / 2, *limits, 64))
    assert verdict.outcome is outcome
    assert "64 simulated patients" in str(verdict.value)
    assert judge_permuted(None).outcome is Outcome.WARN
