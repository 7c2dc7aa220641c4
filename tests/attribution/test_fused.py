"""Fused RAM on a toy whose map is known on paper, voxel by voxel.

Three stages whose blocks are their shortcuts: ``stem = w * x[2i] + s``, ``first = p1 * stem[2i] + q1`` (two channels)
and ``second = p2 @ first[2i] + q2`` (four), all positive, so that no ReLU bends. Output m is
``a[m] @ mean(second) + c[m]``. A gradient reaches only what is sampled: along each axis every fourth cell of the stem,
every second of the first stage.
"""

from __future__ import annotations

import numpy as np
import pytest

from spiroct.attribution.layers import LEAST_WEIGHT, FusedActivationMap
from spiroct.checkpoints.checkpoint import Member, TargetScaler
from spiroct.inference.predictor import Predictor
from spiroct.pft.measures import Measure

from .conftest import EPS, GAIN, MEAN, SD, SHIFT, Toy, checkpoint_of, subject_on, toy_member

SIDE = 16
FIRST, FIRST_SHIFT = np.array([[1.0], [0.5]]), np.array([1.0, 2.0])  # p1 and q1
SECOND, SECOND_SHIFT = np.arange(1.0, 9.0).reshape(4, 2) / 8, np.array([0.5, 1.0, 0.0, 2.0])  # p2 and q2
SLOPES, OFFSETS = np.array([[1.0, -2.0, 0.5, 3.0], [-1.0, 0.25, 2.0, -0.5]]), np.array([0.25, 0.5])  # a and c


def normalisation(name: str, scale: np.ndarray, shift: np.ndarray) -> dict[str, np.ndarray]:
    """Weights of a batch normalisation that multiplies and adds."""
    flat = {"weight": scale * np.sqrt(1 + EPS), "bias": shift, "running_mean": 0 * scale, "running_var": 0 * scale + 1}
    named = {f"{name}.{part}": value.astype(np.float32) for part, value in flat.items()}
    return named | {f"{name}.num_batches_tracked": np.array(0)}


def block(name: str, mix: np.ndarray, shift: np.ndarray) -> dict[str, np.ndarray]:
    """Weights of a residual block that is its shortcut alone."""
    outputs, inputs = mix.shape
    noise = np.random.default_rng(1).normal(size=(outputs, max(inputs, outputs), 3, 3, 3)).astype(np.float32)
    none, one = np.zeros(outputs), np.ones(outputs)
    weights = {
        f"{name}.conv1.weight": noise[:, :inputs],
        f"{name}.conv2.weight": noise[:, :outputs],
        f"{name}.shortcut.0.weight": mix[..., None, None, None].astype(np.float32),
    }
    for part, values in (("norm1", (one, none)), ("norm2", (none, none)), ("shortcut.1", (one, shift))):
        weights |= normalisation(f"{name}.{part}", *values)
    return weights


@pytest.fixture(scope="module")
def deep_toy() -> Toy:
    members = []
    for fold, gain in enumerate(GAIN, start=1):
        weights = toy_member(fold, gain).weights | block("stages.1.0", FIRST, FIRST_SHIFT)
        weights |= block("stages.2.0", SECOND, SECOND_SHIFT)
        weights |= {"fc.weight": SLOPES.astype(np.float32), "fc.bias": OFFSETS.astype(np.float32)}
        members.append(Member(fold, TargetScaler(MEAN, SD), weights))
    architecture = {"name": "resnet3d", "width": 1, "depths": [0, 1, 1], "stem": "convolution"}
    predictor = Predictor(checkpoint_of(architecture, tuple(members), SIDE), engine="torch")
    array = np.random.default_rng(4).uniform(-1, 1, (SIDE,) * 3).astype(np.float32)
    return Toy(predictor, subject_on(predictor, array))


def tent(cell: tuple[int, ...], stride: int) -> np.ndarray:
    """Share (16, 16, 16) by which voxels belong to a cell: 1 at its centre, 0 at its neighbours', 1 beyond the last."""
    place = np.minimum(np.indices((SIDE,) * 3), SIDE - stride)
    distance = np.abs(place - stride * np.reshape(cell, (3, 1, 1, 1))) / stride
    return np.clip(1 - distance, 0, None).prod(axis=0)


def laid(cells: np.ndarray, weights: np.ndarray | float = 1.0) -> np.ndarray:
    """Give every voxel its share of every cell, so that the mean over the voxels is the mean over the cells."""
    stride = SIDE // len(cells)
    found = np.zeros((SIDE,) * 3)
    for cell in np.ndindex(cells.shape):
        share = tent(cell, stride) * weights
        found += cells[cell] * share / share.sum() * stride**3
    return found


def on_paper(toy: Toy, gain: float, output: int) -> tuple[np.ndarray, float]:
    """Map (16, 16, 16) and bias in the measure's unit."""
    stem = gain * toy.x[::2, ::2, ::2].astype(np.float64) + SHIFT
    first = np.einsum("oi,izyx->ozyx", FIRST, stem[None, ::2, ::2, ::2]) + FIRST_SHIFT.reshape(-1, 1, 1, 1)
    second = np.einsum("oi,izyx->ozyx", SECOND, first[:, ::2, ::2, ::2]) + SECOND_SHIFT.reshape(-1, 1, 1, 1)
    to_first = SLOPES[output] @ SECOND  # what a unit of a sampled cell adds to the output's sum over the pool's cells
    from_stem, from_first = np.zeros((8, 8, 8)), np.zeros((4, 4, 4))
    from_stem[::4, ::4, ::4] = 4**3 * (to_first @ FIRST)[0] * stem[::4, ::4, ::4]
    from_first[::2, ::2, ::2] = 2**3 * np.tensordot(to_first, first[:, ::2, ::2, ::2], axes=1)
    weights = 1.0
    for cells in (from_stem, from_first):
        fine = laid(np.abs(cells))
        weights = weights * np.sqrt(fine / fine.mean() + LEAST_WEIGHT)  # the geometric mean of the two
    cells = SD[output] * np.tensordot(SLOPES[output], second, axes=1)
    return laid(cells, weights), SD[output] * OFFSETS[output] + MEAN[output]


def test_the_fused_map_is_that_of_paper(deep_toy: Toy) -> None:
    found = FusedActivationMap(deep_toy.predictor).explain(deep_toy.subject)
    for output, measure in enumerate((Measure.DLCO, Measure.TLC)):
        for member, gain in enumerate(GAIN):
            expected, bias = on_paper(deep_toy, gain, output)
            values = found[measure].members[member]
            np.testing.assert_allclose(values / np.abs(expected).max(), expected / np.abs(expected).max(), atol=1e-5)
            assert found[measure].bias[member] == pytest.approx(bias, abs=1e-5)
            assert values.mean(dtype=np.float64) + bias == pytest.approx(found[measure].estimate[member], rel=1e-5)
        assert found[measure].completeness_error < 1e-5
        assert np.ptp(found[measure].values) > 1  # a map that is not the same everywhere
