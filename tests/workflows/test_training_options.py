"""The words of ``spiroct train``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spiroct.errors import CheckpointError, UsageError
from spiroct.pft.measures import Measure
from spiroct.training.recipe import load_recipe
from spiroct.workflows.training_options import check_hardware, initialiser, origin, with_options


@pytest.mark.parametrize("source", ["scratch", "kinetics", "imagenet", "ct"])
def test_a_named_source_needs_no_checkpoint_of_its_name(source: str, tmp_path: Path) -> None:
    assert origin(source, None) == source
    (tmp_path / "weights").write_bytes(b"one")
    one = origin(source, tmp_path / "weights")
    (tmp_path / "weights").write_bytes(b"two")
    assert one != origin(source, tmp_path / "weights")


def test_any_other_source_is_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nowhere"):
        origin(str(tmp_path / "nowhere"), None)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"region": "lung"}, "--region 'lung': there are whole, lungs"),
        ({"measures": "FVC,FEV"}, "--measures 'FEV': there are DLCO, FEV1"),
        ({"aux": "age"}, "--aux 'age': there are demographics"),
    ],
)
def test_an_unknown_word_is_refused_with_the_known_ones_of_its_option(words: dict[str, str], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        with_options(load_recipe("default"), **{"region": None, "measures": None, "aux": None} | words)


def test_a_measure_named_twice_is_one_output() -> None:
    assert with_options(load_recipe("default"), region=None, measures="FVC,fvc", aux=None).measures == (Measure.FVC,)


@pytest.mark.parametrize(
    "words",
    [{"accelerator": "tpu"}, {"accelerator": "gpu"}, {"devices": 0}, {"nodes": 0}, {"seed": -1}],
)
def test_what_nothing_can_be_trained_on_is_refused_at_once(words: dict[str, Any]) -> None:
    import torch

    if words.get("accelerator") == "gpu" and (torch.cuda.is_available() or torch.backends.mps.is_available()):
        pytest.skip("this machine has a GPU")
    name, value = next(iter(words.items()))
    with pytest.raises(UsageError, match=f"--{name} {value}|--{name} '{value}'"):
        check_hardware(**{"accelerator": "auto", "devices": 1, "nodes": 1, "seed": 0} | words)


def test_a_network_that_cannot_be_built_is_refused_before_scans_are_prepared() -> None:
    recipe = load_recipe("default")
    with pytest.raises(UsageError, match="widht"):
        initialiser("scratch", None, replace(recipe, network=recipe.network | {"widht": 4}))
