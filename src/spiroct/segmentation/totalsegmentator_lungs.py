"""Lungs and lobes by TotalSegmentator (Wasserthal 2023, doi 10.1148/ryai.230024), extra ``[totalsegmentator]``.

Its 3 mm model of the task ``total`` (dataset 297) is used: one network, and a CPU can run it. The package would
download weights and send usage statistics by itself; both are cut off here.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from spiroct.errors import ScanError
from spiroct.imaging.image_files import read_image
from spiroct.imaging.orientation import restore, to_canonical
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.imaging.writing import write_nifti
from spiroct.optional import require
from spiroct.segmentation.weights import checked_digest, find_weights, weights_folders

# In the order of lungmask's numbers, 1 to 5.
LOBES = (
    "lung_upper_lobe_left",
    "lung_lower_lobe_left",
    "lung_upper_lobe_right",
    "lung_middle_lobe_right",
    "lung_lower_lobe_right",
)
SIDES = (0, 2, 2, 1, 1, 1)  # right or left, of each lobe by its number
MODEL_3MM = 297
SOURCE = "https://github.com/wasserth/TotalSegmentator/releases (or totalseg_download_weights -t total_fast)"


def totalsegmentator_lungs(volume: CTVolume, *, weights: Path | None = None) -> LabelMap:
    """Segment the lungs: the right and the left lobes of TotalSegmentator together.

    Parameters
    ----------
    volume : CTVolume
        In any orientation.
    weights : Path, optional
        Folder with ``Dataset297_...``; otherwise SPIROCT_WEIGHTS, ``~/.cache/spiroct/weights`` and
        TotalSegmentator's own.

    Returns
    -------
    LabelMap
        1 right, 2 left, in the scan's own geometry.

    Raises
    ------
    MissingExtraError
        If TotalSegmentator is not installed.
    InputError
        If the weights are missing, or not those of the first use.
    ScanError
        If the network finds no lungs.
    """
    lobes = totalsegmentator_lobes(volume, weights=weights)
    return LabelMap(np.asarray(SIDES, dtype=np.uint8)[lobes.labels], lobes.geometry)


def totalsegmentator_lobes(volume: CTVolume, *, weights: Path | None = None) -> LabelMap:
    """Segment the lobes: 1 left upper, 2 left lower, 3 right upper, 4 right middle, 5 right lower (as lungmask).

    Parameters and errors are those of :func:`totalsegmentator_lungs`.
    """
    api = _package()
    folder = totalsegmentator_weights(weights)
    checked_digest(folder)
    canonical = to_canonical(volume)
    with tempfile.TemporaryDirectory() as name:
        scan, found = Path(name) / "ct.nii.gz", Path(name) / "lobes.nii.gz"
        write_nifti(canonical, scan)
        with _cut_off(api, folder), redirect_stdout(sys.stderr):  # it prints; stdout is ours
            made = api.totalsegmentator(scan, None, ml=True, fast=True, task="total", quiet=True, device=_device())
        made.to_filename(found)
        values, geometry = read_image(found)
    numbers = {class_name: number for number, class_name in api.class_map["total"].items()}
    labels = np.zeros(values.shape, np.uint8)
    for lobe, class_name in enumerate(LOBES, start=1):
        labels[values == numbers[class_name]] = lobe
    if not labels.any():
        raise ScanError(
            "TotalSegmentator found no lungs in the scan", "a chest CT shows lungs", "name a CT of the chest"
        )
    found_map = to_canonical(LabelMap(labels, geometry))
    if found_map.geometry.shape != canonical.geometry.shape:
        raise ScanError(
            f"TotalSegmentator returned {found_map.geometry.shape} voxels for {canonical.geometry.shape}",
            "its mask lies on the grid of the scan",
            "use the version of TotalSegmentator that the extra [totalsegmentator] names",
        )
    return restore(LabelMap(found_map.labels, canonical.geometry), volume.geometry)


def totalsegmentator_weights(folder: Path | None = None) -> Path:
    """Find the folder of the 3 mm model without reading it.

    Raises
    ------
    InputError
        If it is not there.
    """
    folders = weights_folders(folder)
    if folder is None:
        home = os.environ.get("TOTALSEG_HOME_DIR")
        own = os.environ.get("TOTALSEG_WEIGHTS_PATH")
        theirs = Path(home) if home else Path.home() / ".totalsegmentator"
        folders = (*folders, Path(own) if own else theirs / "nnunet" / "results")
    return find_weights(f"Dataset{MODEL_3MM}_*", folders, source=SOURCE, feature="TotalSegmentator")


@contextmanager
def _cut_off(api: Any, folder: Path) -> Iterator[None]:
    """Let TotalSegmentator read our weights, and neither download nor send anything."""
    fetch, send = api.download_pretrained_weights, api.send_usage_stats
    before = os.environ.get("TOTALSEG_WEIGHTS_PATH")

    def refuse(task_id: int) -> None:
        find_weights(f"Dataset{task_id}_*", [folder.parent], source=SOURCE, feature="TotalSegmentator")

    def keep_silent(*_: object) -> None:
        return

    os.environ["TOTALSEG_WEIGHTS_PATH"] = str(folder.parent)
    api.download_pretrained_weights, api.send_usage_stats = refuse, keep_silent
    try:
        yield
    finally:
        api.download_pretrained_weights, api.send_usage_stats = fetch, send
        if before is None:
            del os.environ["TOTALSEG_WEIGHTS_PATH"]
        else:
            os.environ["TOTALSEG_WEIGHTS_PATH"] = before


def _device() -> str:
    import torch

    return "gpu" if torch.cuda.is_available() else "cpu"


def _package() -> Any:
    return require(
        "totalsegmentator.python_api", extra="totalsegmentator", feature="lung segmentation by TotalSegmentator"
    )
