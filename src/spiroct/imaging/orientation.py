"""Reorder a volume's axes to the canonical frame (z to the head, y to the back, x to the left), and back."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import overload

import numpy as np

from spiroct.imaging.volume import CANONICAL_DIRECTION, CTVolume, Geometry, LabelMap, Matrix3
from spiroct.types import AnyArray


@overload
def to_canonical(volume: CTVolume) -> CTVolume: ...
@overload
def to_canonical(volume: LabelMap) -> LabelMap: ...
def to_canonical(volume: CTVolume | LabelMap) -> CTVolume | LabelMap:
    """Flip and transpose the axes to the nearest canonical ones; voxel values are untouched.

    An oblique scan keeps its obliqueness: only the order and sense of its axes change.

    Parameters
    ----------
    volume : CTVolume or LabelMap
        In any of the 48 axis orders.

    Returns
    -------
    CTVolume or LabelMap
        The same voxels; array axis 0 points mostly to the head, 1 to the back, 2 to the patient's left.
    """
    order, flips = _nearest_axes(volume.geometry)
    geometry = _reordered(volume.geometry, order, flips)
    if isinstance(volume, CTVolume):
        return replace(volume, hu=_apply(volume.hu, order, flips), geometry=geometry)
    return replace(volume, labels=_apply(volume.labels, order, flips), geometry=geometry)


def restore(labels: LabelMap, geometry: Geometry) -> LabelMap:
    """Bring a label map on the canonical axes of a scan back into the scan's own frame, exactly.

    Parameters
    ----------
    labels : LabelMap
        On the grid of ``to_canonical`` of the scan.
    geometry : Geometry
        The scan's own geometry.

    Raises
    ------
    ValueError
        If the label map does not lie on that scan's canonical grid.
    """
    order, flips = _nearest_axes(geometry)
    expected = _reordered(geometry, order, flips)
    if expected.shape != labels.geometry.shape or not np.allclose(expected.origin, labels.geometry.origin, atol=1e-3):
        raise ValueError("the label map does not lie on the canonical grid of this scan")
    return LabelMap(restore_array(labels.labels, geometry), geometry)


def to_canonical_geometry(geometry: Geometry) -> Geometry:
    """Geometry of a scan after :func:`to_canonical`."""
    return _reordered(geometry, *_nearest_axes(geometry))


def restore_array(array: AnyArray, geometry: Geometry) -> AnyArray:
    """Bring an array on a scan's canonical axes back into the scan's own axes.

    Parameters
    ----------
    array : array (z, y, x)
        On the grid of :func:`to_canonical` of the scan.
    geometry : Geometry
        The scan's own geometry.
    """
    order, flips = _nearest_axes(geometry)
    inverse = tuple(int(i) for i in np.argsort(order))
    return np.ascontiguousarray(np.transpose(_flip(array, flips), inverse))


def restore_geometry(grid: Geometry, scan: Geometry) -> Geometry:
    """Geometry of :func:`restore_array` of an array on any grid along a scan's canonical axes.

    Parameters
    ----------
    grid : Geometry
        Parallel to :func:`to_canonical_geometry` of the scan; size, spacing and origin are free.
    scan : Geometry
        The scan's own geometry.
    """
    order, flips = _nearest_axes(scan)
    inverse = [int(i) for i in np.argsort(order)]
    z, y, x = (n - 1.0 if flip else 0.0 for n, flip in zip(grid.shape, flips, strict=True))
    return Geometry(
        shape=tuple(grid.shape[i] for i in inverse),  # type: ignore[arg-type]
        spacing=tuple(grid.spacing[i] for i in inverse),  # type: ignore[arg-type]
        origin=tuple(float(p) for p in grid.point((z, y, x))),  # type: ignore[arg-type]
        direction=scan.direction,
    )


def obliqueness_degrees(geometry: Geometry) -> float:
    """Largest angle between an array axis and the patient axis nearest to it, in degrees."""
    order, flips = _nearest_axes(geometry)
    turned = np.asarray(_reordered(geometry, order, flips).direction)
    cosines = np.clip(np.sum(turned * np.asarray(CANONICAL_DIRECTION), axis=0), -1, 1)
    return float(np.degrees(np.arccos(cosines)).max())


def _nearest_axes(geometry: Geometry) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
    """Choose which array axis becomes which canonical one, and which to reverse.

    The permutation with the largest sum of |cosines| is the nearest one as a whole; chosen axis by axis, the same
    axis could be taken twice in a scan that is oblique by 45 degrees.
    """
    cosines = np.asarray(CANONICAL_DIRECTION).T @ geometry.direction_matrix  # [canonical axis, array axis]
    order = max(permutations(range(3)), key=lambda p: sum(abs(cosines[c, a]) for c, a in enumerate(p)))
    flips = tuple(bool(cosines[c, a] < 0) for c, a in enumerate(order))
    return order, flips  # type: ignore[return-value]


def _reordered(geometry: Geometry, order: tuple[int, ...], flips: tuple[bool, ...]) -> Geometry:
    direction = geometry.direction_matrix[:, order] * np.where(flips, -1.0, 1.0)
    corner = [0.0, 0.0, 0.0]  # in the scan's own index space: the voxel that comes first after the flips
    for axis, flip in zip(order, flips, strict=True):
        corner[axis] = geometry.shape[axis] - 1.0 if flip else 0.0
    point = geometry.point((corner[0], corner[1], corner[2]))
    return Geometry(
        shape=tuple(geometry.shape[a] for a in order),  # type: ignore[arg-type]
        spacing=tuple(geometry.spacing[a] for a in order),  # type: ignore[arg-type]
        origin=tuple(float(p) for p in point),  # type: ignore[arg-type]
        direction=as_matrix3(direction),
    )


def as_matrix3(matrix: AnyArray) -> Matrix3:
    """Turn a (3, 3) array into nested tuples of float; a negative zero becomes zero."""
    rows = [tuple(float(v) + 0.0 for v in row) for row in np.asarray(matrix)]
    return (rows[0], rows[1], rows[2])  # type: ignore[return-value]


def _apply(array: AnyArray, order: tuple[int, ...], flips: tuple[bool, ...]) -> AnyArray:
    return np.ascontiguousarray(_flip(np.transpose(array, order), flips))


def _flip(array: AnyArray, flips: tuple[bool, ...]) -> AnyArray:
    return array[tuple(slice(None, None, -1) if flip else slice(None) for flip in flips)]
