"""Activation checkpointing (Chen 2016, arXiv 1604.06174): compute a block twice rather than keep what is inside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


def checkpointed(block: nn.Module, maps: torch.Tensor) -> torch.Tensor:
    """Run a block without keeping its inner activations; the backward pass computes them again.

    The second computation leaves batch norm's running statistics alone: they are those of a run without checkpointing.
    The block must not draw random numbers.
    """
    result: torch.Tensor = checkpoint(
        block, maps, use_reentrant=False, preserve_rng_state=False, context_fn=lambda: (nullcontext(), _again(block))
    )
    return result


def _again(block: nn.Module) -> AbstractContextManager[None]:
    return _running_statistics_kept([m for m in block.modules() if isinstance(m, _BatchNorm)])


@contextmanager
def _running_statistics_kept(norms: list[_BatchNorm]) -> Iterator[None]:
    momenta = [norm.momentum for norm in norms]
    counts = [norm.num_batches_tracked for norm in norms]
    for norm, count in zip(norms, counts, strict=True):
        norm.momentum = 0.0
        norm.num_batches_tracked = None if count is None else count.clone()
    try:
        yield
    finally:
        for norm, momentum, count in zip(norms, momenta, counts, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, count
