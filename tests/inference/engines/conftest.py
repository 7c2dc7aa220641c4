"""Small ensembles with random weights and random statistics of their normalisations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spiroct.checkpoints.checkpoint import Checkpoint, Member, TargetScaler, half_precision
from spiroct.checkpoints.readings import Covariates
from spiroct.networks.build import network_of
from spiroct.pft.measures import Measure
from spiroct.preprocessing.recipe import InputRecipe
from spiroct.quality.acquisition import TrainingDomain

Make = Callable[..., Checkpoint]


@pytest.fixture(scope="session")
def make_checkpoint() -> Make:
    def make(
        architecture: dict[str, Any],
        *,
        patch: tuple[int, int, int] = (24, 32, 28),
        members: int = 2,
        aux: int = 0,
        folder: Path | None = None,
        provenance: dict[str, Any] | None = None,
    ) -> Checkpoint:
        torch.manual_seed(0)
        built = {**architecture, "aux": aux} if aux else architecture
        covariates = Covariates(("age", "height_cm")[:aux], (60.0, 170.0)[:aux], (9.0, 8.0)[:aux]) if aux else None
        return Checkpoint(
            name="random",
            architecture=built,
            recipe=InputRecipe(spacing_mm=5.0, patch=patch, crop="lung-centre"),
            measures=tuple(Measure),
            members=tuple(
                Member(fold, TargetScaler((5.5, 2.6, 3.3, 4.9), (1.9, 0.8, 1.0, 1.2)), _weights(built), covariates)
                for fold in range(1, members + 1)
            ),
            training_domain=TrainingDomain(None, None, sharp_kernels=None, contrast=None),
            trained_on="nothing",
            intended_use="tests",
            demonstration_only=True,
            provenance=provenance or {},
            folder=folder,
        )

    return make


def _weights(architecture: dict[str, Any]) -> dict[str, np.ndarray]:
    state = network_of(architecture, outputs=4).state_dict()
    for name, value in state.items():
        if name.endswith("running_mean"):
            value.normal_(0.0, 0.1)
        elif name.endswith("running_var"):
            value.uniform_(0.5, 2.0)
        elif value.ndim == 1 and value.is_floating_point() and "norm" in name and name.endswith("weight"):
            value.uniform_(0.5, 1.5)  # some start at zero, and nothing of their branch would be compared
    return half_precision({name: value.numpy() for name, value in state.items()})
