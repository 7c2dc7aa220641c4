"""X3D trained on videos of human actions (Kinetics-400), as PyTorchVideo published it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch

from spiroct.checkpoints.weight_files import fetched, read_torch_file, sha256_of, weights_folder
from spiroct.errors import CheckpointError, UsageError
from spiroct.networks.loading import LoadReport, fewer_channels, load_state
from spiroct.networks.network import Network
from spiroct.networks.x3d import X3D

# pytorchvideo.models.hub.x3d, checkpoint_paths
ADDRESS = "https://dl.fbaipublicfiles.com/pytorchvideo/model_zoo/kinetics/X3D_{size}.pyth"
SPATIAL_STEM = "blocks.0.conv.conv_t.weight"

Stem = Literal["sum", "drop"]


def load_kinetics(network: Network, *, weights: Path | None = None, stem: Stem = "sum") -> LoadReport:
    """Start an X3D from PyTorchVideo's Kinetics weights of the same size.

    Parameters
    ----------
    network : Network
        An X3D; changed in place.
    weights : Path, optional
        PyTorchVideo's file; fetched where it is not given.
    stem : {"sum", "drop"}
        What becomes of the spatial stem convolution, which saw red, green and blue: summed over them, so that the
        volume is answered as a grey film; or left as initialised, as the authors of Jia 2023 do in their code.

    Returns
    -------
    LoadReport
        What came over; the last layer (400 actions) never does.

    Raises
    ------
    UsageError
        If the network is no X3D with batch norm, or the stem strategy is unknown.
    CheckpointError
        If the file is no checkpoint of an X3D of this size.
    """
    if not isinstance(network, X3D) or network.spec.norm != "batch":
        raise UsageError(
            f"Kinetics weights for {type(network).__name__}",
            "they are those of x3d with batch norm",
            "use the network x3d with norm = 'batch', or start from scratch",
        )
    if stem not in ("sum", "drop"):
        raise UsageError(f"stem strategy {stem!r}", "it is 'sum' or 'drop'", "use one of these")
    size = network.spec.size
    if weights is None:
        path, digest = fetched(ADDRESS.format(size=size), weights_folder())
    else:
        path, digest = weights, sha256_of(weights)
    state, withheld, reshaped = _model_state(path), [], {}
    if (rgb := state.get(SPATIAL_STEM)) is not None:
        if stem == "drop":
            withheld.append(SPATIAL_STEM)
            del state[SPATIAL_STEM]
        elif network.spec.inputs != rgb.shape[1]:
            state[SPATIAL_STEM] = fewer_channels(rgb, network.spec.inputs)
            reshaped[SPATIAL_STEM] = f"{rgb.shape[1]} input channels summed, for {network.spec.inputs}"
    source = f"Kinetics, {path.name} (stem: {stem})"
    head = tuple(name for name in state if name.startswith(f"{network.last_layer}."))
    withheld += head
    report = load_state(
        network,
        {name: value for name, value in state.items() if name not in head},
        source=source,
        reshaped=reshaped,
        withheld=withheld,
        file=path.name,
        sha256=digest,
    )
    if absent := report.lacking(f"{network.last_layer}.", SPATIAL_STEM):
        raise CheckpointError(
            f"{path} lacks {len(absent)} tensors of X3D-{size}, {absent[0]} among them",
            "XS, S and M share one network, L is deeper",
            f"use X3D_{size}.pyth of PyTorchVideo's model zoo",
        )
    return report


def _model_state(path: Path) -> dict[str, torch.Tensor]:
    found = read_torch_file(path)
    state = found.get("model_state") if isinstance(found, dict) else None
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise CheckpointError(
            f"{path} has no table 'model_state' of tensors",
            "PyTorchVideo's Kinetics checkpoints have one",
            "use X3D_XS.pyth, X3D_S.pyth, X3D_M.pyth or X3D_L.pyth of its model zoo",
        )
    return dict(state)
