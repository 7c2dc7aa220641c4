"""OpenVINO on the CPU: the default. Converted once, then run without PyTorch."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spiroct.checkpoints.checkpoint import Checkpoint
from spiroct.inference.engines.engine import NetworkOutputs
from spiroct.inference.engines.model_cache import find_cached, keep
from spiroct.inference.engines.openvino_runtime import core, openvino_runtime, usable_threads
from spiroct.log import logger
from spiroct.types import Float32Array

if TYPE_CHECKING:
    import openvino


class OpenVinoEngine:
    """Runs a checkpoint's networks, all in one graph.

    Parameters
    ----------
    checkpoint : Checkpoint
        Whose networks; converted on first use and kept beside it (:mod:`spiroct.inference.engines.model_cache`).
    bfloat16 : bool
        Compute in bfloat16; the processor has it (:func:`spiroct.inference.engines.engine.require_engine`).
    threads : int, optional
        Threads of the processor; one for each core by default.
    """

    def __init__(self, checkpoint: Checkpoint, *, bfloat16: bool = False, threads: int | None = None) -> None:
        self.name = "openvino-bf16" if bfloat16 else "openvino"
        release = openvino_runtime().__version__.partition("-")[0]
        self.description = f"openvino {release}, {'bfloat16' if bfloat16 else 'float32'}"
        settings: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            # Without it OpenVINO takes bfloat16 wherever the processor has it.
            "INFERENCE_PRECISION_HINT": "bf16" if bfloat16 else "f32",
            "INFERENCE_NUM_THREADS": threads or usable_threads(),
        }
        model = _model(checkpoint, release)
        if any(node.get_type_name() == "GroupNormalization" for node in model.get_ops()):
            settings["SNIPPETS_MODE"] = "DISABLE"  # the code made for it crashes while compiling (seen in 2026.4)
        self._compiled = core().compile_model(model, "CPU", settings)

    def run(self, batch: Float32Array, covariates: tuple[Float32Array, ...] | None = None) -> NetworkOutputs:
        """Return outputs and features of inputs (batch, channels, z, y, x), one after the other."""
        beside = None if covariates is None else np.stack(covariates)
        outputs, features = [], []
        for i, volume in enumerate(batch):
            inputs = [volume[None]] if beside is None else [volume[None], np.ascontiguousarray(beside[:, i : i + 1])]
            found = self._compiled(inputs)
            outputs.append(found[0].astype(np.float64))
            features.append(found[1].astype(np.float32))
        return NetworkOutputs(np.concatenate(outputs, axis=1), np.concatenate(features, axis=1))


def _model(checkpoint: Checkpoint, release: str) -> openvino.Model:
    cached = find_cached(checkpoint, release)
    if cached is not None:
        try:
            return _read(cached)
        except RuntimeError as damage:  # cut short by a full disk, say: it can be made again
            logger.warning("warning: %s cannot be read and is made again (%s).", cached, str(damage).splitlines()[0])
    logger.info("The model is converted for OpenVINO, once.")
    from spiroct.inference.engines.conversion import convert

    kept = keep(checkpoint, release, lambda path: convert(checkpoint, path))
    if kept is not None:
        return _read(kept)
    logger.info("The converted model could not be kept: neither the checkpoint's folder nor the cache is writable.")
    with tempfile.TemporaryDirectory(prefix="spiroct-") as folder:
        convert(checkpoint, Path(folder) / "model.xml")
        return _read(Path(folder) / "model.xml")


def _read(path: Path) -> openvino.Model:
    return core().read_model(path, path.with_suffix(".bin"))
