"""Smooth random fields that have a value at every point of space, whatever the grid they are seen on."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from spiroct.phantom.anatomy_compiled import compiled
from spiroct.types import Float32Array

TILE = 64  # voxels along each side of a field's periodic tile
_CORRELATION = 1.1  # voxels: a tile step is about half the size of a blob


def noise_tile(seed: int, stream: int, correlation: float = _CORRELATION) -> Float32Array:
    """Draw a periodic tile of Gaussian noise with unit variance.

    Parameters
    ----------
    seed, stream : int
        Seed of the patient's record, and which of its fields.
    correlation : float
        SD of the smoothing, in tile voxels.

    Returns
    -------
    array (64, 64, 64)
    """
    white = np.random.default_rng((seed, stream)).standard_normal((TILE,) * 3, dtype=np.float32)
    smooth = ndimage.gaussian_filter(white, correlation, mode="wrap")
    tile: Float32Array = ((smooth - smooth.mean()) / smooth.std()).astype(np.float32)
    return tile


@compiled
def field(tile: Float32Array, z: float, y: float, x: float) -> float:
    """Value of a tile at a point, in tile voxels (trilinear, periodic)."""
    iz, iy, ix = int(np.floor(z)), int(np.floor(y)), int(np.floor(x))
    fz, fy, fx = z - iz, y - iy, x - ix
    z0, y0, x0 = iz & 63, iy & 63, ix & 63
    z1, y1, x1 = (iz + 1) & 63, (iy + 1) & 63, (ix + 1) & 63
    a = (tile[z0, y0, x0] * (1 - fx) + tile[z0, y0, x1] * fx) * (1 - fy)
    a += (tile[z0, y1, x0] * (1 - fx) + tile[z0, y1, x1] * fx) * fy
    b = (tile[z1, y0, x0] * (1 - fx) + tile[z1, y0, x1] * fx) * (1 - fy)
    b += (tile[z1, y1, x0] * (1 - fx) + tile[z1, y1, x1] * fx) * fy
    return float(a * (1 - fz) + b * fz)


@compiled
def hashed(i: int, j: int, k: int, seed: int) -> int:
    """Mix three lattice indices and a seed to 32 random bits."""
    h = (i * 374761393 + j * 668265263 + k * 2147483647 + seed * 1274126177) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 1274126177) & 0xFFFFFFFF
    h = ((h ^ (h >> 16)) * 2246822519) & 0xFFFFFFFF
    return h ^ (h >> 15)


@compiled
def cells(z: float, y: float, x: float, size: float, seed: int) -> tuple[float, float, float]:
    """Distances to the two nearest seeds of irregular cells, and a number of the nearest cell.

    Cellular texture after Worley 1996 (SIGGRAPH, doi 10.1145/237170.237267): the wall between two cells is
    where the two distances agree.

    Parameters
    ----------
    z, y, x, size : float
        Point and mean cell size, mm.
    seed : int

    Returns
    -------
    first, second : float
        Distances in mm.
    number : float
        Uniform on 0 to 1, the same all over one cell.
    """
    pz, py, px = z / size, y / size, x / size
    iz, iy, ix = int(np.floor(pz)), int(np.floor(py)), int(np.floor(px))
    first, second, number = 9.0, 9.0, 0.0
    for k in range(iz - 1, iz + 2):
        for j in range(iy - 1, iy + 2):
            for i in range(ix - 1, ix + 2):
                h = hashed(i, j, k, seed)
                dz = k + (h & 1023) / 1023.0 - pz
                dy = j + ((h >> 10) & 1023) / 1023.0 - py
                dx = i + ((h >> 20) & 1023) / 1023.0 - px
                d = dz * dz + dy * dy + dx * dx
                if d < first:
                    second = first
                    first = d
                    number = ((h >> 5) & 4095) / 4095.0
                elif d < second:
                    second = d
    return np.sqrt(first) * size, np.sqrt(second) * size, number
