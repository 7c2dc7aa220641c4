"""Vesselness on shapes whose answer is algebra."""

from __future__ import annotations

import numpy as np
import pytest

from spiroct.segmentation.vesselness import smoothed, symmetric_eigenvalues, vesselness


def gaussian_shape(spacing: tuple[float, float, float], dims: int, width: float = 2.0, height: float = 400.0) -> tuple:
    """A ball (3), line along z (2) or sheet (1) with a Gaussian profile, and the index of its centre."""
    shape = tuple(round(30 / s) | 1 for s in spacing)
    centre = tuple(n // 2 for n in shape)
    axes = [(np.arange(n) - c) * s for n, c, s in zip(shape, centre, spacing, strict=True)]
    grid = np.meshgrid(*axes, indexing="ij")
    squared = sum(g**2 for g in grid[3 - dims :])
    return (-850.0 + height * np.exp(-squared / (2 * width**2))).astype(np.float32), centre


def test_eigenvalues_are_numpys() -> None:
    elements = np.random.default_rng(3).normal(0, 100, (6, 400)).astype(np.float32)
    zz, yy, xx, zy, zx, yx = elements
    matrices = np.stack([zz, zy, zx, zy, yy, yx, zx, yx, xx], axis=-1).reshape(-1, 3, 3)
    expected = np.linalg.eigvalsh(matrices.astype(np.float64)).T
    assert np.allclose(np.stack(symmetric_eigenvalues(*elements)), expected, atol=0.1)


@pytest.mark.parametrize("spacing", [(0.75, 0.75, 0.75), (1.0, 0.6, 0.6)])
@pytest.mark.parametrize("method", ["strain-energy", "frangi"])
def test_a_line_has_its_contrast(spacing: tuple[float, float, float], method: str) -> None:
    """sigma^2 times the second derivative of a Gaussian line of width w is greatest at sigma = w: a quarter of it."""
    hu, centre = gaussian_shape(spacing, 2)
    found = vesselness(hu, np.ones(hu.shape, bool), spacing, method=method, scales_mm=(1.0, 1.4, 2.0, 2.8))
    assert found[centre] == pytest.approx(400.0, rel=0.08)


@pytest.mark.parametrize("method", ["strain-energy", "frangi"])
@pytest.mark.parametrize("dims", [1, 3])
def test_sheets_and_balls_are_no_lines(method: str, dims: int) -> None:
    spacing = (0.75, 0.75, 0.75)
    line, centre = gaussian_shape(spacing, 2)
    other, _ = gaussian_shape(spacing, dims)
    every = np.ones(line.shape, bool)
    assert vesselness(other, every, spacing, method=method)[centre] < 0.5 * vesselness(line, every, spacing)[centre]


def test_dark_lines_are_found_as_dark() -> None:
    hu, centre = gaussian_shape((0.75, 0.75, 0.75), 2, height=-100.0)
    every = np.ones(hu.shape, bool)
    assert vesselness(hu, every, (0.75, 0.75, 0.75))[centre] == 0
    assert vesselness(hu, every, (0.75, 0.75, 0.75), bright=False)[centre] > 80


def test_what_lies_outside_the_mask_has_no_say() -> None:
    rng = np.random.default_rng(1)
    hu = rng.normal(-850, 20, (20, 20, 20)).astype(np.float32)
    mask = np.zeros(hu.shape, bool)
    mask[4:16, 4:16, 4:16] = True
    bright = np.where(mask, hu, 400).astype(np.float32)
    spacing = (1.5, 1.5, 1.5)
    assert np.array_equal(vesselness(hu, mask, spacing), vesselness(bright, mask, spacing))
    assert not vesselness(hu, mask, spacing)[~mask].any()


def test_a_masked_mean_keeps_constants() -> None:
    mask = np.zeros((9, 9, 9), bool)
    mask[2:7, 2:7, 2:7] = True
    values = np.where(mask, -700, 1000).astype(np.float32)
    assert np.allclose(smoothed(values, mask, 2.0, (1.0, 1.0, 1.0))[mask], -700)


def test_unknown_filters_are_refused() -> None:
    with pytest.raises(ValueError, match="frangi"):
        vesselness(np.zeros((5, 5, 5), np.float32), np.ones((5, 5, 5), bool), (1.0, 1.0, 1.0), method="magic")
