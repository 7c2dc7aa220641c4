"""Painting of tubes and ellipsoids into a volume with the right share of each voxel, at any grid."""

from __future__ import annotations

import numpy as np

from spiroct.phantom.anatomy_compiled import compiled
from spiroct.types import Float32Array, Float64Array, UInt8Array


@compiled
def tube_distance(
    pz: float, py: float, px: float, az: float, ay: float, ax: float, dz: float, dy: float, dx: float, inverse: float
) -> tuple[float, float]:
    """Distance of a point from a segment a + t d, and t on 0 to 1; ``inverse`` is 1 / |d|^2."""
    t = ((pz - az) * dz + (py - ay) * dy + (px - ax) * dx) * inverse
    t = min(max(t, 0.0), 1.0)
    ez, ey, ex = pz - az - t * dz, py - ay - t * dy, px - ax - t * dx
    return np.sqrt(ez * ez + ey * ey + ex * ex), t


@compiled
def voxels_within(a: float, d: float, reach: float, origin: float, spacing: float, count: int) -> tuple[int, int]:
    """First and last voxel along one axis whose middle is within ``reach`` of a segment from a to a + d."""
    first = max(0, int(np.ceil((min(a, a + d) - reach - origin) / spacing)))
    return first, min(count - 1, int(np.floor((max(a, a + d) + reach - origin) / spacing)))


@compiled
def paint_tube(
    hounsfield: Float32Array,
    tissue: UInt8Array,
    keep: UInt8Array,
    origin: Float64Array,
    spacing: Float64Array,
    points: Float64Array,
    radii: Float64Array,
    code: int,
    value: float,
) -> None:
    """Blend a chain of tubes into a volume; tissues marked in ``keep`` (256,) are left alone."""
    nz, ny, nx = hounsfield.shape
    voxel = (spacing[0] * spacing[1] * spacing[2]) ** (1.0 / 3.0)
    for s in range(points.shape[0] - 1):
        az, ay, ax = points[s, 0], points[s, 1], points[s, 2]
        dz, dy, dx = points[s + 1, 0] - az, points[s + 1, 1] - ay, points[s + 1, 2] - ax
        length2 = dz * dz + dy * dy + dx * dx
        inverse = 1.0 / max(length2, 1e-9)
        r0, r1 = radii[s], radii[s + 1]
        reach = max(r0, r1) + voxel
        k0, k1 = voxels_within(az, dz, reach, origin[0], spacing[0], nz)
        j0, j1 = voxels_within(ay, dy, reach, origin[1], spacing[1], ny)
        i0, i1 = voxels_within(ax, dx, reach, origin[2], spacing[2], nx)
        for k in range(k0, k1 + 1):
            for j in range(j0, j1 + 1):
                for i in range(i0, i1 + 1):
                    if keep[tissue[k, j, i]]:
                        continue
                    d, t = tube_distance(
                        origin[0] + k * spacing[0], origin[1] + j * spacing[1], origin[2] + i * spacing[2],
                        az, ay, ax, dz, dy, dx, inverse,
                    )  # fmt: skip
                    r = r0 + t * (r1 - r0)
                    if r <= 0:
                        continue
                    share = 0.5 + (r - d) / voxel
                    if r < 0.6 * voxel:  # thinner than a voxel: the share of its area
                        share *= r / (0.6 * voxel)
                    if share <= 0:
                        continue
                    share = min(share, 1.0)
                    hounsfield[k, j, i] += share * (value - hounsfield[k, j, i])
                    if share > 0.5:
                        tissue[k, j, i] = code


@compiled
def paint_ellipsoid(
    hounsfield: Float32Array,
    tissue: UInt8Array,
    keep: UInt8Array,
    origin: Float64Array,
    spacing: Float64Array,
    centre: Float64Array,
    axes: Float64Array,
    code: int,
    value: float,
) -> None:
    """Blend an ellipsoid (rows of ``axes`` are its half axes) into a volume."""
    voxel = (spacing[0] * spacing[1] * spacing[2]) ** (1.0 / 3.0)
    reach = np.sqrt((axes * axes).sum(axis=0)) + voxel
    square = (axes * axes).sum(axis=1)
    low, high = np.zeros(3, dtype=np.int64), np.zeros(3, dtype=np.int64)
    for n in range(3):
        low[n] = max(0, int(np.ceil((centre[n] - reach[n] - origin[n]) / spacing[n])))
        high[n] = min(hounsfield.shape[n] - 1, int(np.floor((centre[n] + reach[n] - origin[n]) / spacing[n])))
    for k in range(low[0], high[0] + 1):
        for j in range(low[1], high[1] + 1):
            for i in range(low[2], high[2] + 1):
                if keep[tissue[k, j, i]]:
                    continue
                dz = origin[0] + k * spacing[0] - centre[0]
                dy = origin[1] + j * spacing[1] - centre[1]
                dx = origin[2] + i * spacing[2] - centre[2]
                share = 0.5 - ellipsoid_distance(dz, dy, dx, axes, square) / voxel
                if share <= 0:
                    continue
                share = min(share, 1.0)
                hounsfield[k, j, i] += share * (value - hounsfield[k, j, i])
                if share > 0.5:
                    tissue[k, j, i] = code


