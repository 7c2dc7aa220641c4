"""Checkpoints: plain data, whole or refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiroct.checkpoints.catalogue import find, packaged
from spiroct.checkpoints.checkpoint import CARD, Checkpoint, TargetScaler, half_precision
from spiroct.errors import CheckpointError

WEIGHTS = "weights-1.safetensors"


@pytest.fixture
def saved(checkpoint: Checkpoint, tmp_path: Path) -> Path:
    checkpoint.save(tmp_path / "saved")
    return tmp_path / "saved"


def refusal(folder: Path) -> str:
    with pytest.raises(CheckpointError) as found:
        Checkpoint.load(folder)
    assert str(folder) in str(found.value)
    return str(found.value)


def test_what_was_saved_is_loaded(checkpoint: Checkpoint, saved: Path) -> None:
    loaded = Checkpoint.load(saved)
    assert loaded.card == checkpoint.card
    assert loaded.hash == checkpoint.hash
    assert loaded.recipe == checkpoint.recipe
    for name, value in checkpoint.members[0].weights.items():
        assert np.array_equal(loaded.members[0].weights[name], value)
    assert sorted(p.name for p in saved.iterdir()) == sorted([CARD, WEIGHTS])


def test_saving_twice_gives_the_same_bytes(checkpoint: Checkpoint, saved: Path, tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "again")
    for name in (CARD, WEIGHTS):
        assert (tmp_path / "again" / name).read_bytes() == (saved / name).read_bytes()


def test_one_flipped_bit_is_refused(saved: Path) -> None:
    raw = bytearray((saved / WEIGHTS).read_bytes())
    raw[len(raw) // 2] ^= 1
    (saved / WEIGHTS).write_bytes(bytes(raw))
    assert "hash" in refusal(saved)


def test_other_schemas_and_versions(saved: Path) -> None:
    card = json.loads((saved / CARD).read_text(encoding="utf-8"))
    for change in ({"schema": "monai"}, {"schema_version": 99}):
        (saved / CARD).write_text(json.dumps({**card, **change}))
        assert "schema" in refusal(saved)


def test_version_2_is_read_without_its_intervals(saved: Path, caplog: pytest.LogCaptureFixture) -> None:
    card = json.loads((saved / CARD).read_text(encoding="utf-8"))
    symmetric = {
        "quantity": "TLC",
        "errors": {"intercept": 0.1, "slope": 0.0, "floor": 0.01},
        "member": [0],
        "score": [1],
    }
    (saved / CARD).write_text(json.dumps({**card, "schema_version": 2, "intervals": [symmetric]}))
    found = Checkpoint.load(saved)
    assert found.intervals == ()
    assert found.members[0].scaler == TargetScaler((5.5, 2.6, 3.3, 4.9), (1.9, 0.8, 1.0, 1.2))
    assert "spiroct calibrate" in caplog.text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"measures": ["KCO"]}, "KCO"),
        ({"input_recipe": {"voxels": 3}}, "voxels"),
        ({"training_domain": {}}, "KeyError"),
    ],
)
def test_cards_that_make_no_sense(saved: Path, change: dict[str, object], words: str) -> None:
    card = json.loads((saved / CARD).read_text(encoding="utf-8"))
    (saved / CARD).write_text(json.dumps({**card, **change}))
    assert words in refusal(saved)


def test_missing_files(saved: Path, tmp_path: Path) -> None:
    (saved / WEIGHTS).unlink()
    assert WEIGHTS in refusal(saved)
    (saved / CARD).write_text("{")
    assert CARD in refusal(saved)
    assert CARD in refusal(tmp_path / "nowhere")


def test_whatever_changes_an_estimate_changes_the_hash(checkpoint: Checkpoint) -> None:
    (member,) = checkpoint.members
    moved = replace(member, scaler=TargetScaler((5.6, 2.6, 3.3, 4.9), member.scaler.sd))
    biased = replace(member, weights={**member.weights, "blocks.5.proj.bias": np.ones(4, np.float16)})
    others = [
        replace(checkpoint, members=(moved,)),
        replace(checkpoint, recipe=replace(checkpoint.recipe, spacing_mm=4.0)),
        replace(checkpoint, members=(biased,)),
    ]
    assert len({c.hash for c in (checkpoint, *others)}) == 4


@given(
    st.lists(st.floats(-10, 10), min_size=4, max_size=4),
    st.lists(st.floats(0.1, 5), min_size=4, max_size=4),
    st.lists(st.floats(-4, 4), min_size=4, max_size=4),
)
def test_the_scaler_is_undone_by_its_inverse(mean: list[float], sd: list[float], outputs: list[float]) -> None:
    scaler = TargetScaler(tuple(mean), tuple(sd))
    np.testing.assert_allclose(scaler.scale(scaler.invert(np.asarray(outputs))), outputs, atol=1e-9)


def test_scalers_that_cannot_be_undone() -> None:
    for mean, sd in (((1.0,), (0.0,)), ((1.0, 2.0), (1.0,))):
        with pytest.raises(ValueError, match="positive"):
            TargetScaler(mean, sd)


def test_half_precision_rounds_weights_and_keeps_counters() -> None:
    state = {"w": np.asarray([1 / 3], np.float32), "num_batches_tracked": np.asarray(12345, np.int64)}
    halved = half_precision(state)
    assert halved["w"].dtype == np.float16
    assert abs(float(halved["w"][0]) - 1 / 3) < 2**-12
    assert halved["num_batches_tracked"] == 12345


def test_the_catalogue(saved: Path, tmp_path: Path) -> None:
    assert "demonstration-simulated-patients" in packaged()
    assert find("demonstration-simulated-patients").demonstration_only
    assert find(str(saved)).name == "untrained"
    with pytest.raises(CheckpointError, match="demonstration-simulated-patients"):
        find(str(tmp_path / "none"))


def test_the_packaged_checkpoint_is_small_and_says_what_it_is() -> None:
    found = find("demonstration-simulated-patients")
    assert sum(p.stat().st_size for p in found.folder.iterdir()) < 10e6
    assert "simulated patients" in found.trained_on
    assert set(found.provenance["results"]) >= {"validation", "test"}
