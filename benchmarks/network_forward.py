"""X3D-M at 240 x 240 x 240: PyTorchVideo's own in eager mode against spiroct's engines, in one run.

Run: ``python -m benchmarks.network_forward [CHECKPOINT]``. Everything takes its turn in each round,
so that a busy machine slows all alike; processor seconds, which a busy machine changes little, stand beside wall
seconds. A roofline line says what this machine does on a large matrix product and a large copy.
"""

from __future__ import annotations

import json
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from spiroct.checkpoints.catalogue import DEFAULT_CHECKPOINT, find
from spiroct.checkpoints.checkpoint import Checkpoint, Member, TargetScaler
from spiroct.inference.engines.engine import make_engine
from spiroct.inference.engines.openvino_runtime import has_bfloat16, usable_threads
from spiroct.networks.build import network_of
from spiroct.pft.measures import Measure
from spiroct.preprocessing.recipe import PAPER
from spiroct.quality.acquisition import TrainingDomain

ROUNDS = 2
X3D = {"name": "x3d", "size": "M"}
WANTED = {"openvino": 7.0, "openvino-bf16": 10.0, "default recipe": 20.0}


def measure(model: str = DEFAULT_CHECKPOINT, rounds: int = ROUNDS) -> tuple[dict[str, Any], bool]:
    """Time every way once a round; tell the best of the rounds and whether a ratio misses what is wanted."""
    threads = usable_threads()
    torch.set_num_threads(threads)
    ways = _ways(model)
    wall: dict[str, list[float]] = {name: [] for name in ways}
    processor: dict[str, list[float]] = {name: [] for name in ways}
    for name, way in ways.items():
        if name != "PyTorchVideo eager":
            way()  # the first run of a compiled network fills its memory
    for _ in range(rounds):
        for name, way in ways.items():
            begun, spent = time.perf_counter(), time.process_time()
            way()
            wall[name].append(time.perf_counter() - begun)
            processor[name].append(time.process_time() - spent)
    flops = _flops()
    best = {name: min(seconds) for name, seconds in wall.items()}
    least = {name: min(seconds) for name, seconds in processor.items()}
    plain = "PyTorchVideo eager"
    found = {
        name: {
            "wall s": round(best[name], 3),
            "processor s": round(least[name], 3),
            "times faster, wall": round(best[plain] / best[name], 1),
            "times less work, processor": round(least[plain] / least[name], 1),
        }
        for name in ways
    }
    roofline = _roofline()
    roofline["X3D-M GFLOP"] = round(flops / 1e9, 1)
    roofline["openvino float32 GFLOP/s"] = round(flops / 1e9 / best["openvino"], 1)
    late = any(found[name]["times faster, wall"] < least_ratio for name, least_ratio in WANTED.items() if name in found)
    return {"threads": threads, "ways": found, "roofline": roofline, "wanted": WANTED}, late


def _ways(model: str) -> dict[str, Callable[[], Any]]:
    rng = np.random.default_rng(0)
    paper, default = _random_checkpoint(), find(model)
    large = rng.uniform(-1, 1, (1, 1, *PAPER.patch)).astype(np.float32)
    small = rng.uniform(-1, 1, (1, 1, *default.recipe.patch)).astype(np.float32)
    original, tensor = pytorchvideo_x3d(), torch.from_numpy(large)

    def eager() -> torch.Tensor:
        with torch.inference_mode():
            return original(tensor)

    ways: dict[str, Callable[[], Any]] = {"PyTorchVideo eager": eager}
    names = ["torch-fused", "openvino", *(["openvino-bf16"] if has_bfloat16() else [])]
    for name in names:
        ways[name] = _running(name, paper, large)
    ways["default recipe"] = _running("openvino", default, small)
    return ways


def _running(name: str, checkpoint: Checkpoint, batch: np.ndarray) -> Callable[[], Any]:
    engine = make_engine(name, checkpoint)
    return lambda: engine.run(batch)


def _random_checkpoint() -> Checkpoint:
    torch.manual_seed(0)
    weights = {name: value.numpy() for name, value in network_of(X3D, outputs=4).state_dict().items()}
    return Checkpoint(
        name="random",
        architecture=X3D,
        recipe=PAPER,
        measures=tuple(Measure),
        members=(Member(1, TargetScaler((0.0,) * 4, (1.0,) * 4), weights),),
        training_domain=TrainingDomain(None, None, sharp_kernels=None, contrast=None),
        trained_on="nothing",
        intended_use="a benchmark",
        demonstration_only=True,
        provenance={},
    )


def pytorchvideo_x3d() -> torch.nn.Module:
    """PyTorchVideo's X3D-M, one channel in and four numbers out; torchvision, which X3D does not use, is stubbed."""
    for name in ("torchvision", "torchvision.ops"):
        sys.modules.setdefault(name, types.ModuleType(name))
    sys.modules["torchvision.ops"].RoIAlign = None  # type: ignore[attr-defined]
    from pytorchvideo.models.x3d import create_x3d

    network = create_x3d(
        input_channel=1,
        input_clip_length=16,
        input_crop_size=224,
        model_num_class=4,
        depth_factor=2.2,
        head_activation=None,
    )
    return network.eval()


def _flops() -> int:
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        network_of(X3D, outputs=4).eval()(torch.empty(1, 1, *PAPER.patch))
    return int(counter.get_total_flops())


def _roofline() -> dict[str, float]:
    side, gigabyte = 3000, 2**28
    a, b, source = torch.rand(side, side), torch.rand(side, side), torch.rand(gigabyte)
    target = torch.empty_like(source)
    product = min(_seconds(lambda: a @ b) for _ in range(5))
    copy = min(_seconds(lambda: target.copy_(source)) for _ in range(3))
    return {
        "matrix product GFLOP/s": round(2 * side**3 / product / 1e9, 1),
        "copy GB/s": round(2 * 4 * gigabyte / copy / 1e9, 1),
    }


def _seconds(work: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def table(found: dict[str, Any]) -> str:
    """Print the ways as a table of ratios."""
    lines = [f"{'':<22}{'wall s':>9}{'cpu s':>9}{'x faster':>10}{'x less cpu':>12}"]
    for name, row in found["ways"].items():
        values = list(row.values())
        lines.append(f"{name:<22}{values[0]:>9.3f}{values[1]:>9.3f}{values[2]:>10.1f}{values[3]:>12.1f}")
    roof = found["roofline"]
    lines.append(
        f"roofline: X3D-M is {roof['X3D-M GFLOP']} GFLOP; OpenVINO float32 {roof['openvino float32 GFLOP/s']} GFLOP/s; "
        f"this machine {roof['matrix product GFLOP/s']} GFLOP/s on a product, {roof['copy GB/s']} GB/s on a copy"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    result, missed = measure(*sys.argv[1:2])
    Path("network_forward.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(table(result))
    sys.exit(int(missed))
