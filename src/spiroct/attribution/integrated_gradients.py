"""Integrated gradients (Sundararajan 2017), by captum."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch

from spiroct.attribution.differentiable import at_once, aux_tensor, frozen_networks
from spiroct.attribution.method import AIR, Method, Subject
from spiroct.inference.predictor import Predictor
from spiroct.networks.network import Network
from spiroct.pft.measures import Measure
from spiroct.types import Float32Array, Float64Array

STEPS = 16


class IntegratedGradients(Method):
    """Gradients along the straight way from an empty scan to this one; complete as the number of steps grows.

    Parameters
    ----------
    predictor : Predictor
    steps : int
        Of the way; a forward and a backward pass each.
    baseline : float
        Value of the empty scan, -1 to 1.
    """

    name = "integrated-gradients"

    def __init__(self, predictor: Predictor, *, steps: int = STEPS, baseline: float = AIR) -> None:
        super().__init__(predictor)
        self.steps = steps
        self.baseline = baseline

    def maps(self, subject: Subject, measures: Sequence[Measure]) -> tuple[Float32Array, Float64Array, Float32Array]:
        """Attribute standardised outputs (see :meth:`Method.maps`)."""
        from captum.attr import IntegratedGradients as Captum

        columns = [self.checkpoint.measures.index(m) for m in measures]
        voxels = float(np.prod(subject.patch))
        volume = torch.from_numpy(subject.prepared.array)[None]
        empty = torch.full_like(volume, self.baseline)
        found, biases = [], []
        for member, network in zip(self.checkpoint.members, frozen_networks(self.checkpoint), strict=True):
            aux = aux_tensor(member, subject.readings)
            with torch.inference_mode():
                biases.append(network(empty, aux)[0].double().numpy()[columns])
            method = Captum(partial(_run, network, aux))
            each = [
                method.attribute(
                    volume.clone().requires_grad_(),
                    empty,
                    target=column,
                    n_steps=self.steps,
                    method="gausslegendre",
                    internal_batch_size=at_once(volume, self.steps),
                )
                for column in columns
            ]
            self.passes += 1 + 2 * self.steps * len(columns)
            found.append(np.stack([part.detach().sum(dim=1)[0].double().numpy() * voxels for part in each]))
        even = np.ones(subject.patch, np.float32)
        return np.stack(found).astype(np.float32), np.stack(biases), even


def _run(network: Network, aux: torch.Tensor | None, batch: torch.Tensor) -> torch.Tensor:
    """Return the outputs (batch, outputs) of steps of the way, all with the same covariates."""
    outputs: torch.Tensor = network(batch, None if aux is None else aux.expand(len(batch), -1))
    return outputs
