"""What a frozen encoder makes of every scan, computed once and kept: the head is trained on it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from spiroct.batch.progress import Progress
from spiroct.networks.network import Network
from spiroct.training.datasets import Sample, ScanDataset
from spiroct.training.sealed_arrays import Entry, sealed_arrays
from spiroct.types import Float32Array


class FrozenFeatures(Dataset[Sample]):
    """Scans as the head of a network with a frozen encoder takes them: mean maps in the place of inputs.

    Parameters
    ----------
    scans : ScanDataset
        Inputs that are the same in every epoch.
    network : Network
        With its first weights.
    cache : Path or None
        Where mean maps are kept, keyed by the content of input and encoder; None keeps none.
    device : str
        Where the encoder runs, in float32 as for prediction.
    """

    def __init__(self, scans: ScanDataset, network: Network, cache: Path | None, device: str) -> None:
        encoder = _digest_of(network)
        network.to(device)
        progress = Progress(len(scans), "encoding")
        self.samples: list[Sample] = []
        for index in range(len(scans)):
            volume, beside, target = scans[index]

            def entry(volume: torch.Tensor = volume) -> Entry:
                return {"maps": _mean_maps(network, volume.to(device))}, {}

            known = hashlib.sha256(encoder + str(tuple(volume.shape)).encode() + volume.numpy().tobytes()).hexdigest()
            maps = (entry() if cache is None else sealed_arrays(cache / known[:32], "maps", entry))[0]["maps"]
            self.samples.append((torch.from_numpy(np.array(maps)), beside, target))
            progress.step(str(index + 1), 0)
        progress.end(0)
        network.to("cpu")

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, draw: int | tuple[int, int]) -> Sample:
        """Return mean maps (width, 1, 1, 1), covariates and targets of one scan, the same in every epoch."""
        return self.samples[draw[1] if isinstance(draw, tuple) else draw]


@torch.no_grad()
def _mean_maps(network: Network, volume: torch.Tensor) -> Float32Array:
    """Mean over positions (width, 1, 1, 1) of the maps of an input (1, z, y, x)."""
    maps = network.features(volume[None].contiguous(memory_format=torch.channels_last_3d))
    found: Float32Array = maps.mean(dim=(2, 3, 4), keepdim=True)[0].cpu().numpy()
    return found


def _digest_of(network: Network) -> bytes:
    """Digest of everything that is frozen: class, names, shapes and numbers, batch statistics among them."""
    head = network.head_alone()
    trained = set() if head is None else set(head.state_dict())
    digest = hashlib.sha256(type(network).__name__.encode())
    for name, value in network.state_dict().items():
        if name not in trained:
            digest.update(f"{name} {tuple(value.shape)}".encode())
            digest.update(np.ascontiguousarray(value.cpu().numpy()).tobytes())
    return digest.digest()
