"""Centre lines of a vessel mask: skeleton points with the radius of the vessel and the length that they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from spiroct.types import BoolArray, Float64Array, Vector3

# Voxels: the nearest outside voxel lies on average half a voxel beyond the border of a vessel, but the skeleton lies
# off the axis by more, summed over directions; what is left was measured on digital tubes of 0.5 to 1.5 mm.
PARTIAL_VOLUME = 0.15
STRETCH, THICK = 5.0, 5.5  # voxels to either side, and of radius
SPUR = 0.9  # of the thicker vessel's radius
ROUGHNESS = 0.15  # share of the surface


@dataclass(frozen=True, eq=False)
class CentreLines:
    """Points on the centre lines of vessels.

    Parameters
    ----------
    index : array (n, 3)
        Voxel (z, y, x) of each point.
    radius_mm : array (n,)
        Of the vessel around the point.
    length_mm : array (n,)
        Length of centre line that the point stands for: half the way to each neighbour.
    """

    index: Float64Array
    radius_mm: Float64Array
    length_mm: Float64Array


def centre_lines(vessels: BoolArray, spacing: Vector3) -> CentreLines:
    """Thin a vessel mask to its centre lines (Lee 1994, doi 10.1006/cgip.1994.1042) and measure radius and length.

    The radius of a thin vessel comes from volume over length along a stretch, near its distance transform; that of a
    thick one is the distance to the nearest voxel outside, plus ``PARTIAL_VOLUME``. A skeleton point is up to half a
    voxel off the axis: the largest distance among it and its neighbours is taken for the axis's.

    Parameters
    ----------
    vessels : array (z, y, x)
    spacing : tuple of float
        Millimetres.
    """
    from skimage.morphology import skeletonize

    padded = np.pad(vessels, 1)
    skeleton: BoolArray = skeletonize(_roughened(padded))  # type: ignore[no-untyped-call]
    points = np.argwhere(skeleton).astype(np.float64)
    if not len(points):
        return CentreLines(np.zeros((0, 3)), np.zeros(0), np.zeros(0))
    depth = ndimage.distance_transform_edt(padded, sampling=spacing)
    deepest = ndimage.maximum_filter(depth, footprint=ndimage.generate_binary_structure(3, 1))
    radius: Float64Array = deepest[skeleton].astype(np.float64) + PARTIAL_VOLUME * float(np.prod(spacing)) ** (1 / 3)
    kept = _own_vessel(points * np.asarray(spacing), radius)
    length = _lengths(skeleton, points, spacing)
    places = points[kept] * np.asarray(spacing)
    voxels = cKDTree(places).query(np.argwhere(padded) * np.asarray(spacing))[1]
    volume = np.bincount(voxels, minlength=len(places)).astype(np.float64) * np.prod(spacing)
    radius = _from_sections(places, radius[kept], length[kept], volume, max(spacing))
    return CentreLines(points[kept] - 1.0, radius, length[kept])


def _own_vessel(place_mm: Float64Array, radius_mm: Float64Array) -> BoolArray:
    """Leave out points inside a thicker vessel: spurs towards its surface, and the beginnings of its branches."""
    kept = np.ones(len(place_mm), bool)
    for inside, radius in zip(cKDTree(place_mm).query_ball_point(place_mm, radius_mm), radius_mm, strict=True):
        near = np.asarray(inside)
        kept[near[radius_mm[near] < SPUR * radius]] = False
    return kept


def _from_sections(
    place_mm: Float64Array, radius_mm: Float64Array, length_mm: Float64Array, volume_mm3: Float64Array, voxel_mm: float
) -> Float64Array:
    """Radii of the mean cross-sections along stretches of the same vessel, within half a voxel of the distances.

    Distances between voxels come in few values, and a histogram of them has gaps; volume over length does not.
    Thick vessels keep their distances: their stretches are too short for their branches and ends.
    """
    better = radius_mm.copy()
    reach = np.maximum(1.5 * radius_mm, STRETCH * voxel_mm)
    thin = np.flatnonzero(radius_mm < THICK * voxel_mm)
    for n, near in zip(thin, cKDTree(place_mm).query_ball_point(place_mm[thin], reach[thin]), strict=True):
        beside = np.asarray(near)
        same = beside[np.abs(radius_mm[beside] - radius_mm[n]) < voxel_mm]
        section = volume_mm3[same].sum() / max(float(length_mm[same].sum()), voxel_mm)
        better[n] = np.sqrt(section / np.pi)
    limited: Float64Array = np.clip(better, radius_mm - 0.5 * voxel_mm, radius_mm + 0.5 * voxel_mm)
    return limited


def _roughened(vessels: BoolArray) -> BoolArray:
    """Take single voxels off the surface, the same ones each time.

    scikit-image 0.26 thins a straight tube with symmetric cross-section to nothing; a rough one it thins to its axis.
    """
    surface = vessels & ~ndimage.binary_erosion(vessels)
    taken: BoolArray = np.random.default_rng(0).random(vessels.shape, np.float32) < ROUGHNESS
    rough: BoolArray = vessels & ~(surface & taken)
    return rough


def _lengths(skeleton: BoolArray, points: Float64Array, spacing: Vector3) -> Float64Array:
    """Half the distance to each of the neighbours; a diagonal that two shorter steps already span is not counted."""
    linked = np.zeros(len(points))
    z, y, x = points.astype(np.int64).T
    for step in product((-1, 0, 1), repeat=3):
        moved = sum(map(abs, step))
        if not moved:
            continue
        beside = skeleton[z + step[0], y + step[1], x + step[2]].copy()
        if moved > 1:  # around a corner the line runs by way of the voxel between
            for part in product(*((0, s) if s else (0,) for s in step)):
                if 0 < sum(map(abs, part)) < moved:
                    beside &= ~skeleton[z + part[0], y + part[1], x + part[2]]
        linked += beside * 0.5 * float(np.linalg.norm(np.multiply(step, spacing)))
    return linked
