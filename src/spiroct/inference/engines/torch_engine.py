"""PyTorch: in eager mode, the reference that every other engine is held against; fused; on a GPU in half precision."""

from __future__ import annotations

import numpy as np
import torch

from spiroct.checkpoints.checkpoint import Checkpoint
from spiroct.inference.engines.engine import NetworkOutputs
from spiroct.inference.engines.fusion import fold_batch_norms
from spiroct.inference.engines.members import networks_of
from spiroct.networks.convolution import lay_out_channels_last
from spiroct.networks.network import Network
from spiroct.types import Float32Array, Float64Array


class TorchEngine:
    """Runs a checkpoint's networks in eager mode, float32.

    Parameters
    ----------
    checkpoint : Checkpoint
        Whose networks.
    threads : int, optional
        Threads of the processor, for the whole process; as PyTorch has them by default.
    """

    name = "torch"

    def __init__(self, checkpoint: Checkpoint, *, threads: int | None = None) -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        self._networks = networks_of(checkpoint)
        self.description = f"torch {torch.__version__}, float32"

    def run(self, batch: Float32Array, covariates: tuple[Float32Array, ...] | None = None) -> NetworkOutputs:
        """Return outputs and features of inputs (batch, channels, z, y, x)."""
        volume = self._placed(torch.from_numpy(batch))
        beside = [None] * len(self._networks) if covariates is None else [torch.from_numpy(c) for c in covariates]
        outputs, features = [], []
        with torch.inference_mode():
            for network, readings in zip(self._networks, beside, strict=True):
                maps = network.features(volume)
                head = network.head(maps, None if readings is None else readings.to(maps))
                outputs.append(head.double().cpu().numpy())
                features.append(maps.float().contiguous().cpu().numpy())
        values: Float64Array = np.stack(outputs)
        return NetworkOutputs(values, np.stack(features))

    def _placed(self, volume: torch.Tensor) -> torch.Tensor:
        """Bring an input to where and how the networks take it."""
        return volume


class FusedTorchEngine(TorchEngine):
    """The same with batch normalisations folded into convolutions and the channels last in memory."""

    name = "torch-fused"

    def __init__(self, checkpoint: Checkpoint, *, threads: int | None = None) -> None:
        super().__init__(checkpoint, threads=threads)
        for network in self._networks:
            fold_batch_norms(network, *_example(checkpoint, network))
            lay_out_channels_last(network)
        self.description = f"torch {torch.__version__}, fused, float32"

    def _placed(self, volume: torch.Tensor) -> torch.Tensor:
        return volume.contiguous(memory_format=torch.channels_last_3d)


class CudaEngine(TorchEngine):
    """On an NVIDIA GPU in half precision, with batch normalisations folded in float32 beforehand."""

    name = "cuda"

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(checkpoint)
        for network in self._networks:
            fold_batch_norms(network, *_example(checkpoint, network))
            network.to("cuda", torch.float16)
            lay_out_channels_last(network)
        self.description = f"torch {torch.__version__}, {torch.cuda.get_device_name()}, float16"

    def _placed(self, volume: torch.Tensor) -> torch.Tensor:
        return volume.to("cuda", torch.float16, memory_format=torch.channels_last_3d)


def _example(checkpoint: Checkpoint, network: Network) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return an input of the checkpoint's patch, and covariates where the network takes them."""
    volume = torch.zeros(1, int(checkpoint.architecture.get("inputs", 1)), *checkpoint.recipe.patch)
    return volume, torch.zeros(1, network.aux) if network.aux else None
