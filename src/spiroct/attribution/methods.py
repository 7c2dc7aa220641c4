"""Attribution methods by name."""

from __future__ import annotations

from collections.abc import Callable

from spiroct.attribution.ablation import RegionAblation
from spiroct.attribution.integrated_gradients import IntegratedGradients
from spiroct.attribution.layers import AUTHORS_LAYER, FusedActivationMap, LayerActivationMap
from spiroct.attribution.method import Method
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
        raise UsageError(f"method {name!r}", f"the methods are {', '.join(METHODS)}", "use one of these")
    if layer is not None and name != "ram":
        raise UsageError(f"layer {layer!r} with method {name}", "only the method ram takes a layer", "leave it out")
    if name == "ram" and layer not in (None, POOL):
        gradients = "mean" if layer == AUTHORS_LAYER else "own"
        return lambda predictor: LayerActivationMap(predictor, layer=str(layer), gradients=gradients)  # type: ignore[arg-type]
    if name == "region-ablation" and anatomy is not None:
        return lambda predictor: RegionAblation(predictor, anatomy)
    return _PLAIN[name]


def _needs_anatomy(_: Predictor) -> Method:
    raise ValueError("region-ablation needs the anatomy of the scan")


_PLAIN: dict[str, Callable[[Predictor], Method]] = {
    "ram": RegressionActivationMap,
    "ram-fused": FusedActivationMap,
    "occlusion": Occlusion,
    "integrated-gradients": IntegratedGradients,
    "region-ablation": _needs_anatomy,
}