@compiled
def ellipsoid_distance(dz: float, dy: float, dx: float, axes: Float64Array, square: Float64Array) -> float:
    """Approximate signed distance from an ellipsoid's surface, negative inside (first order)."""
    value = 0.0
    slope = 0.0
    for n in range(3):
        u = (dz * axes[n, 0] + dy * axes[n, 1] + dx * axes[n, 2]) / square[n]
        value += u * u
        slope += u * u / square[n]
    value = np.sqrt(value)
    if slope < 1e-12:
        return float(-np.sqrt(min(square[0], square[1], square[2])))
    return float(value * (value - 1.0) / np.sqrt(slope))


@compiled
def add_tube_nearness(
    total: Float32Array,
    origin: Float64Array,
    step: float,
    points: Float64Array,
    radii: Float64Array,
    clearance: float,
    softness: float,
) -> None:
    """Add exp(-distance / softness) from a chain of tubes to a lattice: sums make smooth unions."""
    nz, ny, nx = total.shape
    for s in range(points.shape[0] - 1):
        az, ay, ax = points[s, 0], points[s, 1], points[s, 2]
        dz, dy, dx = points[s + 1, 0] - az, points[s + 1, 1] - ay, points[s + 1, 2] - ax
        inverse = 1.0 / max(dz * dz + dy * dy + dx * dx, 1e-9)
        reach = max(radii[s], radii[s + 1]) + clearance + 5 * softness
        k0 = max(0, int((min(az, az + dz) - reach - origin[0]) / step))
        k1 = min(nz - 1, int((max(az, az + dz) + reach - origin[0]) / step) + 1)
        j0 = max(0, int((min(ay, ay + dy) - reach - origin[1]) / step))
        j1 = min(ny - 1, int((max(ay, ay + dy) + reach - origin[1]) / step) + 1)
        i0 = max(0, int((min(ax, ax + dx) - reach - origin[2]) / step))
        i1 = min(nx - 1, int((max(ax, ax + dx) + reach - origin[2]) / step) + 1)
        for k in range(k0, k1 + 1):
            for j in range(j0, j1 + 1):
                for i in range(i0, i1 + 1):
                    d, t = tube_distance(
                        origin[0] + k * step, origin[1] + j * step, origin[2] + i * step,
                        az, ay, ax, dz, dy, dx, inverse,
                    )  # fmt: skip
                    d -= radii[s] + t * (radii[s + 1] - radii[s]) + clearance
                    nearness = np.exp(-max(d, -40.0) / softness)
                    total[k, j, i] = max(total[k, j, i], nearness) + 0.35 * min(total[k, j, i], nearness)


@compiled
def add_ellipsoid_nearness(
    total: Float32Array,
    origin: Float64Array,
    step: float,
    centre: Float64Array,
    axes: Float64Array,
    clearance: float,
    softness: float,
) -> None:
    """Add exp(-distance / softness) from an ellipsoid to a lattice."""
    square = (axes * axes).sum(axis=1)
    reach = np.sqrt((axes * axes).sum(axis=0)) + clearance + 5 * softness
    low, high = np.zeros(3, dtype=np.int64), np.zeros(3, dtype=np.int64)
    for n in range(3):
        low[n] = max(0, int((centre[n] - reach[n] - origin[n]) / step))
        high[n] = min(total.shape[n] - 1, int((centre[n] + reach[n] - origin[n]) / step) + 1)
    for k in range(low[0], high[0] + 1):
        for j in range(low[1], high[1] + 1):
            for i in range(low[2], high[2] + 1):
                d = ellipsoid_distance(
                    origin[0] + k * step - centre[0],
                    origin[1] + j * step - centre[1],
                    origin[2] + i * step - centre[2],
                    axes,
                    square,
                )
                nearness = np.exp(-max(d - clearance, -40.0) / softness)
                total[k, j, i] = max(total[k, j, i], nearness) + 0.35 * min(total[k, j, i], nearness)
