"""Maps in the scan's own geometry: flipped, transposed and oblique scans tell the same places."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from spiroct.attribution.ram import RegressionActivationMap
from spiroct.imaging.orientation import as_matrix3, to_canonical
from spiroct.imaging.volume import CANONICAL_DIRECTION, CTVolume, Geometry, LabelMap
from spiroct.pft.measures import Measure

from .conftest import Toy

MARKER = (23, 11, 30)  # voxel (z, y, x) of something bright


def scan() -> CTVolume:
    hu = np.full((32, 36, 40), -1500.0, np.float32)
    z, y, x = MARKER
    hu[z - 2 : z + 3, y - 2 : y + 3, x - 2 : x + 3] = 1500.0
    return CTVolume(hu, Geometry(hu.shape, (2.0, 2.0, 2.0), (-40.0, 15.0, 100.0)))


def turned(volume: CTVolume, order: tuple, flips: tuple) -> CTVolume:
    """Store the same body with other array axes."""
    geometry = volume.geometry
    hu = np.transpose(volume.hu, order)
    spacing = tuple(geometry.spacing[a] for a in order)
    direction = geometry.direction_matrix[:, order]
    corner = np.zeros(3)
    for axis, flip in enumerate(flips):
        if flip:
            hu = np.flip(hu, axis)
            corner[order[axis]] = volume.hu.shape[order[axis]] - 1
            direction[:, axis] *= -1
    origin = tuple(float(v) for v in geometry.point(corner))
    return CTVolume(np.ascontiguousarray(hu), Geometry(hu.shape, spacing, origin, as_matrix3(direction)))


def attributed(toy: Toy, volume: CTVolume) -> tuple[np.ndarray, Geometry]:
    lungs = LabelMap(np.ones(volume.hu.shape, np.uint8), volume.geometry)
    found = RegressionActivationMap(toy.predictor).attribute(volume, Measure.DLCO, lungs=lungs)
    assert found.unit == "mmol/min/kPa"
    assert found.geometry == volume.geometry
    assert found.values.shape == volume.hu.shape
    np.testing.assert_allclose(np.stack([plane.copy() for plane in found.planes()]), found.values, atol=1e-5)
    return found.values, found.geometry


def test_the_brightest_place_of_the_map_is_the_marker(toy: Toy) -> None:
    values, geometry = attributed(toy, scan())
    brightest = geometry.point(np.argwhere(values == values.max()).mean(axis=0))
    assert np.abs(brightest - geometry.point(MARKER)).max() <= 7.5  # half of a cell of 10 mm and of a voxel of 5 mm


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0), (0, 2, 1)])
@pytest.mark.parametrize("flips", [(False, False, True), (True, False, False), (True, True, True)])
def test_every_axis_order_gives_the_same_map(toy: Toy, order: tuple, flips: tuple) -> None:
    expected, _ = attributed(toy, scan())
    stored = turned(scan(), order, flips)
    values, geometry = attributed(toy, stored)
    np.testing.assert_allclose(to_canonical(CTVolume(values, geometry)).hu, expected, atol=1e-4)


@pytest.mark.parametrize(("axis", "degrees"), [("x", 14), ("y", -9), ("z", 20)])
def test_an_oblique_scan_tells_the_same_place_in_the_patient(toy: Toy, axis: str, degrees: float) -> None:
    tilt = Rotation.from_euler(axis, degrees, degrees=True).as_matrix() @ np.asarray(CANONICAL_DIRECTION)
    volume = scan()
    oblique = replace(volume, geometry=replace(volume.geometry, direction=as_matrix3(tilt)))
    stored = turned(oblique, (2, 0, 1), (True, False, True))
    values, geometry = attributed(toy, stored)
    brightest = geometry.point(np.argwhere(values == values.max()).mean(axis=0))
    bright = stored.geometry.point(np.argwhere(stored.hu > 0).mean(axis=0))
    assert np.linalg.norm(brightest - bright) <= 5.0 * 3**0.5
