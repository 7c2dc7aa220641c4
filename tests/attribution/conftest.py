"""Toy ensembles whose answers are known on paper.

``ResNet3D(width=1, depths=(0,))`` with a stem that picks the centre of every 3 x 3 x 3 window: the cell (i, j, k) of
the features is ``w * x[2i, 2j, 2k] + s``, positive everywhere on [-1, 1], so that no ReLU ever bends. Output m is
``a[m] * mean(cells) + c[m]``, and the estimate ``sd * output + mean``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from spiroct.attribution.method import Subject, prepared_subject
from spiroct.checkpoints.checkpoint import Checkpoint, Member, TargetScaler
from spiroct.imaging.volume import Geometry
from spiroct.inference.predictor import Predictor
from spiroct.pft.measures import Measure
from spiroct.preprocessing.network_input import PreparedInput
from spiroct.preprocessing.recipe import Crop, InputRecipe
from spiroct.quality.acquisition import TrainingDomain
from spiroct.types import Float32Array

SIZE, SPACING = 8, 5.0
GAIN, SHIFT = (2.0, 0.5), 4.0  # w of the two members; s
SLOPES, OFFSETS = (3.0, -1.5), (0.25, 0.5)  # a and c of the two outputs
SD, MEAN = (2.0, 1.0), (5.0, 4.0)
EPS = 1e-5  # of PyTorch's batch normalisation


@dataclass(frozen=True, eq=False)
class Toy:
    predictor: Predictor
    subject: Subject

    @property
    def x(self) -> Float32Array:
        return self.subject.prepared.array[0]

    def estimate(self, member: int, output: int) -> float:
        cells = GAIN[member] * self.x[::2, ::2, ::2].astype(float) + SHIFT
        return SD[output] * (SLOPES[output] * cells.mean() + OFFSETS[output]) + MEAN[output]


def toy_member(fold: int, gain: float) -> Member:
    kernel = np.zeros((1, 1, 3, 3, 3), np.float32)
    kernel[0, 0, 1, 1, 1] = gain
    one = np.ones(1, np.float32)
    weights = {
        "stem.conv.weight": kernel,
        "stem.norm.weight": one * np.sqrt(1 + EPS),
        "stem.norm.bias": one * SHIFT,
        "stem.norm.running_mean": one * 0,
        "stem.norm.running_var": one,
        "stem.norm.num_batches_tracked": np.array(0),
        "fc.weight": np.array(SLOPES, np.float32)[:, None],
        "fc.bias": np.array(OFFSETS, np.float32),
    }
    return Member(fold, TargetScaler(MEAN, SD), weights)


def checkpoint_of(architecture: dict, members: tuple[Member, ...], size: int = SIZE) -> Checkpoint:
    return Checkpoint(
        name="toy",
        architecture=architecture,
        recipe=InputRecipe(SPACING, patch=(size,) * 3, crop=Crop.IMAGE_CENTRE),
        measures=(Measure.DLCO, Measure.TLC),
        members=members,
        training_domain=TrainingDomain(None, None, None, None),
        trained_on="nobody",
        intended_use="tests",
        demonstration_only=True,
        provenance={},
    )


def subject_on(predictor: Predictor, array: Float32Array) -> Subject:
    prepared = PreparedInput(array[None], (0, 0, 0), SPACING, 0.0)
    return prepared_subject(predictor, prepared, Geometry(array.shape, (SPACING,) * 3))


@pytest.fixture(scope="session")
def toy() -> Toy:
    architecture = {"name": "resnet3d", "width": 1, "depths": [0], "stem": "convolution"}
    members = tuple(toy_member(fold, gain) for fold, gain in enumerate(GAIN, start=1))
    predictor = Predictor(checkpoint_of(architecture, members), engine="torch")
    array = np.random.default_rng(3).uniform(-1, 1, (SIZE,) * 3).astype(np.float32)
    return Toy(predictor, subject_on(predictor, array))
