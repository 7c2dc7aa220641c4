"""Networks by name: from the plain data of a recipe or a checkpoint to a module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from spiroct.errors import UsageError
from spiroct.networks.network import Network


def _x3d() -> tuple[type[Any], Callable[[Any], Network]]:
    from spiroct.networks.x3d import X3D, X3DSpec

    return X3DSpec, X3D


def _resnet3d() -> tuple[type[Any], Callable[[Any], Network]]:
    from spiroct.networks.resnet3d import ResNet3D, ResNet3DSpec

    return ResNet3DSpec, ResNet3D


def _i3d() -> tuple[type[Any], Callable[[Any], Network]]:
    from spiroct.networks.i3d import I3D, I3DSpec

    return I3DSpec, I3D


def _i3d_resnet152() -> tuple[type[Any], Callable[[Any], Network]]:
    from spiroct.networks.i3d_resnet import I3DResNet, I3DResNetSpec

    return I3DResNetSpec, I3DResNet


def _resnet50_bilstm() -> tuple[type[Any], Callable[[Any], Network]]:
    from spiroct.networks.resnet50_bilstm import ResNet50BiLSTM, ResNet50BiLSTMSpec

    return ResNet50BiLSTMSpec, ResNet50BiLSTM


# Of each network, what imports its specification and itself when it is asked for.
_REGISTRY: dict[str, Callable[[], tuple[type[Any], Callable[[Any], Network]]]] = {
    "x3d": _x3d,
    "resnet3d": _resnet3d,
    "i3d": _i3d,
    "i3d_resnet152": _i3d_resnet152,
    "resnet50_bilstm": _resnet50_bilstm,
}
NETWORKS = tuple(_REGISTRY)


def network_of(architecture: dict[str, Any], *, outputs: int) -> Network:
    """Build a network.

    Parameters
    ----------
    architecture : dict
        ``{"name": "x3d", ...}`` with the arguments of that network's specification; ``aux`` is the number of
        covariates that ``forward(volume, aux)`` takes beside the volume, 0 where it is not given.
    outputs : int
        Number of measures.

    Raises
    ------
    UsageError
        If the network is not known, or has no such argument or value.
    """
    name = architecture.get("name")
    if name not in _REGISTRY:
        raise UsageError(f"network {name!r}", f"the networks are {', '.join(NETWORKS)}", "use one of these")
    specification, build = _REGISTRY[name]()
    arguments = {key: value for key, value in architecture.items() if key != "name"}
    known = [field.name for field in fields(specification) if field.name != "outputs"]
    if unknown := sorted(set(arguments) - set(known)):
        raise UsageError(
            f"network {name} has no {', '.join(unknown)}", f"its arguments are {', '.join(known)}", "use these"
        )
    try:
        return build(specification(outputs=outputs, **arguments))
    except ValueError as fault:
        raise UsageError(
            f"network {name} cannot be built ({fault})", "its arguments have limits", "change this one"
        ) from None
