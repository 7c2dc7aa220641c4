"""Look-ups in the thorax's tables and lattices, shared by everything that fills voxels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spiroct.phantom.anatomy_compiled import compiled
from spiroct.phantom.thorax import COSINE, INNER, RIB_KIND, RIB_OFFSET
from spiroct.types import Float32Array, Float64Array


class Spot(NamedTuple):
    """A voxel as the thorax sees it: place (mm), direction in the wall table, and the cage there."""

    z: float
    y: float
    x: float
    radius: float
    k: int
    first: int
    second: int
    f: float
    inner: float
    cosine: float
    offset: float
    kind: float


@compiled
def spot_at(z: float, y: float, x: float, k: int, table: Float32Array, centre_y: Float64Array) -> Spot:
    """Find direction, cage radius and nearest rib of a point at slice k of a wall table."""
    directions = table.shape[1]
    dy = y - centre_y[k]
    turn = np.arctan2(x, dy) * directions / (2 * np.pi)
    if turn < 0:
        turn += directions
    first = int(turn)
    f = turn - first
    first = first % directions
    second = (first + 1) % directions
    inner = table[k, first, INNER] * (1 - f) + table[k, second, INNER] * f
    offset = rib_offset(table[k, first, RIB_OFFSET], table[k, second, RIB_OFFSET], f)
    kind = table[k, first if f < 0.5 else second, RIB_KIND]
    return Spot(z, y, x, np.sqrt(dy * dy + x * x), k, first, second, f, inner, table[k, first, COSINE], offset, kind)


@compiled
def layer(table: Float32Array, spot: Spot, column: int) -> float:
    """Value of a column of the wall table in a spot's direction."""
    return float(table[spot.k, spot.first, column] * (1 - spot.f) + table[spot.k, spot.second, column] * spot.f)


@compiled
def clipped(value: float) -> float:
    """Clip a share to 0 to 1."""
    return min(max(value, 0.0), 1.0)


@compiled
def share_between(low: float, high: float, r: float, width: float) -> float:
    """Share of a voxel of a width, centred at r, that lies between two radii."""
    return max(min(high, r + 0.5 * width) - max(low, r - 0.5 * width), 0.0) / width


@compiled
def on_lattice(lattice: Float32Array, z: float, y: float, x: float) -> float:
    """Trilinear value of a lattice at continuous indices, clamped to its borders."""
    nz, ny, nx = lattice.shape
    z = min(max(z, 0.0), nz - 1.001)
    y = min(max(y, 0.0), ny - 1.001)
    x = min(max(x, 0.0), nx - 1.001)
    k, j, i = int(z), int(y), int(x)
    c, b, a = z - k, y - j, x - i
    low = (lattice[k, j, i] * (1 - a) + lattice[k, j, i + 1] * a) * (1 - b)
    low += (lattice[k, j + 1, i] * (1 - a) + lattice[k, j + 1, i + 1] * a) * b
    high = (lattice[k + 1, j, i] * (1 - a) + lattice[k + 1, j, i + 1] * a) * (1 - b)
    high += (lattice[k + 1, j + 1, i] * (1 - a) + lattice[k + 1, j + 1, i + 1] * a) * b
    return float(low * (1 - c) + high * c)


@compiled
def on_plane(plane: Float32Array, y: float, x: float) -> float:
    """Bilinear value of a height map at continuous indices, clamped to its borders."""
    ny, nx = plane.shape
    y = min(max(y, 0.0), ny - 1.001)
    x = min(max(x, 0.0), nx - 1.001)
    j, i = int(y), int(x)
    b, a = y - j, x - i
    low = plane[j, i] * (1 - a) + plane[j, i + 1] * a
    high = plane[j + 1, i] * (1 - a) + plane[j + 1, i + 1] * a
    return float(low * (1 - b) + high * b)


@compiled
def midline(z: float, y: float, sz: float, sy: float) -> float:
    """Where the sheet between the lungs lies (x, mm): to the left in front, the more so beside the heart."""
    front = min(max((-y / sy - 8.0) / 40.0, 0.0), 1.0)
    low = min(max((-z / sz - 40.0) / 110.0, 0.0), 1.0)
    return 2.0 + front * (2.0 + 11.0 * low)


@compiled
def rib_offset(first: float, second: float, f: float) -> float:
    """Height above the nearest rib between two directions; halfway between two ribs it jumps."""
    if abs(first - second) > 6.0:
        return first if f < 0.5 else second
    return first * (1 - f) + second * f


@compiled
def cage_gap(spot: Spot) -> float:
    """Distance inward from the pleura over the ribs, which stand a little proud of the muscle between them."""
    proud = 1.3 * np.exp(-((spot.offset / 7.5) ** 2)) if spot.kind > 0.5 else 0.0
    return (spot.inner - spot.radius) * spot.cosine - 1.0 - proud
