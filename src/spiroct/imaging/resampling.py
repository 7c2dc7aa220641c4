"""Resample volumes: one antialiased, separable path for bare arrays, shared by training and prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import ndimage, sparse

from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.types import AnyArray, Float32Array, Vector3


def resampled_shape(shape: tuple[int, int, int], spacing: Vector3, new_spacing: Vector3) -> tuple[int, int, int]:
    """Shape after resampling: the extent of the array kept to within half a new voxel."""
    sizes = [max(1, round(n * old / new)) for n, old, new in zip(shape, spacing, new_spacing, strict=True)]
    return (sizes[0], sizes[1], sizes[2])


def resample_array(array: AnyArray, spacing: Vector3, new_spacing: Vector3) -> Float32Array:
    """Resample an array to another voxel size, about its centre.

    Along each axis an output voxel is the average of the input under a triangle that reaches one voxel to
    either side, the larger of old and new: linear interpolation where the grid gets finer, an antialiasing
    filter where it gets coarser (as ``torch.nn.functional.interpolate(antialias=True)`` does it). Weights sum
    to one at the borders too, so constants are kept exactly.

    Parameters
    ----------
    array : array (z, y, x)
        Voxel values.
    spacing, new_spacing : tuple of float
        Millimetres along (z, y, x), before and after.

    Returns
    -------
    array (z, y, x), float32
        Of shape ``resampled_shape(...)``; the centres of old and new array coincide.
    """
    shape = resampled_shape(array.shape, spacing, new_spacing)
    result = array
    # The axis that shrinks most goes first: less is left for the others.
    for axis in sorted(range(3), key=lambda a: shape[a] / array.shape[a]):
        if shape[axis] != array.shape[axis] or not np.isclose(spacing[axis], new_spacing[axis], rtol=1e-6):
            weights = _axis_weights(array.shape[axis], shape[axis], new_spacing[axis] / spacing[axis])
            result = _along_axis(weights, result, axis)
    return np.ascontiguousarray(result, dtype=np.float32)


def resample_volume(volume: CTVolume, spacing: Vector3) -> CTVolume:
    """Resample a CT to another voxel size (z, y, x in mm), keeping its centre and axes."""
    geometry = resampled_geometry(volume.geometry, spacing)
    return replace(volume, hu=resample_array(volume.hu, volume.geometry.spacing, spacing), geometry=geometry)


def resampled_geometry(geometry: Geometry, spacing: Vector3) -> Geometry:
    """Geometry of an array after :func:`resample_array`."""
    shape = resampled_shape(geometry.shape, geometry.spacing, spacing)
    ratio = np.asarray(spacing) / np.asarray(geometry.spacing)
    first = (np.asarray(geometry.shape) - 1) / 2 - ratio * (np.asarray(shape) - 1) / 2
    origin = geometry.point(first)
    return Geometry(shape, spacing, (float(origin[0]), float(origin[1]), float(origin[2])), geometry.direction)


def resample_labels(labels: LabelMap, onto: Geometry) -> LabelMap:
    """Carry a label map onto another grid by nearest neighbour; outside the map is background.

    Parameters
    ----------
    labels : LabelMap
        Labels in their own geometry.
    onto : Geometry
        Any grid, oblique ones included.
    """
    if onto == labels.geometry:
        return labels
    origin = labels.geometry.index(onto.origin)
    step = labels.geometry.direction_matrix.T @ onto.direction_matrix * np.asarray(onto.spacing)
    matrix = step / np.asarray(labels.geometry.spacing)[:, None]
    if np.allclose(matrix, np.diag(np.diag(matrix)), atol=1e-9):
        return LabelMap(_nearest_on_axes(labels.labels, np.diag(matrix), origin, onto.shape), onto)
    carried = ndimage.affine_transform(
        labels.labels, matrix, origin, output_shape=onto.shape, order=0, mode="constant", cval=0
    )
    return LabelMap(carried, onto)


def _nearest_on_axes(labels: AnyArray, scale: AnyArray, origin: AnyArray, shape: tuple[int, int, int]) -> AnyArray:
    indices, inside = [], []
    for axis in range(3):
        wanted = np.floor(origin[axis] + scale[axis] * np.arange(shape[axis]) + 0.5).astype(np.int64)
        inside.append((wanted >= 0) & (wanted < labels.shape[axis]))
        indices.append(np.clip(wanted, 0, labels.shape[axis] - 1))
    carried = labels[np.ix_(*indices)]
    z, y, x = inside
    within = z[:, None, None] & y[None, :, None] & x[None, None, :]
    return np.where(within, carried, 0).astype(labels.dtype)


def linear_on_axes(array: AnyArray, places: Sequence[AnyArray]) -> Float32Array:
    """Interpolate linearly at the crossings of three sets of planes.

    Parameters
    ----------
    array : array (z, y, x)
        Values on a grid.
    places : three arrays (k,), (m,), (n,)
        Where along (z, y, x), in voxels of the grid, growing; beyond it its border counts.

    Returns
    -------
    array (k, m, n), float32
    """
    low = [max(0, int(np.floor(p[0]))) for p in places]
    high = [max(low_ + 1, min(n, int(p[-1]) + 2)) for p, low_, n in zip(places, low, array.shape, strict=True)]
    near = [(min(a, n - 1), b) for a, b, n in zip(low, high, array.shape, strict=True)]
    result = array[tuple(slice(a, b) for a, b in near)]
    for axis, (wanted, (first, _)) in enumerate(zip(places, near, strict=True)):
        size = result.shape[axis]
        at = np.clip(np.asarray(wanted, dtype=np.float64) - first, 0, size - 1)
        if len(at) == size and np.array_equal(at, np.arange(size)):
            continue
        left = np.minimum(at.astype(np.int64), max(size - 2, 0))
        share = at - left
        rows = np.arange(len(at))
        weights = sparse.csr_array(
            (
                np.concatenate([1 - share, share]).astype(np.float32),
                (np.concatenate([rows, rows]), np.concatenate([left, np.minimum(left + 1, size - 1)])),
            ),
            shape=(len(at), size),
        )
        result = _along_axis(weights, result, axis)
    return np.ascontiguousarray(result, dtype=np.float32)


def _axis_weights(old: int, new: int, ratio: float) -> sparse.csr_array:
    """Weights (new, old) of one axis; ``ratio`` is the new voxel's size in old voxels."""
    support = max(1.0, ratio)
    centres = (old - 1) / 2 + ratio * (np.arange(new) - (new - 1) / 2)
    reach = int(np.ceil(support)) + 1
    columns = np.floor(centres)[:, None].astype(np.int64) + np.arange(-reach, reach + 1)[None, :]
    weights = np.clip(1.0 - np.abs(columns - centres[:, None]) / support, 0.0, None)
    weights[(columns < 0) | (columns >= old)] = 0.0  # what lies beyond the border has no say
    columns = np.clip(columns, 0, old - 1)
    weights /= weights.sum(axis=1, keepdims=True)
    rows = np.repeat(np.arange(new), columns.shape[1])
    return sparse.csr_array(
        (weights.ravel().astype(np.float32), (rows, columns.ravel())), shape=(new, old), dtype=np.float32
    )


def _along_axis(weights: sparse.csr_array, array: AnyArray, axis: int) -> Float32Array:
    """Apply (new, old) weights along one axis, plane by plane so that memory stays small."""
    if axis == 0:
        flat = array.reshape(array.shape[0], -1).astype(np.float32, copy=False)
        product: Float32Array = weights @ flat
        return product.reshape(weights.shape[0], *array.shape[1:])
    shape = list(array.shape)
    shape[axis] = weights.shape[0]
    result = np.empty(shape, dtype=np.float32)
    for number, plane in enumerate(array):
        moved = plane if axis == 1 else plane.T
        product = weights @ np.ascontiguousarray(moved, dtype=np.float32)
        result[number] = product if axis == 1 else product.T
    return result
