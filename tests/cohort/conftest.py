"""Small cohorts as text and as tables."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spiroct.cohort.cohort import Cohort

HEADER = "patient_id,image,sex,age,height_cm,DLCO,FEV1,FVC,TLC"


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Write rows below the plain header, with the images that they name."""

    def write(*rows: str, header: str = HEADER, images: bool = True) -> Path:
        for name in ("a.nii", "b.nii", "c.nii") if images else ():
            (tmp_path / name).touch()
        path = tmp_path / "cohort.csv"
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def many(tmp_path: Path) -> Cohort:
    """Return 316 scans of 300 patients."""
    rng = np.random.default_rng(5)
    patients = [f"P{i:03d}" for i in range(300)] + [f"P{i:03d}" for i in range(16)]
    male = rng.random(300) < 0.2
    table = pd.DataFrame(
        {
            "patient_id": patients,
            "scan_id": [f"S{i:03d}" for i in range(316)],
            "image": "",
            "sex": [("F", "M")[int(male[int(p[1:])])] for p in patients],
            "age": rng.uniform(20, 80, 316),
            "height_cm": rng.uniform(150, 190, 316),
            "DLCO": rng.uniform(3, 9, 316),
            "FEV1": rng.uniform(1, 3, 316),
            "FVC": rng.uniform(3, 4, 316),
            "TLC": rng.uniform(3, 8, 316),
        }
    )
    return Cohort(table, tmp_path)
