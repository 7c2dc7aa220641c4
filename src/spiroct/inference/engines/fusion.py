"""Batch normalisations folded into the convolutions before them: fewer passes over the maps, the same numbers."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_batch_norms(network: nn.Module, example: torch.Tensor, covariates: torch.Tensor | None = None) -> int:
    """Fold every batch normalisation whose input is a convolution's output, in place.

    Which follows which is seen in one pass and not read from names, so that it holds for any network.

    Parameters
    ----------
    network : Module
        In evaluation mode.
    example : tensor (batch, channels, z, y, x)
        An input of the right kind; its values do not matter.
    covariates : tensor (batch, covariates), optional
        Where the network takes them.

    Returns
    -------
    int
        How many were folded.
    """
    made: dict[int, tuple[torch.Tensor, str]] = {}  # output of a convolution, kept so that its id stays its own
    pairs: list[tuple[str, str]] = []

    def after(name: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
            if isinstance(module, (nn.Conv2d, nn.Conv3d)):
                made[id(output)] = (output, name)
            elif id(inputs[0]) in made:
                pairs.append((made[id(inputs[0])][1], name))

        return hook

    kinds = (nn.Conv2d, nn.Conv3d, nn.BatchNorm2d, nn.BatchNorm3d)
    hooks = [m.register_forward_hook(after(n)) for n, m in network.named_modules() if isinstance(m, kinds)]
    try:
        with torch.inference_mode():
            network(example) if covariates is None else network(example, covariates)
    finally:
        for hook in hooks:
            hook.remove()
    for convolution, norm in pairs:
        fused = fuse_conv_bn_eval(network.get_submodule(convolution), network.get_submodule(norm))  # type: ignore[type-var, arg-type]
        network.set_submodule(convolution, fused)
        network.set_submodule(norm, nn.Identity())
    return len(pairs)
