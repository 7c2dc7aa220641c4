"""The pipeline of Jia 2023, section II, done plainly: read, resample to 1.5 mm, pad and crop to 240 voxels, X3D-M.

Run: ``python -m benchmarks.plain_pipeline FOLDER [NETWORKS]``. A new scan's estimate is the mean of the networks of the
four folds, as the authors' code makes it for the test set. No lung mask, no checks, no page, no map; weights are
random, since only time is of interest.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from benchmarks.network_forward import pytorchvideo_x3d

from spiroct.preprocessing.recipe import PAPER

FOLDS = 4


def main(folder: Path, networks: int = FOLDS) -> np.ndarray:
    """Return four numbers of one scan."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder), reader.GetGDCMSeriesIDs(str(folder))[0]))
    image = reader.Execute()
    size = [round(n * s / PAPER.spacing_mm) for n, s in zip(image.GetSize(), image.GetSpacing(), strict=True)]
    spacing, low, high = [PAPER.spacing_mm] * 3, *PAPER.window_hu
    even = sitk.Resample(
        image, size, sitk.Transform(), sitk.sitkLinear, image.GetOrigin(), spacing, image.GetDirection(), low
    )
    values = np.clip(sitk.GetArrayFromImage(even).astype(np.float32), low, high)
    short = [max(0, n - m) for n, m in zip(PAPER.patch, values.shape, strict=True)]
    values = np.pad(values, [(s // 2, s - s // 2) for s in short], constant_values=low)
    starts = [(n - m) // 2 for n, m in zip(values.shape, PAPER.patch, strict=True)]
    patch = values[tuple(slice(s, s + m) for s, m in zip(starts, PAPER.patch, strict=True))]
    scaled = np.ascontiguousarray((patch - low) * (2 / (high - low)) - 1)
    with torch.inference_mode():
        found = [pytorchvideo_x3d()(torch.from_numpy(scaled)[None, None]).numpy() for _ in range(networks)]
    return np.mean(found, axis=0)


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), *(int(n) for n in sys.argv[2:])))
