"""A small chest-like volume, and ways to write it as any scan."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pydicom
import pytest

from spiroct.imaging.acquisition import Acquisition
from spiroct.imaging.orientation import as_matrix3
from spiroct.imaging.volume import CTVolume, Geometry
from spiroct.imaging.writing import write_dicom_series

AXIS_ORDERS = [(order, flips) for order in permutations(range(3)) for flips in product((False, True), repeat=3)]


@pytest.fixture(scope="session")
def chest() -> CTVolume:
    """Return a body with two unequal lungs and a bright spot, 24 x 30 x 36 voxels, no symmetry left."""
    rng = np.random.default_rng(0)
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in (24, 30, 36)), indexing="ij")
    hu = np.where((y / 0.8) ** 2 + (x / 0.9) ** 2 < 1, 40.0, -1000.0)
    hu[((z - 0.1) / 0.7) ** 2 + (y / 0.5) ** 2 + ((x + 0.4) / 0.3) ** 2 < 1] = -850.0
    hu[((z + 0.1) / 0.6) ** 2 + (y / 0.4) ** 2 + ((x - 0.45) / 0.25) ** 2 < 1] = -830.0
    hu[5:8, 4:7, 3:6] = 700.0
    hu += np.rint(rng.normal(0, 8, hu.shape))
    geometry = Geometry(hu.shape, (2.5, 1.25, 0.9375), (-30.0, -55.0, -400.0))
    facts = Acquisition(slice_thickness_mm=2.5, kernel="B30f", kvp=120.0, sex="F", age=58.0, height_cm=168.0)
    return CTVolume(np.maximum(hu, -1024).astype(np.float32), geometry, facts)


def turned(volume: CTVolume, order: tuple[int, ...], flips: tuple[bool, ...]) -> CTVolume:
    """Return the same scan stored with other axes: array axis i is canonical axis order[i], reversed where flips[i]."""
    geometry = volume.geometry
    corner = np.zeros(3)
    for axis, flip in zip(order, flips, strict=True):
        corner[axis] = geometry.shape[axis] - 1 if flip else 0
    direction = geometry.direction_matrix[:, order] * np.where(flips, -1, 1)
    array = np.transpose(volume.hu, order)[tuple(slice(None, None, -1) if f else slice(None) for f in flips)]
    return CTVolume(
        np.ascontiguousarray(array),
        Geometry(
            tuple(geometry.shape[a] for a in order),
            tuple(geometry.spacing[a] for a in order),
            tuple(float(v) for v in geometry.point(corner)),
            as_matrix3(direction),
        ),
        volume.acquisition,
    )


@pytest.fixture
def series(chest: CTVolume, tmp_path: Path) -> Path:
    """Return the chest as a DICOM folder of its own, free to be changed."""
    write_dicom_series(chest, tmp_path / "series", patient_id="T1", seed_uid="imaging")
    return tmp_path / "series"


@pytest.fixture
def edit() -> Callable[[Path, Callable[[int, pydicom.Dataset], None]], None]:
    """Return a way to change every slice of a series in place."""

    def change(folder: Path, how: Callable[[int, pydicom.Dataset], None]) -> None:
        for number, file in enumerate(sorted(folder.iterdir())):
            dataset = pydicom.dcmread(file)
            how(number, dataset)
            dataset.save_as(file)

    return change
