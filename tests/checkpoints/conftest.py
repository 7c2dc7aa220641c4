"""A small checkpoint with random weights."""

from __future__ import annotations

import pytest
import torch

from spiroct.checkpoints.checkpoint import Checkpoint, Member, TargetScaler, half_precision
from spiroct.networks.build import network_of
from spiroct.pft.measures import Measure
from spiroct.preprocessing.recipe import InputRecipe
from spiroct.quality.acquisition import TrainingDomain

ARCHITECTURE = {"name": "x3d", "size": "XS", "z_stride": 2}


@pytest.fixture(scope="session")
def checkpoint() -> Checkpoint:
    """Return a checkpoint of an untrained network."""
    torch.manual_seed(0)
    state = network_of(ARCHITECTURE, outputs=4).state_dict()
    return Checkpoint(
        name="untrained",
        architecture=ARCHITECTURE,
        recipe=InputRecipe(spacing_mm=5.0, patch=(32, 32, 32), crop="lung-centre"),
        measures=tuple(Measure),
        members=(
            Member(
                fold=1,
                scaler=TargetScaler((5.5, 2.6, 3.3, 4.9), (1.9, 0.8, 1.0, 1.2)),
                weights=half_precision({name: value.numpy() for name, value in state.items()}),
            ),
        ),
        training_domain=TrainingDomain((0.5, 6.0), (100.0, 140.0), sharp_kernels=True, contrast=False),
        trained_on="nothing",
        intended_use="tests",
        demonstration_only=True,
        provenance={"seed": 0},
    )
