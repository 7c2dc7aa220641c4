"""From the cells of a network's layer to the voxels of its input patch, and on to the scan's own grid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from spiroct.imaging.orientation import restore_array, restore_geometry, to_canonical_geometry
from spiroct.imaging.resampling import resampled_geometry
from spiroct.imaging.volume import Geometry
from spiroct.types import AnyArray, Float32Array, Float64Array, Shape3


def cell_centres(architecture: dict[str, Any], patch: Shape3, cells: Shape3) -> tuple[Float64Array, ...]:
    """Voxel of the patch at which each cell of a layer is centred, along z, y and x.

    Strided convolutions of width 3, padded by 1, centre cell j on voxel ``stride * j``; folding cubes of two voxels
    moves that by half a voxel. The usual resizing of a map to the image puts them elsewhere: half a stride off.
    For networks whose padding depends on the size (``i3d``) and those that turn their input, cells are laid
    evenly over the patch, which is right to half a cell.

    Parameters
    ----------
    architecture : dict
        The checkpoint's.
    patch, cells : tuple of int
        Sizes (z, y, x) of the input and of the layer.
    """
    exact = architecture["name"] in ("resnet3d", "x3d")
    fold = architecture["name"] == "resnet3d" and architecture.get("stem") == "fold"
    centres = []
    for voxels, count in zip(patch, cells, strict=True):
        if exact:
            stride = 2 ** round(np.log2(voxels / count))
            first = 0.5 if fold and stride > 1 else 0.0
        else:
            stride = voxels / count
            first = (stride - 1) / 2
        centres.append(np.minimum(first + stride * np.arange(count), voxels - 1.0))
    return tuple(centres)


def spread(
    maps: AnyArray, centres: tuple[Float64Array, ...], patch: Shape3, *, weights: Float64Array | None = None
) -> Float32Array:
    """Spread cells over the voxels around them, so that the mean over the patch is the mean over the cells.

    Between centres the shares change linearly; every cell gives all of what it holds, to its own surroundings.

    Parameters
    ----------
    maps : array (..., z, y, x)
        Values of the cells.
    centres : tuple of 3 arrays
        From :func:`cell_centres`.
    patch : tuple of int
        Voxels (z, y, x).
    weights : array (..., patch), optional
        Positive: within the surroundings of a cell, voxels take shares in proportion to it.

    Returns
    -------
    array (..., z, y, x), float32
    """
    near = [
        np.stack([np.interp(np.arange(voxels), at, row) for row in np.eye(len(at))], axis=1)
        for voxels, at in zip(patch, centres, strict=True)
    ]
    density = float(np.prod(patch)) / float(np.prod([len(at) for at in centres]))
    if weights is None:
        totals: AnyArray = np.einsum("a,b,c->abc", *(n.sum(axis=0) for n in near))
    else:
        totals = np.einsum("...ijk,iz,jy,kx->...zyx", weights, *near, optimize=True)
    shares = np.einsum("...zyx,iz,jy,kx->...ijk", np.asarray(maps, np.float64) / totals, *near, optimize=True)
    spreaded: AnyArray = shares * density if weights is None else shares * weights * density
    return spreaded.astype(np.float32)


def even_spread(centres: tuple[Float64Array, ...], patch: Shape3) -> Float32Array:
    """Spread (z, y, x) of cells that all hold 1: above 1 where the cells of a layer have little room."""
    return spread(np.ones(tuple(len(at) for at in centres)), centres, patch)


def patch_geometry(scan: Geometry, spacing_mm: float, start: Shape3, patch: Shape3) -> Geometry:
    """Where the network's patch lies in the patient, in the scan's canonical axes.

    Parameters
    ----------
    scan : Geometry
        The scan's own, in any orientation.
    spacing_mm, start : float, tuple of int
        Of :class:`~spiroct.preprocessing.network_input.PreparedInput`.
    patch : tuple of int
        Voxels (z, y, x).
    """
    grid = resampled_geometry(to_canonical_geometry(scan), (spacing_mm,) * 3)
    x, y, z = (float(v) for v in grid.point((float(start[0]), float(start[1]), float(start[2]))))
    return Geometry(patch, grid.spacing, (x, y, z), grid.direction)


def onto_scan(values: Float32Array, patch: Geometry, scan: Geometry) -> Float32Array:
    """Interpolate a map on the patch at the voxels of a scan, in the scan's own axes; 0 outside the patch.

    Parameters
    ----------
    values : array (z, y, x)
        On the grid of ``patch``.
    patch, scan : Geometry
        From :func:`patch_geometry`, and the scan's own.
    """
    return interpolate(restore_array(values, scan), restore_geometry(patch, scan), scan)


def planes_on_scan(values: Float32Array, patch: Geometry, scan: Geometry) -> Iterator[Float32Array]:
    """Give the planes (y, x) of :func:`onto_scan` one after the other; each is gone when the next is asked for."""
    own, source = restore_array(values, scan), restore_geometry(patch, scan)
    origin = source.index(scan.origin)
    weights = [
        _weights(source.shape[a], float(origin[a]), scan.shape[a], scan.spacing[a] / source.spacing[a])
        for a in range(3)
    ]
    own = own @ weights[2].T
    plane = np.empty(scan.shape[1:], np.float32)
    for row in weights[0]:
        near = np.flatnonzero(row)  # two at most
        between = np.tensordot(row[near], own[near], axes=1) if len(near) else np.zeros_like(own[0])
        yield np.matmul(weights[1], between, out=plane)


def interpolate(values: AnyArray, source: Geometry, target: Geometry, *, averaged: bool = False) -> Float32Array:
    """Interpolate linearly from one grid to another one with the same axes; 0 outside the first.

    Axis by axis, as products of matrices: that of a whole scan takes a tenth of a second.

    Parameters
    ----------
    values : array (z, y, x)
        On the grid of ``source``.
    source, target : Geometry
        Parallel axes; sizes, spacings and origins are free.
    averaged : bool
        Where the target is coarser, take means over boxes of a target voxel's size, so that nothing between its
        centres is passed over; 0 counts for what lies outside the source.
    """
    origin = source.index(target.origin)
    result: AnyArray = np.asarray(values, np.float32)
    ratios = [new / old for new, old in zip(target.spacing, source.spacing, strict=True)]
    growth = [n / m for n, m in zip(target.shape, values.shape, strict=True)]
    for axis in sorted(range(3), key=lambda a: growth[a]):  # what shrinks the array first
        weights = _weights(values.shape[axis], float(origin[axis]), target.shape[axis], ratios[axis])
        if averaged:
            weights = weights @ _means(values.shape[axis], max(1, round(ratios[axis])))
        if axis == 0:
            flat = weights @ result.reshape(len(result), -1)
            result = flat.reshape(len(weights), *result.shape[1:])
        else:
            result = np.matmul(weights, result) if axis == 1 else result @ weights.T
    return np.ascontiguousarray(result, dtype=np.float32)


def _weights(size: int, origin: float, count: int, step: float) -> Float32Array:
    """Linear weights (count, size) of the voxels of an axis at evenly spaced places; 0 half a voxel beyond the ends."""
    at = origin + np.arange(count) * step
    inside = (at > -0.5 - 1e-6) & (at < size - 0.5 + 1e-6)
    low = np.clip(np.floor(at).astype(np.int64), 0, max(size - 2, 0))
    share = np.clip(at - low, 0.0, 1.0)
    weights, rows = np.zeros((count, size), np.float32), np.arange(count)
    weights[rows, low] += (1.0 - share) * inside
    weights[rows, np.minimum(low + 1, size - 1)] += share * inside
    return weights


def _means(size: int, width: int) -> Float32Array:
    """Weights (size, size) of means over so many neighbours; an even number of them begins half a voxel early."""
    first = np.arange(size)[:, None] - width // 2
    offset = np.arange(size)[None] - first
    means: Float32Array = ((offset >= 0) & (offset < width)).astype(np.float32) / np.float32(width)
    return means
