"""Cohort means: the same place of every lung lies at the same point of the grid."""

from __future__ import annotations

import numpy as np
import pytest

from spiroct.attribution.attribution_map import AttributionMap, Cost, PatchMap
from spiroct.attribution.common_grid import GRID, cohort_mean
from spiroct.imaging.orientation import to_canonical
from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.pft.measures import Measure

CANONICAL_BUT_TURNED = ((0.0, 0.0, -1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))  # x to the right


def patient(side: int, *, mirrored: bool = False) -> tuple[AttributionMap, LabelMap]:
    """Lungs that fill a cube of ``side`` voxels; the map is 1 in their upper left eighth (of the patient)."""
    labels = np.zeros((side + 4,) * 3, np.uint8)
    inner = slice(2, side + 2)
    labels[inner, inner, inner] = 1
    values = np.zeros(labels.shape, np.float32)
    half = side // 2 + 2
    values[half : side + 2, half : side + 2, half : side + 2] = 1
    direction = CANONICAL_BUT_TURNED if mirrored else None
    if mirrored:
        labels, values = labels[..., ::-1].copy(), values[..., ::-1].copy()
    geometry = Geometry(values.shape, (2.0, 2.0, 2.0), **({"direction": direction} if direction else {}))
    seen = to_canonical(CTVolume(values, geometry))
    patch = PatchMap(
        Measure.TLC, "ram", "pool", seen.hu[None], np.zeros(1), np.ones(1), "L", Cost(0, 0.0), np.ones_like(seen.hu)
    )
    return AttributionMap(geometry, patch, seen.geometry), LabelMap(labels, geometry)


def test_lungs_of_any_size_and_orientation_meet() -> None:
    mean, lungs, count = cohort_mean([patient(40), patient(80), patient(60, mirrored=True)])
    assert count == 3
    assert mean.shape == GRID
    middle = tuple(n // 2 for n in GRID)
    inner = tuple(slice(m + 3, m + 6) for m in middle)
    np.testing.assert_allclose(mean[inner], 1)  # up, back and left of the middle, in all three
    assert mean[tuple(slice(m - 6, m - 3) for m in middle)].max() == 0
    assert lungs[middle] == 1
    assert lungs[0].max() == 0


def test_nobody_and_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one patient"):
        cohort_mean([])
    found, labels = patient(10)
    with pytest.raises(ValueError, match="without lungs"):
        cohort_mean([(found, LabelMap(labels.labels * 0, labels.geometry))])
