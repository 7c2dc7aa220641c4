"""The networks of a checkpoint as PyTorch modules that can be differentiated and looked into."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from spiroct.checkpoints.checkpoint import Checkpoint, Member
from spiroct.networks.build import network_of
from spiroct.networks.network import Network
from spiroct.types import Float32Array, Float64Array


def aux_of(member: Member, readings: Mapping[str, float]) -> Float64Array | None:
    """Standardised covariates (covariates,) of one network; None where it takes none."""
    if member.covariates is None:
        return None
    known = dict.fromkeys(member.covariates.names, float("nan")) | dict(readings)
    return member.covariates.standardised(known)


def network_of_member(checkpoint: Checkpoint, member: Member) -> Network:
    """Build one member's network in float32, with fixed weights."""
    network = network_of(checkpoint.architecture, outputs=len(checkpoint.measures))
    state = {name: torch.from_numpy(value.copy()) for name, value in member.weights.items()}
    network.load_state_dict({n: v.float() if v.is_floating_point() else v for n, v in state.items()})
    return network.eval().requires_grad_(requires_grad=False)


def aux_tensor(member: Member, readings: Mapping[str, float]) -> torch.Tensor | None:
    """Standardised covariates (1, covariates) of one network; None where it takes none."""
    aux = aux_of(member, readings)
    return None if aux is None else torch.from_numpy(aux.astype(np.float32))[None]


def pool_features(checkpoint: Checkpoint, array: Float32Array, readings: Mapping[str, float]) -> Float32Array:
    """Features (members, width, z, y, x) at the pool's input, of one input (channels, z, y, x)."""
    del readings  # they enter behind the pool
    volume = torch.from_numpy(array)[None]
    with torch.inference_mode():
        found = [network_of_member(checkpoint, member).features(volume)[0].numpy() for member in checkpoint.members]
    return np.stack(found)


@contextmanager
def watched(network: Network, names: tuple[str, ...]) -> Iterator[dict[str, torch.Tensor]]:
    """Keep the outputs of submodules while the block runs, by name."""
    seen: dict[str, torch.Tensor] = {}

    def keep(name: str) -> object:
        def hook(_: nn.Module, __: object, output: torch.Tensor) -> None:
            seen[name] = output

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
