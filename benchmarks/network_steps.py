"""How long a training step takes: forward and backward of a batch of 8 at 64 x 64 x 80 voxels, in both memory formats.

Run: ``python -m benchmarks.network_steps [threads]``. Networks take turns, so that a busy machine slows all alike.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import torch

from spiroct.networks.build import network_of

NETWORKS: dict[str, dict[str, Any]] = {
    "x3d M, z stride 2": {"name": "x3d", "z_stride": 2},
    "resnet3d 16, 1 1 1 1": {"name": "resnet3d"},
    "resnet3d 16, 1 1 1 1, group": {"name": "resnet3d", "norm": "group"},
    "resnet3d 16, 2 2 2 2": {"name": "resnet3d", "depths": [2, 2, 2, 2]},
    "resnet3d 24, 1 1 1 1": {"name": "resnet3d", "width": 24},
    "resnet3d 32, 1 1 1 1": {"name": "resnet3d", "width": 32},
    "resnet3d 8, 1 1 2 2": {"name": "resnet3d", "width": 8, "depths": [1, 1, 2, 2]},
}
FORMATS = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last_3d}
ROUNDS = 4
# resnet3d is there to be faster than X3D-M; this share of its time is a failure.
LIMIT = 0.5


def measure(threads: int = 1) -> tuple[dict[str, object], bool]:
    """Time every network; tell the seconds (best of the rounds), and whether the plain resnet3d is too slow."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    volume, target = torch.randn(8, 1, 64, 64, 80), torch.randn(8, 4)
    best: dict[str, dict[str, float]] = {name: {} for name in NETWORKS}
    for _ in range(ROUNDS):
        for name, architecture in NETWORKS.items():
            for label, memory in FORMATS.items():
                network = network_of(architecture, outputs=4).train().to(memory_format=memory)
                inputs = volume.contiguous(memory_format=memory)
                begun = time.perf_counter()
                (network(inputs) - target).square().mean().backward()
                taken = round(time.perf_counter() - begun, 3)
                best[name][label] = min(taken, best[name].get(label, taken))
    fastest = {name: min(seconds.values()) for name, seconds in best.items()}
    slow = fastest["resnet3d 16, 1 1 1 1"] > LIMIT * fastest["x3d M, z stride 2"]
    return {"threads": threads, "seconds a step": best, "limit, of x3d": LIMIT}, slow


def main(threads: int) -> int:
    """Print one JSON document; fail when resnet3d is too slow."""
    result, slow = measure(threads)
    print(json.dumps(result, indent=2))
    return int(slow)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1))
