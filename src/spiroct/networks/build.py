"""Networks by name: from the plain data of a recipe or a checkpoint to a module."""

from __future__ import annotations

from typing import Any

from torch import nn

from spiroct.errors import UsageError

NETWORKS = ("x3d",)


def network_of(architecture: dict[str, Any], *, outputs: int) -> nn.Module:
    """Build a network.

    Parameters
    ----------
    architecture : dict
        ``{"name": "x3d", ...}`` with the arguments of that network's specification.
    outputs : int
        Number of measures.

    Raises
    ------
    UsageError
        If the network is not known.
    """
    arguments = {key: value for key, value in architecture.items() if key != "name"}
    if architecture.get("name") != "x3d":
        raise UsageError(
            f"network {architecture.get('name')!r}", f"the networks are {', '.join(NETWORKS)}", "use one of these"
        )
    from spiroct.networks.x3d import X3D, X3DSpec

    return X3D(X3DSpec(outputs=outputs, **arguments))
