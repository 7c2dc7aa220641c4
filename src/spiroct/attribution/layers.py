"""RAM-3D at other layers: the authors' convolution, earlier stages for finer places, and the fusion of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import nn

from spiroct.attribution.cells import cell_centres, even_spread, spread
from spiroct.attribution.differentiable import at_once, aux_tensor, convolutions_in_order, frozen_networks, watched
from spiroct.attribution.method import AUTHORS_LAYER, Method, Subject
from spiroct.attribution.ram import RegressionActivationMap
from spiroct.errors import UsageError
from spiroct.inference.predictor import Predictor
from spiroct.networks.network import Network
from spiroct.networks.resnet3d import ResNet3D
from spiroct.networks.x3d import X3D
from spiroct.pft.measures import Measure
from spiroct.types import Float32Array, Float64Array

LEAST_WEIGHT = 0.05  # of the mean: no place of a cell is left without any share


class LayerActivationMap(Method):
    """Grad-CAM of an output node at any layer (Selvaraju 2017), without ReLU and without min-max.

    At the pool's input this is :class:`RegressionActivationMap`; at any other layer what normalisations add is lost,
    and ``completeness_error`` says how much.

    Parameters
    ----------
    predictor : Predictor
    layer : str
        Name of a submodule, or ``"last-convolution"``: the last one before the pool and before its normalisation,
        which in X3D is the authors' layer (432 channels).
    gradients : {"mean", "own"}
        Channel weights averaged over all places, as Grad-CAM has them; or every place's own gradient (Draelos 2020,
        "HiResCAM"), which earlier layers need, where gradients differ from place to place.
    """

    name = "ram-layer"

    def __init__(
        self, predictor: Predictor, *, layer: str = AUTHORS_LAYER, gradients: Literal["mean", "own"] = "mean"
    ) -> None:
        super().__init__(predictor)
        self.layer = layer
        self.gradients = gradients
        self._networks = frozen_networks(self.checkpoint)
        self._module: str | None = None
        network = self._networks[0]
        if layer != AUTHORS_LAYER and (not layer or layer not in dict(network.named_modules())):
            stages = ", ".join(("pool", AUTHORS_LAYER, *earlier_stages(network)))
            raise UsageError(f"layer {layer!r}", f"the layers are {stages} and other submodules", "use one")

    def maps(self, subject: Subject, measures: Sequence[Measure]) -> tuple[Float32Array, Float64Array, Float32Array]:
        """Attribute standardised outputs (see :meth:`Method.maps`)."""
        found, biases = [], []
        for member, network in zip(self.checkpoint.members, self._networks, strict=True):
            volume = torch.from_numpy(subject.prepared.array)[None]
            aux = aux_tensor(member, subject.readings)
            if self._module is None:
                self._module = self._name(network, volume)
            columns = self._columns(measures)
            (cells,) = gradient_times_activation(network, volume, aux, (self._module,), columns, self.gradients)
            self.passes += 1 + len(measures)
            centres = cell_centres(self.checkpoint.architecture, subject.patch, cells.shape[1:])
            found.append(spread(cells, centres, subject.patch))
            biases.append(_empty_head(network, subject.estimates.features.shape[1:], aux)[columns])
        return np.stack(found), np.stack(biases), even_spread(centres, subject.patch)

    def _columns(self, measures: Sequence[Measure]) -> list[int]:
        return [self.checkpoint.measures.index(m) for m in measures]

    def _name(self, network: Network, volume: torch.Tensor) -> str:
        if self.layer == AUTHORS_LAYER:
            return convolutions_in_order(network, volume)[-1]
        return last_block(network, self.layer)


class FusedActivationMap(Method):
    """RAM at the pool, its cells' contributions laid where earlier layers are active.

    Within every cell of the pool the contribution goes to voxels in proportion to the geometric mean, over earlier
    stages, of |gradient times activation|. What a cell contributes stays in its surroundings and keeps its sum, so
    that the map is as complete as RAM at the pool; where inside a cell is a guess from the finer layers.
    """

    name = "ram-fused"
    layer = "pool and earlier stages"

    def __init__(self, predictor: Predictor) -> None:
        super().__init__(predictor)
        self._networks = frozen_networks(self.checkpoint)

    def maps(self, subject: Subject, measures: Sequence[Measure]) -> tuple[Float32Array, Float64Array, Float32Array]:
        """Attribute standardised outputs (see :meth:`Method.maps`)."""
        architecture = self.checkpoint.architecture
        columns = [self.checkpoint.measures.index(m) for m in measures]
        pool = RegressionActivationMap(self.predictor)
        cells, bias = pool.cells(subject, measures)
        centres = cell_centres(architecture, subject.patch, cells.shape[2:])
        found = []
        for own, member, network in zip(cells, self.checkpoint.members, self._networks, strict=True):
            stages = earlier_stages(network)
            if not stages:
                raise UsageError(
                    f"method {self.name} of network {architecture['name']}",
                    "it knows the stages of resnet3d and x3d",
                    "use the method ram",
                )
            volume, aux = torch.from_numpy(subject.prepared.array)[None], aux_tensor(member, subject.readings)
            finer = gradient_times_activation(network, volume, aux, stages, columns, "own")
            self.passes += 1 + len(measures)
            logs = np.zeros((len(measures), *subject.patch))
            for layer in finer:
                at = cell_centres(architecture, subject.patch, layer.shape[1:])
                weight = spread(np.abs(layer), at, subject.patch).astype(np.float64)
                mean = weight.mean(axis=(1, 2, 3), keepdims=True)
                logs += np.log(weight / np.where(mean > 0, mean, 1.0) + LEAST_WEIGHT)
            found.append(spread(own, centres, subject.patch, weights=np.exp(logs / len(finer))))
        return np.stack(found), bias, even_spread(centres, subject.patch)


def earlier_stages(network: Network) -> tuple[str, ...]:
    """Name the layers of resnet3d and x3d whose cells are finer than the pool's, fine ones first; none of others."""
    if isinstance(network, ResNet3D):
        filled = [f"stages.{i}" for i, stage in enumerate(network.stages) if list(stage.children())]
        return tuple(last_block(network, name) for name in ("stem", *filled[:-1]))
    if isinstance(network, X3D):
        return tuple(last_block(network, f"blocks.{i}") for i in (1, 2, 3))
    return ()


