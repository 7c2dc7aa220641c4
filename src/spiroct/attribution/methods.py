"""Attribution methods by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from spiroct.attribution.ablation import RegionAblation
from spiroct.attribution.method import AUTHORS_LAYER, Method
from spiroct.attribution.occlusion import Occlusion
from spiroct.attribution.ram import RegressionActivationMap
from spiroct.attribution.regions import Anatomy
from spiroct.errors import UsageError
from spiroct.inference.predictor import Predictor

POOL = "pool"

METHODS: dict[str, str] = {
    "ram": "RAM-3D at the input of the global average pool, or at --layer",
    "ram-fused": "RAM-3D at the pool, laid out inside its cells by earlier layers",
    "occlusion": "boxes of 80 mm covered in turn",
    "region-ablation": "anatomical regions replaced in turn by their surround",
    "integrated-gradients": "gradients along the way from an empty scan",
}


def make_method(
    name: str, *, layer: str | None = None, anatomy: Anatomy | None = None
) -> Callable[[Predictor], Method]:
    """Find what makes a method for a predictor.

    Parameters
    ----------
    name : str
        One of ``METHODS``.
    layer : str, optional
        For ``ram``: ``"pool"`` (default), ``"last-convolution"`` (the authors' layer), or a submodule.
    anatomy : Anatomy, optional
        For ``region-ablation``.

    Raises
    ------
    UsageError
        If the method is not known, or takes no layer.
    """
    if name not in METHODS:
        raise UsageError.unknown("method", name, METHODS)
    if layer is not None and name != "ram":
        raise UsageError(f"layer {layer!r} with method {name}", "only the method ram takes a layer", "leave it out")
    if name == "ram" and layer not in (None, POOL):
        gradients: Literal["mean", "own"] = "mean" if layer == AUTHORS_LAYER else "own"
        return lambda predictor: _layer_map(predictor, str(layer), gradients)
    if name == "region-ablation" and anatomy is not None:
        return lambda predictor: RegionAblation(predictor, anatomy)
    return _PLAIN[name]


# What differentiates networks imports PyTorch, which a prediction with maps of the pool does without.
def _layer_map(predictor: Predictor, layer: str, gradients: Literal["mean", "own"]) -> Method:
    from spiroct.attribution.layers import LayerActivationMap

    return LayerActivationMap(predictor, layer=layer, gradients=gradients)


def _fused_map(predictor: Predictor) -> Method:
    from spiroct.attribution.layers import FusedActivationMap

    return FusedActivationMap(predictor)


def _integrated_gradients(predictor: Predictor) -> Method:
    from spiroct.attribution.integrated_gradients import IntegratedGradients

    return IntegratedGradients(predictor)


def _needs_anatomy(_: Predictor) -> Method:
    raise ValueError("region-ablation needs the anatomy of the scan")


_PLAIN: dict[str, Callable[[Predictor], Method]] = {
    "ram": RegressionActivationMap,
    "ram-fused": _fused_map,
    "occlusion": Occlusion,
    "integrated-gradients": _integrated_gradients,
    "region-ablation": _needs_anatomy,
}
