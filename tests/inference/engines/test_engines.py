"""Every engine says what the reference says, and gives the same features."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from spiroct.errors import UsageError
from spiroct.inference.engines.engine import ENGINES, make_engine, require_engine
from spiroct.inference.engines.openvino_runtime import has_bfloat16
from spiroct.networks.build import NETWORKS

TOLERANCE_SD = 1e-3
RESNET: dict[str, Any] = {"name": "resnet3d", "width": 8, "depths": [0, 1], "stem": "fold"}
X3D: dict[str, Any] = {"name": "x3d", "size": "XS", "z_stride": 2}
SMALL = [
    (RESNET, 0),
    ({"name": "resnet3d", "width": 8, "depths": [1], "hidden": 12, "norm": "group"}, 2),
    ({"name": "resnet3d", "width": 8, "depths": [1], "norm": "instance"}, 0),
]
LARGE = [(X3D, 0), ({"name": "i3d"}, 0), ({"name": "i3d_resnet152"}, 0), ({"name": "resnet50_bilstm"}, 2)]
SLOW = [pytest.param(*large, marks=pytest.mark.slow) for large in LARGE]
FLOAT32 = [name for name in ENGINES if name not in {"torch", "cuda", "openvino-bf16"}]


def inputs(checkpoint: Any, n: int = 2) -> tuple[np.ndarray, tuple[np.ndarray, ...] | None]:
    rng = np.random.default_rng(1)
    batch = rng.uniform(-1, 1, (n, 1, *checkpoint.recipe.patch)).astype(np.float32)
    aux = checkpoint.architecture.get("aux", 0)
    beside = tuple(rng.normal(size=(n, aux)).astype(np.float32) for _ in checkpoint.members) if aux else None
    return batch, beside


def test_every_network_is_compared() -> None:
    assert {architecture["name"] for architecture, _ in (*SMALL, *LARGE)} == set(NETWORKS)


@pytest.mark.parametrize("engine", FLOAT32)
@pytest.mark.parametrize(("architecture", "aux"), [*SMALL, *SLOW], ids=str)
def test_float32_engines_agree_with_the_reference(
    engine: str, architecture: dict[str, Any], aux: int, make_checkpoint: Any
) -> None:
    large = (architecture, aux) in LARGE
    checkpoint = make_checkpoint(architecture, patch=(32, 64, 64) if large else (24, 32, 28), aux=aux)
    batch, beside = inputs(checkpoint)
    expected = make_engine("torch", checkpoint).run(batch, beside)
    found = make_engine(engine, checkpoint).run(batch, beside)
    assert found.outputs.shape == (2, 2, 4)
    assert float(np.ptp(expected.outputs)) > 0.01  # the outputs are not all one
    assert np.abs(found.outputs - expected.outputs).max() < TOLERANCE_SD
    scale = float(np.abs(expected.features).max())
    np.testing.assert_allclose(found.features, expected.features, atol=1e-3 * scale)


def test_features_and_head_give_the_outputs(make_checkpoint: Any) -> None:
    """What an activation map is made of: the mean of the features times the last layer's weights."""
    checkpoint = make_checkpoint({"name": "resnet3d", "width": 8, "depths": [1, 1]})
    found = make_engine("openvino", checkpoint).run(*inputs(checkpoint, 1))
    for member, outputs, features in zip(checkpoint.members, found.outputs, found.features, strict=True):
        weights, bias = (member.weights[f"fc.{part}"].astype(np.float64) for part in ("weight", "bias"))
        pooled = features[0].mean(axis=(1, 2, 3), dtype=np.float64)
        np.testing.assert_allclose(weights @ pooled + bias, outputs[0], atol=1e-4)


@pytest.mark.skipif(not has_bfloat16(), reason="this processor has no bfloat16")
def test_bfloat16_is_near_and_is_not_float32(make_checkpoint: Any) -> None:
    checkpoint = make_checkpoint(RESNET)
    batch, _ = inputs(checkpoint)
    expected = make_engine("openvino", checkpoint).run(batch).outputs
    engine = make_engine("openvino-bf16", checkpoint)
    assert engine.description.endswith("bfloat16")
    found = np.abs(engine.run(batch).outputs - expected).max()
    assert 1e-5 < found < 0.1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_half_precision_on_a_gpu_is_near(make_checkpoint: Any) -> None:
    checkpoint = make_checkpoint(RESNET)
    batch, _ = inputs(checkpoint)
    expected, found = (make_engine(name, checkpoint).run(batch).outputs for name in ("torch", "cuda"))
    assert np.abs(found - expected).max() < 0.03


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_cuda_is_refused(make_checkpoint: Any) -> None:
    with pytest.raises(UsageError, match="NVIDIA GPU"):
        make_engine("cuda", make_checkpoint(RESNET))


def test_an_engine_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        UsageError, match=r"'OpenVINO-16' \(did you mean openvino-bf16\?\): the engines are auto, .*cuda"
    ):
        require_engine("OpenVINO-16")
    monkeypatch.setattr("spiroct.inference.engines.openvino_runtime.has_bfloat16", lambda: False)
    with pytest.raises(UsageError, match="no bfloat16"):
        require_engine("openvino-bf16")
    for name in ("auto", "openvino", "torch", "torch-fused"):
        require_engine(name)


def test_the_same_input_gives_the_same_bits(make_checkpoint: Any) -> None:
    checkpoint = make_checkpoint(RESNET)
    batch, _ = inputs(checkpoint)
    one, other = (make_engine("auto", checkpoint).run(batch) for _ in range(2))
    assert np.array_equal(one.outputs, other.outputs)
    assert np.array_equal(one.features, other.features)


def test_fusing_leaves_no_batch_norm(make_checkpoint: Any) -> None:
    from spiroct.inference.engines.torch_engine import FusedTorchEngine

    engine = FusedTorchEngine(make_checkpoint(RESNET))
    kinds = [type(m).__name__ for network in engine._networks for m in network.modules()]
    assert "BatchNorm3d" not in kinds
    assert kinds.count("Conv3d") == 2 * 4
