"""From PyTorch to OpenVINO: a checkpoint's ensemble traced and translated, its features as second output."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch

from spiroct.checkpoints.checkpoint import Checkpoint
from spiroct.inference.engines.members import Ensemble, networks_of
from spiroct.inference.engines.openvino_runtime import openvino_runtime


def convert(checkpoint: Checkpoint, path: Path) -> None:
    """Convert all members into one graph for one input of the checkpoint's patch, and write it.

    Outputs: standardised estimates (members, 1, measures), then features (members, 1, width, z, y, x). OpenVINO's
    front end is called itself: ``openvino.convert_model`` reports its uses to a server, and takes several times as
    long.

    Parameters
    ----------
    checkpoint : Checkpoint
        Whose networks.
    path : Path
        File to write, ``.xml``; the weights go into ``.bin`` beside it.
    """
    openvino = openvino_runtime()
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    networks = networks_of(checkpoint)
    ensemble = Ensemble(networks).eval()
    volume = torch.zeros(1, int(checkpoint.architecture.get("inputs", 1)), *checkpoint.recipe.patch)
    examples = [volume, torch.zeros(len(networks), 1, networks[0].aux)] if networks[0].aux else [volume]
    with torch.no_grad(), warnings.catch_warnings():
        # The front end reads TorchScript, which PyTorch calls deprecated; shapes are fixed, as the tracer warns.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
        traced = torch.jit.trace(ensemble, tuple(examples), check_trace=False)  # type: ignore[no-untyped-call]
        front_end = FrontEndManager().load_by_framework("pytorch")
        decoder = TorchScriptPythonDecoder(traced)  # has to live as long as what was converted
        model = front_end.convert(front_end.load(decoder))
    model.reshape({port: openvino.PartialShape(list(e.shape)) for port, e in zip(model.inputs, examples, strict=True)})
    openvino.save_model(model, path, compress_to_fp16=False)
