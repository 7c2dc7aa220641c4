"""Centre lines of tubes whose radius and length are known."""

from __future__ import annotations

import numpy as np
import pytest

from spiroct.biomarkers.centre_lines import centre_lines

LENGTH = 30.0


def tube(radius: float, spacing: float, direction: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Mask of a tube with round ends and, per voxel, the place along its axis (mm, 0 in the middle)."""
    n = int((LENGTH + 2 * radius + 6) / spacing)
    grid = np.stack(np.meshgrid(*[np.arange(n) * spacing] * 3, indexing="ij"), axis=-1)
    way = np.array(direction) / np.linalg.norm(direction)
    from_middle = grid - (n * spacing / 2 + np.array([0.13, 0.27, -0.1]))
    along = from_middle @ way
    nearest = np.clip(along, -LENGTH / 2, LENGTH / 2)[..., None] * way
    return np.linalg.norm(from_middle - nearest, axis=-1) <= radius, along


@pytest.mark.parametrize("direction", [(1, 0, 0), (1, 1, 0), (1, 0.7, 0.4)])
@pytest.mark.parametrize("voxels", [1.5, 2.0, 3.0, 4.0, 6.0])
@pytest.mark.parametrize("spacing", [0.5, 0.75, 1.5])
def test_radius_of_a_tube(spacing: float, voxels: float, direction: tuple[float, float, float]) -> None:
    mask, along = tube(voxels * spacing, spacing, direction)
    lines = centre_lines(mask, (spacing,) * 3)
    index = lines.index.astype(int)
    inner = np.abs(along[tuple(index.T)]) < LENGTH / 2 - 2 * spacing
    assert np.count_nonzero(inner) > 5
    assert abs(np.median(lines.radius_mm[inner]) - voxels * spacing) < 0.4 * spacing


@pytest.mark.parametrize("spacing", [0.5, 0.75])
def test_length_of_a_tube(spacing: float) -> None:
    mask, _ = tube(1.8, spacing, (1, 0.7, 0.4))
    assert centre_lines(mask, (spacing,) * 3).length_mm.sum() == pytest.approx(LENGTH, rel=0.15)


def test_length_of_a_line_of_single_voxels() -> None:
    """Ten voxels in a diagonal: nine steps of the square root of 3."""
    mask = np.zeros((12, 12, 12), bool)
    mask[np.arange(1, 11), np.arange(1, 11), np.arange(1, 11)] = True
    lines = centre_lines(mask, (1.0, 1.0, 1.0))
    assert lines.length_mm.sum() <= 9 * np.sqrt(3) + 1e-6


def test_nothing_has_no_centre_line() -> None:
    lines = centre_lines(np.zeros((4, 4, 4), bool), (1.0, 1.0, 1.0))
    assert len(lines.index) == len(lines.radius_mm) == len(lines.length_mm) == 0
