"""Lungs and lobes by the networks of lungmask (Hofmanninger 2020, doi 10.1186/s41747-020-00173-2).

The package comes with the extra ``[lungmask]``, its weights are read from this machine. The repository's licence is
Apache-2.0; the weights are files of its releases, without a licence of their own.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spiroct.errors import ScanError
from spiroct.imaging.orientation import restore, to_canonical
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.optional import require
from spiroct.segmentation.weights import checked_digest, find_weights, weights_folders

LUNGS_MODEL, LOBES_MODEL = "R231", "LTRCLobes"
BATCH = 8  # slices of 256 x 256 at a time: under 1 GiB


def lungmask_lungs(volume: CTVolume, *, weights: Path | None = None) -> LabelMap:
    """Segment the lungs by the U-net R231: 1 right, 2 left, as lungmask itself numbers them.

    Parameters
    ----------
    volume : CTVolume
        In any orientation.
    weights : Path, optional
        Folder with ``unet_r231-....pth``; otherwise SPIROCT_WEIGHTS, ``~/.cache/spiroct/weights`` and torch's hub
        folder.

    Returns
    -------
    LabelMap
        In the scan's own geometry; tumours, effusions and consolidation inside the chest wall are lung.

    Raises
    ------
    MissingExtraError
        If lungmask is not installed.
    InputError
        If the weights are missing, or not those of the first use.
    ScanError
        If the network finds no lungs.
    """
    return _applied(volume, (LUNGS_MODEL,), weights)


def lungmask_lobes(volume: CTVolume, *, weights: Path | None = None) -> LabelMap:
    """Segment the lobes by LTRCLobes, corrected by R231 as lungmask's authors advise.

    Parameters and errors are those of :func:`lungmask_lungs`; both files of weights are needed.

    Returns
    -------
    LabelMap
        1 left upper, 2 left lower, 3 right upper, 4 right middle, 5 right lower lobe.
    """
    return _applied(volume, (LOBES_MODEL, LUNGS_MODEL), weights)


def lungmask_weights(models: Sequence[str], folder: Path | None = None) -> dict[str, Path]:
    """Find the files of weights of some models without reading them.

    Raises
    ------
    MissingExtraError, InputError
        If lungmask or a file is missing.
    """
    mask = _package()
    folders = weights_folders(folder)
    if folder is None:
        import torch.hub

        folders = (*folders, Path(torch.hub.get_dir()) / "checkpoints")  # where lungmask itself keeps them
    found = {}
    for model in models:
        url = str(mask.MODEL_URLS[model][0])
        name = url.rsplit("/", maxsplit=1)[-1]
        found[model] = find_weights(name, folders, source=url, feature=f"lungmask {model}")
    return found


def _applied(volume: CTVolume, models: tuple[str, ...], folder: Path | None) -> LabelMap:
    mask = _package()
    files = lungmask_weights(models, folder)
    for path in files.values():
        checked_digest(path)
    arguments: dict[str, Any] = {"modelpath": str(files[models[0]])}
    if len(models) > 1:
        arguments |= {"fillmodel": models[1], "fillmodel_path": str(files[models[1]])}
    inferer = mask.LMInferer(modelname=models[0], batch_size=BATCH, tqdm_disable=True, **arguments)
    canonical = to_canonical(volume)  # an array goes in as slices from the feet, chest to back, right to left
    labels = np.asarray(inferer.apply(canonical.hu), dtype=np.uint8)
    if not labels.any():
        raise ScanError("lungmask found no lungs in the scan", "a chest CT shows lungs", "name a CT of the chest")
    return restore(LabelMap(labels, canonical.geometry), volume.geometry)


def _package() -> Any:
    with warnings.catch_warnings():  # lungmask silences all warnings for good when it is imported
        return require("lungmask.mask", extra="lungmask", feature="lung segmentation by lungmask")
