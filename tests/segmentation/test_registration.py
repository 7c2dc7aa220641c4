"""Registration: its parameter maps, the box from which it starts, and with elastix a deformation that is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from spiroct.errors import MissingExtraError, ScanError
from spiroct.imaging.volume import CTVolume, Geometry
from spiroct.segmentation.registration import Correspondence, aerated_box, elastix_parameters, register


@pytest.mark.parametrize("transform", ["AffineTransform", "BSplineTransform"])
def test_parameter_maps_are_whole(transform: str) -> None:
    parameters = elastix_parameters(transform)
    levels = int(parameters["NumberOfResolutions"][0])
    assert len(parameters["ImagePyramidSchedule"]) == 3 * levels
    assert parameters["ImagePyramidSchedule"][-3:] == ["1", "1", "1"]
    assert all(isinstance(v, str) for values in parameters.values() for v in values)
    assert ("GridSpacingSchedule" in parameters) == (transform == "BSplineTransform")


def test_the_box_is_that_of_the_air_in_the_chest(chest_of: Callable) -> None:
    volume, truth = chest_of(0, 5.0)
    low, high = aerated_box(volume)
    for axis in range(3):
        along = np.flatnonzero((truth.labels > 0).any(axis=tuple(a for a in range(3) if a != axis))) * 5.0
        assert along[0] - 5 <= low[axis] <= along[0] + 40
        assert along[-1] - 40 <= high[axis] <= along[-1] + 5


def test_no_air_is_no_lungs() -> None:
    hu = np.full((40, 60, 60), -1000.0, np.float32)
    hu[:, 10:50, 8:52] = 40.0
    with pytest.raises(ScanError, match="no lungs were found"):
        aerated_box(CTVolume(hu, Geometry(hu.shape, (5.0, 5.0, 5.0))))


def test_places_named_on_another_grid() -> None:
    """Voxel 3 of 4 mm from 1 mm on lies at 13 mm, which is voxel 7.5 of 2 mm from -2 mm on."""
    coarse = Geometry((9, 9, 9), (4.0, 4.0, 4.0), (1.0, 1.0, 1.0))
    fine = Geometry((20, 20, 20), (2.0, 2.0, 2.0), (-2.0, -2.0, -2.0))
    box = (slice(0, 1), slice(0, 1), slice(0, 1))
    places = Correspondence(box, np.full((3, 1, 1, 1), 3.0, np.float32)).within(coarse, fine)
    assert places.indices.ravel().tolist() == [7.5, 7.5, 7.5]


def test_without_the_extra_its_name_is_said(chest_of: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "itk", None)
    volume, _ = chest_of(0, 5.0)
    with pytest.raises(MissingExtraError, match=r"pip install 'spiroct\[atlas\]'"):
        register(volume, volume)


@pytest.mark.atlas
@pytest.mark.slow
def test_a_known_deformation_is_found(chest_of: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The patient, stretched by 8 %, shifted by 12 mm and bent by 6 mm, is registered to itself, twice the same."""
    pytest.importorskip("itk", reason="needs the extra [atlas]")
    monkeypatch.chdir(tmp_path)
    volume, truth = chest_of(1, 4.0, ild_extent=0.3)
    grid = np.indices(volume.hu.shape).astype(np.float32)
    bend = 1.5 * np.sin(2 * np.pi * grid[2] / 60.0)
    true = np.stack([1.08 * grid[0] - 3.0, grid[1] + bend, 1.04 * grid[2] + 2.0])
    hu = ndimage.map_coordinates(volume.hu, true, order=1, mode="nearest")
    fixed = CTVolume(hu.astype(np.float32), volume.geometry)
    found = register(fixed, volume)
    assert not list(tmp_path.iterdir())  # transformix would leave its field in the working folder
    near = ndimage.map_coordinates(truth.labels, true, order=0)[found.box] > 0
    border = near & ~ndimage.binary_erosion(near, iterations=2)
    error = 4.0 * np.sqrt(((found.indices - true[(slice(None), *found.box)]) ** 2).sum(axis=0))
    assert np.median(error[border]) < 2.5  # mm
    assert np.array_equal(register(fixed, volume).indices, found.indices)
