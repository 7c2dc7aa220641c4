"""Patients made of boxes: scans small enough for a test that needs many."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.imaging.writing import write_nifti

SHAPE, SPACING_MM = (24, 16, 16), (8.0, 8.0, 8.0)


@pytest.fixture(scope="session")
def box_patients(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], pd.DataFrame]:
    """Return what makes a cohort: two boxes of lung, whose size and density tell lung function up to noise.

    Blocks of 32 mm, brighter or darker by chance, let a network know each patient again.
    """

    def made(count: int) -> pd.DataFrame:
        folder = tmp_path_factory.mktemp("boxes")
        rng = np.random.default_rng(11)
        rows = []
        for i in range(count):
            half, density = int(rng.integers(3, 8)), rng.uniform(-900, -500)
            lungs = np.zeros(SHAPE, np.uint8)
            lungs[12 - half : 12 + half, 4:12, 1:7], lungs[12 - half : 12 + half, 4:12, 9:15] = 1, 2
            hu = np.where(lungs > 0, density, 40.0) + rng.normal(0, 20, SHAPE)
            hu += np.kron(rng.normal(0, 150, (6, 4, 4)), np.ones((4, 4, 4)))
            image, mask = folder / f"{i}.nii.gz", folder / f"{i}-lungs.nii.gz"
            write_nifti(CTVolume(hu.astype(np.float32), Geometry(SHAPE, SPACING_MM)), image)
            write_nifti(LabelMap(lungs, Geometry(SHAPE, SPACING_MM)), mask)
            size, air = (half - 5) / 2, (density + 700) / 115
            function = np.asarray([5 - 1.2 * air, 2.5 + 0.6 * size, 4.2 + 0.7 * size, 6.5 + size])
            told = dict(zip(("DLCO", "FEV1", "FVC", "TLC"), function + rng.normal(0, 0.2, 4), strict=True))
            person = {"sex": "FM"[i % 2], "age": 40.0 + i % 37, "height_cm": 155.0 + i % 29}
            rows.append({"patient_id": f"P{i}", "image": str(image), "lung_mask": str(mask), **person, **told})
        return pd.DataFrame(rows)

    return made
