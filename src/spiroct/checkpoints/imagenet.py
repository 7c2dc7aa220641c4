"""ResNet-50 trained on photographs (ImageNet), as torchvision publishes it."""

from __future__ import annotations

from pathlib import Path

import torch

from spiroct.checkpoints.weight_files import fetched, read_torch_file, sha256_of, weights_folder
from spiroct.errors import CheckpointError, UsageError
from spiroct.networks.loading import LoadReport, fewer_channels, load_state
from spiroct.networks.network import Network
from spiroct.networks.resnet50_bilstm import ResNet50BiLSTM

# torchvision.models.ResNet50_Weights.IMAGENET1K_V1; the name carries the first digits of the file's SHA-256.
ADDRESS, BEGINS = "https://download.pytorch.org/models/resnet50-0676ba61.pth", "0676ba61"
ENCODER, STEM = "encoder.", "encoder.conv1.weight"


def load_imagenet(network: Network, *, weights: Path | None = None) -> LoadReport:
    """Start the slice encoder of ``resnet50_bilstm`` from torchvision's ImageNet weights.

    Parameters
    ----------
    network : Network
        A resnet50_bilstm; changed in place.
    weights : Path, optional
        torchvision's file; fetched where it is not given.

    Returns
    -------
    LoadReport
        What came over: the encoder, with the stem summed over red, green and blue; never the last layer.

    Raises
    ------
    UsageError
        If the network is another.
    CheckpointError
        If the file is no ResNet-50.
    """
    if not isinstance(network, ResNet50BiLSTM):
        raise UsageError(
            f"ImageNet weights for {type(network).__name__}",
            "they are those of the slices' ResNet-50",
            "use the network resnet50_bilstm, or start from scratch",
        )
    if weights is None:
        path, digest = fetched(ADDRESS, weights_folder(), begins=BEGINS)
    else:
        path, digest = weights, sha256_of(weights)
    found = read_torch_file(path)
    if not isinstance(found, dict) or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise CheckpointError(
            f"{path} is no state dictionary", "torchvision's weights are one", f"use the file of {ADDRESS}"
        )
    state = {f"{ENCODER}{name}": value for name, value in found.items()}
    reshaped = {}
    inputs = network.encoder.conv1.in_channels
    if (rgb := state.get(STEM)) is not None and rgb.shape[1] != inputs:
        state[STEM] = fewer_channels(rgb, inputs)
        reshaped[STEM] = f"{rgb.shape[1]} input channels summed, for {inputs}"
    report = load_state(
        network, state, source=f"ImageNet, {path.name}", reshaped=reshaped, file=path.name, sha256=digest
    )
    if absent := [name for name in report.missing if name.startswith(ENCODER)]:
        raise CheckpointError(
            f"{path} lacks {len(absent)} tensors of this encoder, {absent[0]} among them",
            "it is a ResNet-50",
            f"use the file of {ADDRESS}, and depths and width as they are",
        )
    return report
