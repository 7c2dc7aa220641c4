"""Labels brought back to a scan's own grid: analytic balls, and the same voxels whatever the size of a slab."""

from __future__ import annotations

import numpy as np
import pytest

from spiroct.imaging.resampling import resampled_geometry
from spiroct.imaging.volume import Geometry
from spiroct.segmentation import native_grid
from spiroct.segmentation.native_grid import labels_on

WORKING = Geometry((40, 40, 60), (2.0, 2.0, 2.0), (5.0, -7.0, 3.0))


def ball(geometry: Geometry, centre: tuple[float, float, float], radius: float) -> np.ndarray:
    places = np.stack(
        np.meshgrid(*[np.arange(n) * s for n, s in zip(geometry.shape, geometry.spacing, strict=True)], indexing="ij")
    )
    return np.sqrt(((places - np.reshape(centre, (3, 1, 1, 1))) ** 2).sum(0)) <= radius


@pytest.fixture
def shares() -> np.ndarray:
    """Return two balls of 25 mm, 60 mm apart."""
    return np.stack([ball(WORKING, (40, 40, 28), 25), ball(WORKING, (40, 40, 88), 25)]).astype(np.float32)


@pytest.mark.parametrize("spacing", [(0.7, 0.7, 0.7), (2.5, 0.8, 0.8), (5.0, 1.0, 1.0)])
def test_volumes_are_kept(shares: np.ndarray, spacing: tuple[float, float, float]) -> None:
    native = resampled_geometry(WORKING, spacing)
    labels = labels_on(shares, WORKING, native)
    for label in (1, 2):
        volume = np.count_nonzero(labels == label) * native.voxel_volume_ml
        assert volume == pytest.approx(4 / 3 * np.pi * 2.5**3, rel=0.02)


def test_slabs_change_nothing(shares: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    native = resampled_geometry(WORKING, (1.3, 0.9, 0.9))
    whole = labels_on(shares, WORKING, native)
    monkeypatch.setattr(native_grid, "SLAB_VOXELS", 5 * native.shape[1] * native.shape[2])
    assert np.array_equal(labels_on(shares, WORKING, native), whole)


def test_the_same_grid_is_decided_at_the_half(shares: np.ndarray) -> None:
    shares[0][20, 20, 14], shares[1][20, 20, 14] = 0.45, 0.55
    shares[0][20, 20, 15], shares[1][20, 20, 15] = 0.5, 0.5
    labels = labels_on(shares, WORKING, WORKING)
    assert labels[20, 20, 14] == 2
    assert labels[20, 20, 15] == 0
    assert labels[20, 20, 16] == 1
