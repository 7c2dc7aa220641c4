"""One scan in any format and axis order gives one network input."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from spiroct.imaging.orientation import to_canonical
from spiroct.imaging.reading import read_ct
from spiroct.imaging.resampling import resample_volume
from spiroct.imaging.volume import CTVolume
from spiroct.imaging.writing import write_dicom_series

from .conftest import AXIS_ORDERS, turned

GRID = (1.5, 1.5, 1.5)


@pytest.fixture(scope="module")
def wanted(chest: CTVolume) -> CTVolume:
    return resample_volume(chest, GRID)


def assert_same(path: Path, wanted: CTVolume) -> None:
    found = resample_volume(to_canonical(read_ct(path)), GRID)
    assert found.hu.shape == wanted.hu.shape
    assert np.abs(found.hu - wanted.hu).mean() < 1e-3
    np.testing.assert_allclose(found.geometry.origin, wanted.geometry.origin, atol=1e-3)


def write(volume: CTVolume, path: Path) -> None:
    image = sitk.GetImageFromArray(np.rint(volume.hu).astype(np.int16))
    image.SetSpacing(volume.geometry.spacing[::-1])
    image.SetOrigin(volume.geometry.origin)
    image.SetDirection(volume.geometry.direction_matrix[:, ::-1].ravel().tolist())
    sitk.WriteImage(image, str(path), useCompression=path.suffix in {".gz", ".nrrd"})


@pytest.mark.parametrize("suffix", [".nii.gz", ".mha", ".nrrd"])
def test_files_in_all_48_axis_orders(chest: CTVolume, wanted: CTVolume, tmp_path: Path, suffix: str) -> None:
    for order, flips in AXIS_ORDERS:
        write(turned(chest, order, flips), tmp_path / f"scan{suffix}")
        assert_same(tmp_path / f"scan{suffix}", wanted)


@pytest.mark.parametrize(("transpose", "flip_rows", "flip_columns"), list(product((False, True), repeat=3)))
@pytest.mark.parametrize("downward", [False, True])
def test_dicom_with_rows_and_columns_turned(
    chest: CTVolume,
    wanted: CTVolume,
    tmp_path: Path,
    transpose: bool,
    flip_rows: bool,
    flip_columns: bool,
    downward: bool,
) -> None:
    """The same slices stored from another corner, numbered from head or foot, under shuffled names."""
    write_dicom_series(chest, tmp_path / "plain", patient_id="T1", seed_uid="parity")
    (tmp_path / "turned").mkdir()
    names = np.random.default_rng(0).permutation(chest.geometry.shape[0])
    for number, file in enumerate(sorted((tmp_path / "plain").iterdir())):
        dataset = pydicom.dcmread(file)
        pixels = dataset.pixel_array
        row, column = np.asarray(dataset.ImageOrientationPatient[:3]), np.asarray(dataset.ImageOrientationPatient[3:])
        down, across = dataset.PixelSpacing
        corner = np.asarray(dataset.ImagePositionPatient, dtype=float)
        if flip_columns:
            corner, row, pixels = corner + row * across * (pixels.shape[1] - 1), -row, pixels[:, ::-1]
        if flip_rows:
            corner, column, pixels = corner + column * down * (pixels.shape[0] - 1), -column, pixels[::-1]
        if transpose:
            row, column, pixels, (down, across) = column, row, pixels.T, (across, down)
        dataset.ImageOrientationPatient = [float(v) + 0.0 for v in (*row, *column)]
        dataset.ImagePositionPatient = [float(v) for v in corner]
        dataset.PixelSpacing = [down, across]
        dataset.Rows, dataset.Columns = pixels.shape
        dataset.PixelData = np.ascontiguousarray(pixels).tobytes()
        dataset.InstanceNumber = number + 1 if downward else chest.geometry.shape[0] - number
        dataset.save_as(tmp_path / "turned" / f"{names[number]:03d}")
    assert_same(tmp_path / "turned", wanted)


def test_real_scan_in_other_formats(shared: Path, tmp_path: Path) -> None:
    original = read_ct(shared / "data/ct/cip_copd_ct64/ct-64.nrrd")
    wanted = resample_volume(to_canonical(original), (3.0, 3.0, 3.0))
    for order, flips in AXIS_ORDERS[::7]:
        for suffix in (".nii.gz", ".mha"):
            write(turned(original, order, flips), tmp_path / f"scan{suffix}")
            found = resample_volume(to_canonical(read_ct(tmp_path / f"scan{suffix}")), (3.0, 3.0, 3.0))
            assert np.abs(found.hu - wanted.hu).mean() < 1e-3
