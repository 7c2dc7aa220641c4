"""Maps of real numbers as NIfTI."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from spiroct.imaging.orientation import as_matrix3
from spiroct.imaging.volume import CANONICAL_DIRECTION, Geometry, LabelMap
from spiroct.imaging.writing import write_nifti, write_nifti_map


@pytest.mark.parametrize("steps", [127, 32767])
@pytest.mark.parametrize("name", ["map.nii", "map.nii.gz"])
def test_values_and_place_come_back(tmp_path: Path, name: str, steps: int) -> None:
    values = np.random.default_rng(1).normal(0, 3, (4, 5, 6)).astype(np.float32)
    largest = float(np.abs(values).max())
    geometry = Geometry(values.shape, (1.5, 0.7, 0.8), (-10.0, 20.0, 30.0))
    write_nifti_map(values, geometry, tmp_path / name, largest=largest, steps=steps)
    read = sitk.ReadImage(str(tmp_path / name))
    np.testing.assert_allclose(sitk.GetArrayFromImage(read), values, atol=largest / steps / 1.99)
    np.testing.assert_allclose(read.GetOrigin(), geometry.origin, atol=1e-5)
    np.testing.assert_allclose(read.GetSpacing(), (0.8, 0.7, 1.5), atol=1e-6)
    first = (tmp_path / name).read_bytes()
    write_nifti_map(values, geometry, tmp_path / name, largest=largest, steps=steps)
    assert (tmp_path / name).read_bytes() == first


def test_an_empty_map_is_zero(tmp_path: Path) -> None:
    write_nifti_map(
        np.zeros((2, 2, 2), np.float32), Geometry((2, 2, 2), (1.0, 1.0, 1.0)), tmp_path / "map.nii", largest=0.0
    )
    assert not sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "map.nii"))).any()


@pytest.mark.parametrize("planes", [1, 7])
def test_the_header_is_that_of_the_whole_image(tmp_path: Path, planes: int) -> None:
    turned = Rotation.from_euler("xyz", (10, -20, 30), degrees=True).as_matrix() @ np.asarray(CANONICAL_DIRECTION)
    geometry = Geometry((planes, 5, 6), (2.5, 0.7, 0.8), (-10.0, 20.0, 30.0), as_matrix3(turned))
    labels = np.random.default_rng(2).integers(0, 9, geometry.shape).astype(np.uint8)
    write_nifti(LabelMap(labels, geometry), tmp_path / "ours.nii")
    whole = sitk.GetImageFromArray(labels)
    whole.SetSpacing([float(s) for s in reversed(geometry.spacing)])
    whole.SetOrigin(geometry.origin)
    whole.SetDirection([float(v) for v in geometry.direction_matrix[:, ::-1].ravel()])
    sitk.WriteImage(whole, str(tmp_path / "theirs.nii"))
    assert (tmp_path / "ours.nii").read_bytes() == (tmp_path / "theirs.nii").read_bytes()
