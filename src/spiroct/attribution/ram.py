"""RAM-3D in closed form: from a network's features and its head's weights to the map, in plain numpy.

Whichever engine ran the network: it returns the features at the input of the global average pool, and the rest is a
product of two arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spiroct.attribution.cells import cell_centres, even_spread, spread
from spiroct.attribution.members import aux_of
from spiroct.attribution.method import Method, Subject
from spiroct.errors import UsageError
from spiroct.pft.measures import Measure
from spiroct.types import AnyArray, Float32Array, Float64Array

_WITH_LAST_LINEAR = ("resnet3d", "i3d", "i3d_resnet152")


def activation_map(features: AnyArray, weights: Float64Array) -> Float64Array:
    """Regression activation maps of one network (RAM-3D, Jia 2023, section II.C; after Selvaraju 2017).

    The gradient of an output with respect to features behind a global average pool is the same at every place, so
    that the map is a weighted sum of the features: no ReLU, no min-max. Its mean plus the bias is the output.

    Parameters
    ----------
    features : array (width, z, y, x)
        At the input of the global average pool.
    weights : array (outputs, width)
        From :func:`linear_head`.

    Returns
    -------
    array (outputs, z, y, x)
    """
    found: Float64Array = np.tensordot(np.asarray(weights, np.float64), np.asarray(features, np.float64), axes=1)
    return found


def linear_head(
    architecture: Mapping[str, Any], state: Mapping[str, AnyArray], features: AnyArray, aux: AnyArray | None = None
) -> tuple[Float64Array, Float64Array]:
    """Weights and bias by which a head turns pooled features into outputs, at this input.

    A head of linear layers and ReLUs is linear around every input; which of its units are on is read from the
    features. ``output = weights @ mean(features) + bias``, exactly.

    Parameters
    ----------
    architecture : mapping
        The checkpoint's.
    state : mapping of str to array
        State dictionary of the network, of any precision.
    features : array (width, z, y, x)
        At the input of the pool.
    aux : array (covariates,), optional
        Standardised readings, where the network takes them; what they add is part of the bias.

    Returns
    -------
    weights : array (outputs, width)
    bias : array (outputs,)

    Raises
    ------
    UsageError
        If the network has no global average pool before its head.
    """

    def weight(name: str) -> Float64Array:
        return np.asarray(state[name].astype(np.float32), np.float64)  # as the networks hold it

    name = architecture["name"]
    pooled = np.asarray(features, np.float64).mean(axis=(1, 2, 3))
    if name in _WITH_LAST_LINEAR:
        last, bias = weight("fc.weight"), weight("fc.bias")
        inner, offset = np.eye(len(pooled)), np.zeros(len(pooled))
        if architecture.get("hidden"):
            inner, offset = weight("hidden.weight"), weight("hidden.bias")
            on = (inner @ pooled + offset > 0).astype(np.float64)
            inner, offset = inner * on[:, None], offset * on
    elif name == "x3d" and architecture.get("pooling", "global") == "global":
        last, bias = weight("blocks.5.proj.weight"), weight("blocks.5.proj.bias")
        inner = weight("blocks.5.pool.post_conv.weight")[:, :, 0, 0, 0]
        offset = np.zeros(len(inner))
        inner = inner * (inner @ pooled > 0)[:, None]
    else:
        kind = name if name != "x3d" else "x3d with the authors' pooling"
        raise UsageError(
            f"RAM at the pool's input of {kind}", "it needs a global average pool before the head", "use --layer last"
        )
    own = last[:, : len(inner)]
    beside = last[:, len(inner) :] @ np.asarray(aux, np.float64) if aux is not None else 0.0
    return own @ inner, own @ offset + bias + beside


class RegressionActivationMap(Method):
    """RAM-3D at the input of the global average pool: exact, coarse, and next to free."""

    name = "ram"
    layer = "pool"

    def maps(self, subject: Subject, measures: Sequence[Measure]) -> tuple[Float32Array, Float64Array, Float32Array]:
        """Attribute standardised outputs (see :meth:`Method.maps`)."""
        found, bias = self.cells(subject, measures)
        centres = cell_centres(self.checkpoint.architecture, subject.patch, found.shape[2:])
        return spread(found, centres, subject.patch), bias, even_spread(centres, subject.patch)

    def cells(self, subject: Subject, measures: Sequence[Measure]) -> tuple[Float64Array, Float64Array]:
        """Return maps (members, measures, z, y, x) on the cells of the layer, and bias (members, measures)."""
        columns = [self.checkpoint.measures.index(m) for m in measures]
        cells, biases = [], []
        for member, features in zip(self.checkpoint.members, subject.estimates.features, strict=True):
            aux = aux_of(member, subject.readings)
            weights, bias = linear_head(self.checkpoint.architecture, member.weights, features, aux)
            cells.append(activation_map(features, weights[columns]))
            biases.append(bias[columns])
        return np.stack(cells), np.stack(biases)
