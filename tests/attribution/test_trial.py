"""The record of the pointing game: what it says of a method stands on every map."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from spiroct.attribution import trial
from spiroct.attribution.pairs import CHANGES
from spiroct.attribution.trial import RECORD, Trial, judge_trial, networks_hash, trial_name, trial_of
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
