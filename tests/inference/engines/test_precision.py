"""bfloat16 is the default only where the card records that it changes next to nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spiroct.inference.engines.engine import make_engine
from spiroct.inference.engines.openvino_runtime import has_bfloat16
from spiroct.inference.engines.precision import Deviation, bfloat16_is_recorded, deviation

ARCHITECTURE = {"name": "resnet3d", "width": 4, "depths": [1]}
GOOD = Deviation(scans=32, rms=0.004, maximum=0.02, bias_standard_errors=1.0)


def test_deviations_by_hand() -> None:
    reference = np.zeros((4, 2))
    outputs = np.array([[0.01, 0.0], [-0.01, 0.0], [0.01, 0.03], [-0.01, 0.03]])
    found = deviation(outputs, reference)
    assert found.scans == 4
    assert found.rms == pytest.approx(0.03 / np.sqrt(2))
    assert found.maximum == pytest.approx(0.03)
    assert found.bias_standard_errors == pytest.approx(np.sqrt(3))


def test_a_constant_shift_is_a_bias() -> None:
    assert deviation(np.full((40, 1), 0.001), np.zeros((40, 1))).bias_standard_errors > 1e3
    assert deviation(np.zeros((40, 1)), np.zeros((40, 1))).bias_standard_errors == 0


@pytest.mark.parametrize(
    ("change", "negligible"),
    [
        ({}, True),
        ({"scans": 31}, False),
        ({"rms": 0.011}, False),
        ({"maximum": 0.031}, False),
        ({"bias_standard_errors": 3.0}, False),
    ],
)
def test_every_limit_counts(change: dict[str, float], negligible: bool) -> None:
    assert Deviation(**{**GOOD.to_document(), **change}).negligible is negligible


def test_auto_obeys_the_card(make_checkpoint: Any) -> None:
    unsaid = make_checkpoint(ARCHITECTURE, patch=(8, 8, 8))
    said = make_checkpoint(ARCHITECTURE, patch=(8, 8, 8), provenance={"bfloat16": GOOD.to_document()})
    assert not bfloat16_is_recorded(unsaid)
    assert bfloat16_is_recorded(said)
    assert make_engine("auto", unsaid).name == "openvino"
    assert make_engine("auto", said).name == ("openvino-bf16" if has_bfloat16() else "openvino")
