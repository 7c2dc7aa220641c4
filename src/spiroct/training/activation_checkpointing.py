"""Memory for time: keep the activations between stages alone and compute the others again on the way back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


def checkpoint_stages(network: nn.Module) -> None:
    """Make the stages of a network (its first list of modules) forget their inner activations in training.

    Gradients are the same. Running statistics of batch norm are updated once, not again when activations are computed
    the second time.

    Parameters
    ----------
    network : Module
        Changed in place.

    Raises
    ------
    ValueError
        If the network is not built of stages.
    """
    stages = next((m for m in network.children() if isinstance(m, nn.ModuleList)), None)
    if stages is None:
        raise ValueError(f"{type(network).__name__} has no list of stages to checkpoint")
    for stage in list(stages)[:-1]:  # the last is the head, called piece by piece
        stage.forward = _forgetful(stage, stage.forward)


def _forgetful(stage: nn.Module, forward: Any) -> Any:
    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _frozen_statistics(stage)

    def run(*inputs: torch.Tensor) -> torch.Tensor:
        if not (torch.is_grad_enabled() and stage.training):
            return forward(*inputs)  # type: ignore[no-any-return]
        return checkpoint(forward, *inputs, use_reentrant=False, context_fn=contexts)  # type: ignore[no-any-return]

    return run


@contextmanager
def _frozen_statistics(stage: nn.Module) -> Iterator[None]:
    """Let batch norm normalise with the batch's statistics without counting the batch a second time."""
    norms = [m for m in stage.modules() if isinstance(m, _BatchNorm)]
    momenta = [m.momentum for m in norms]
    counts = [None if m.num_batches_tracked is None else m.num_batches_tracked.clone() for m in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum, count in zip(norms, momenta, counts, strict=True):
            norm.momentum = momentum
            if count is not None and norm.num_batches_tracked is not None:
                norm.num_batches_tracked.copy_(count)