def last_block(network: Network, name: str) -> str:
    """Name the last block of a stage, for networks run stages block by block; any other module's own name."""
    module = network.get_submodule(name)
    if hasattr(module, "res_blocks"):
        name, module = f"{name}.res_blocks", module.res_blocks  # type: ignore[assignment]
    if isinstance(module, (nn.Sequential, nn.ModuleList)) and len(module):
        return f"{name}.{len(module) - 1}"
    return name


def gradient_times_activation(
    network: Network,
    volume: torch.Tensor,
    aux: torch.Tensor | None,
    layers: Sequence[str],
    columns: Sequence[int],
    gradients: Literal["mean", "own"],
) -> list[Float64Array]:
    """Gradient times activation of outputs, summed over channels, so scaled that the mean over the cells is the sum.

    Parameters
    ----------
    network : Network
    volume : tensor (1, channels, z, y, x)
    aux : tensor (1, covariates), optional
    layers : sequence of str
        Submodules whose outputs are (1, width, z, y, x).
    columns : sequence of int
        Outputs.
    gradients : {"mean", "own"}
        Averaged over places, or each place's own.

    Returns
    -------
    list of array (columns, z, y, x)
        One for each layer.
    """
    copies = at_once(volume, max(2, len(columns)))
    with watched(network, tuple(layers)) as seen:
        outputs = network(volume.expand(copies, -1, -1, -1, -1), None if aux is None else aux.expand(copies, -1))
        active = [seen[name] for name in layers]
    found: list[list[Float64Array]] = [[] for _ in layers]
    for start in range(0, len(columns), copies):  # a copy of the volume for each output: one backward pass for several
        part = columns[start : start + copies]
        total = torch.stack([outputs[i, column] for i, column in enumerate(part)]).sum()
        slopes = torch.autograd.grad(total, active, retain_graph=True)
        for i, (slope, maps) in enumerate(zip(slopes, active, strict=True)):
            size = maps[0, 0].numel()
            weight = slope.mean(dim=(2, 3, 4), keepdim=True) if gradients == "mean" else slope
            product: Float64Array = ((weight * maps).sum(dim=1) * size).detach().double().numpy()
            found[i].extend(product[: len(part)])
    return [np.stack(maps) for maps in found]


def _empty_head(network: Network, shape: tuple[int, ...], aux: torch.Tensor | None) -> Float64Array:
    """Return the outputs (outputs,) where no feature is active: the projection's bias."""
    with torch.inference_mode():
        result: Float64Array = network.head(torch.zeros(1, *shape), aux)[0].double().numpy()
    return result
