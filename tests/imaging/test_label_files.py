"""Masks of other programs: read, carried onto the scan, refused where they are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spiroct.errors import InputError
from spiroct.imaging.label_files import read_label_map
from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.imaging.writing import write_nifti


def labels() -> LabelMap:
    values = np.zeros((6, 8, 10), np.uint8)
    values[2:4, 2:6, 2:5], values[2:4, 2:6, 6:9] = 1, 2
    return LabelMap(values, Geometry(values.shape, (2.0, 1.0, 1.0), (-5.0, 3.0, 40.0)))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_nifti(labels(), tmp_path / "m.nii.gz")
    again = read_label_map(tmp_path / "m.nii.gz", onto=labels().geometry)
    assert np.array_equal(again.labels, labels().labels)
    assert again.geometry == labels().geometry


def test_a_mask_on_a_finer_grid_is_carried_onto_the_scan(tmp_path: Path) -> None:
    coarse = labels()
    fine = LabelMap(np.repeat(coarse.labels, 2, axis=0), Geometry((12, 8, 10), (1.0, 1.0, 1.0), (-5.0, 3.0, 39.5)))
    write_nifti(fine, tmp_path / "m.nii.gz")
    assert np.array_equal(read_label_map(tmp_path / "m.nii.gz", onto=coarse.geometry).labels, coarse.labels)


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_label_map(tmp_path / "none.nii.gz")
    image = CTVolume(np.full((6, 8, 10), -850.5, np.float32), labels().geometry)
    write_nifti(image, tmp_path / "ct.nii.gz")
    with pytest.raises(InputError, match="whole numbers"):
        read_label_map(tmp_path / "ct.nii.gz")
    write_nifti(labels(), tmp_path / "m.nii.gz")
    far = Geometry((6, 8, 10), (2.0, 1.0, 1.0), (500.0, 3.0, 40.0))
    with pytest.raises(InputError, match="beside the scan"):
        read_label_map(tmp_path / "m.nii.gz", onto=far)
