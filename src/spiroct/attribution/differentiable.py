"""The networks of a checkpoint as PyTorch modules that can be differentiated and looked into."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from spiroct.attribution.members import aux_of
from spiroct.checkpoints.checkpoint import Checkpoint, Member
from spiroct.inference.engines.members import networks_of
from spiroct.networks.network import Network

VOXELS_AT_ONCE = 2**21


def frozen_networks(checkpoint: Checkpoint) -> list[Network]:
    """Build every member's network in float32, ready to be differentiated by its input and not by its weights."""
    return [network.requires_grad_(requires_grad=False) for network in networks_of(checkpoint)]


def aux_tensor(member: Member, readings: Mapping[str, float]) -> torch.Tensor | None:
    """Standardised covariates (1, covariates) of one network; None where it takes none."""
    aux = aux_of(member, readings)
    return None if aux is None else torch.from_numpy(aux.astype(np.float32))[None]


def at_once(volume: torch.Tensor, most: int) -> int:
    """How many copies of a volume (1, channels, z, y, x) to differentiate in one batch: what memory easily holds.

    One thread of PyTorch convolves a batch of two or more three to four times as fast as one volume after the other.
    """
    return int(np.clip(VOXELS_AT_ONCE // volume.numel(), 1, most))


@contextmanager
def watched(network: Network, names: tuple[str, ...]) -> Iterator[dict[str, torch.Tensor]]:
    """Keep the outputs of submodules while the block runs, by name, ready for gradients by them."""
    seen: dict[str, torch.Tensor] = {}

    def keep(name: str) -> object:
        def hook(_: nn.Module, __: object, output: torch.Tensor) -> torch.Tensor:
            # Nothing before the first of them is differentiated.
            seen[name] = output if output.requires_grad else output.detach().requires_grad_()
            return seen[name]

        return hook

    hooks = [network.get_submodule(name).register_forward_hook(keep(name)) for name in names]  # type: ignore[arg-type]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def convolutions_in_order(network: Network, volume: torch.Tensor) -> list[str]:
    """Names of the convolutions in the order in which the features pass them."""
    order: list[str] = []
    names = {id(m): name for name, m in network.named_modules() if isinstance(m, nn.Conv3d)}

    def note(module: nn.Module, *_: object) -> None:
        order.append(names[id(module)])

    hooks = [m.register_forward_hook(note) for m in network.modules() if isinstance(m, nn.Conv3d)]
    try:
        with torch.inference_mode():
            network.features(volume)
    finally:
        for hook in hooks:
            hook.remove()
    return order
