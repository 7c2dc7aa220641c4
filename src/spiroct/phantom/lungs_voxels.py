"""Filling of the lungs: lobes, parenchyma, interstitial disease and emphysema, voxel by voxel."""

from __future__ import annotations

import numpy as np

from spiroct.phantom.anatomy_compiled import compiled
from spiroct.phantom.texture import cells, field
from spiroct.phantom.thorax_look_up import clipped, midline, on_lattice, on_plane
from spiroct.phantom.thorax_voxels import Bounds
from spiroct.types import Float32Array, Float64Array, UInt8Array

# Places in the vector of lung settings
(
    SZ, SY, SX, LIFT_RIGHT, LIFT_LEFT, BASAL, ASYMMETRY, UPPER,
    ILD, HONEYCOMB, RETICULAR, EMPHYSEMA, SEED, GRADIENT, GRAIN, CELL,
) = range(16)  # fmt: skip
SETTINGS = 16
LEFT_UPPER, LEFT_LOWER, RIGHT_UPPER, RIGHT_MIDDLE, RIGHT_LOWER = 1, 2, 3, 4, 5  # lungmask's LTRCLobes numbering


@compiled
def fissures(z: float, y: float, x: float, s: Float64Array, wave: float) -> tuple[float, float]:
    """Signed heights above the oblique and the horizontal fissure, mm (template shape, lifted with the base)."""
    right = x < midline(z, y, s[SZ], s[SY])
    lift = s[LIFT_RIGHT] if right else s[LIFT_LEFT]
    share = min(max((-z / s[SZ] - 40.0) / 140.0, 0.0), 1.2)
    depth = -(z - lift * share) / s[SZ]
    ty, tx = y / s[SY], abs(x - 2.0) / s[SX]
    bow = 7.0 * np.sin(ty / 34.0) + 4.0 * np.cos(tx / 24.0) + 3.0 * wave
    oblique = (118.0 if right else 108.0) - 0.98 * ty + bow + 0.1 * (tx - 55.0)
    horizontal = 116.0 + 0.16 * (ty + 40.0) + 0.10 * (tx - 60.0) + 4.0 * np.sin(tx / 22.0) - 3.0 * wave
    return (oblique - depth) * s[SZ], (horizontal - depth) * s[SZ]


@compiled
def lobe_at(z: float, y: float, x: float, s: Float64Array, wave: float) -> int:
    """Lobe of a point in the lungs."""
    oblique, horizontal = fissures(z, y, x, s, wave)
    if x >= midline(z, y, s[SZ], s[SY]):
        return LEFT_UPPER if oblique > 0 else LEFT_LOWER
    if oblique < 0:
        return RIGHT_LOWER
    return RIGHT_UPPER if horizontal > 0 else RIGHT_MIDDLE


@compiled
def proneness(
    z: float, y: float, x: float, depth: float, coarse: Float32Array, s: Float64Array
) -> tuple[float, float, float]:
    """How prone a point is to interstitial disease, how severe that is there, and how prone to emphysema.

    Interstitial disease of systemic sclerosis favours the base, the back and the rind under the pleura
    (Desai 2004, Radiology 232:560); centrilobular emphysema the upper zones.
    """
    right = x < midline(z, y, s[SZ], s[SY])
    lift = s[LIFT_RIGHT] if right else s[LIFT_LEFT]
    low = 205.0 * s[SZ] - lift
    down = min(max(-z / max(low, 40.0), 0.0), 1.15)
    back = y / (85.0 * s[SY])
    patch = field(coarse, z / 11.0, y / 11.0, x / 11.0)
    fine = field(coarse, z / 4.6 + 31.0, y / 4.6 + 17.0, x / 4.6 + 7.0)
    rind = np.exp(-max(depth, 0.0) / 13.0)
    prone = s[BASAL] * (2.4 * (down - 0.5) + 0.55 * back) + 0.95 * rind + 0.38 * patch + 0.16 * fine
    prone += s[ASYMMETRY] * (1.2 if right else -1.2)
    severe = 1.1 * rind + 0.8 * s[BASAL] * (down - 0.5) + 0.3 * back + 0.33 * fine + 0.22 * patch
    holes = field(coarse, z / 2.6 + 11.0, y / 2.6 + 5.0, x / 2.6 + 43.0)
    airy = s[UPPER] * 2.6 * (0.5 - down) + 0.75 * holes + 0.45 * patch - 0.2 * rind
    return prone, severe, airy


@compiled
def sample_lungs(
    open_space: Float32Array,
    floor: Float32Array,
    origin: Float64Array,
    step: float,
    coarse: Float32Array,
    s: Float64Array,
) -> tuple[Float64Array, UInt8Array]:
    """Disease fields (n, 3) at every lattice point of the lungs, and the map of lobes (n_z, n_y, n_x)."""
    nz, ny, nx = open_space.shape
    lobes = np.zeros((nz, ny, nx), dtype=np.uint8)
    values = np.zeros((nz * ny * nx, 3))
    n = 0
    for k in range(nz):
        z = origin[0] + k * step
        for j in range(ny):
            y = origin[1] + j * step
            for i in range(nx):
                depth = min(open_space[k, j, i], z - floor[j, i])
                if depth <= 0:
                    continue
                x = origin[2] + i * step
                wave = field(coarse, z / 14.0, y / 14.0, x / 14.0)
                lobes[k, j, i] = lobe_at(z, y, x, s, wave)
                values[n, 0], values[n, 1], values[n, 2] = proneness(z, y, x, depth, coarse, s)
                n += 1
    return values[:n], lobes


@compiled
def fill_lungs(
    slope: Float32Array,
    fixed: Float32Array,
    lobes: UInt8Array,
    ild: UInt8Array,
    emphysema: UInt8Array,
    lung: Float32Array,
    origin: Float64Array,
    spacing: Float64Array,
    open_space: Float32Array,
    bounds: Bounds,
    coarse: Float32Array,
    grain: Float32Array,
    s: Float64Array,
) -> None:
    """Write the parenchyma: density (kg/L) = slope * base + fixed, with base found later by mass balance.

    Parameters
    ----------
    slope, fixed : array (n_z, n_y, n_x)
        Written where ``lung`` is above 0.
    lobes, ild, emphysema : array (n_z, n_y, n_x)
        Labels written where ``lung`` is above one half.
    lung : array (n_z, n_y, n_x)
        Share of the voxel inside the lungs.
    origin, spacing : array (3,)
        mm.
    open_space, bounds : array, Bounds
        As in ``lungs.LungShape``.
    coarse, grain : array (64, 64, 64)
        Fields of patches and of fine texture.
    s : array (SETTINGS,)
    """
    voxel = (spacing[0] * spacing[1] * spacing[2]) ** (1.0 / 3.0)
    for k in range(lung.shape[0]):
        z = origin[0] + k * spacing[0]
        lz = (z - bounds.origin[0]) / bounds.step
        for j in range(lung.shape[1]):
            y = origin[1] + j * spacing[1]
            ly = (y - bounds.origin[1]) / bounds.step
            for i in range(lung.shape[2]):
                if lung[k, j, i] <= 0:
                    continue
                x = origin[2] + i * spacing[2]
                lx = (x - bounds.origin[2]) / bounds.step
                wave = field(coarse, z / 14.0, y / 14.0, x / 14.0)
                fine = field(grain, z / 1.9, y / 1.9, x / 1.9)
                a = _plain(z, y, x, fine + 0.6 * wave, voxel, grain, s)
                b = _fissure(z, y, x, wave, voxel, s)
                above = (z - on_plane(bounds.floor, ly, lx)) / on_plane(bounds.floor_slope, ly, lx)
                depth = min(on_lattice(open_space, lz, ly, lx), above)
                prone, severe, airy = proneness(z, y, x, depth, coarse, s)
                w = clipped(0.5 + (prone - s[ILD]) / 0.12)
                pattern = 0
                if w > 0:
                    a, b, pattern = _diseased(a, b, z, y, x, w, severe, fine, voxel, s)
                hole = 0.0
                if w < 0.5:
                    hole = clipped(0.5 + (airy - s[EMPHYSEMA]) / 0.18)
                    a *= 1 - hole * clipped(0.74 - 0.09 * fine)
                slope[k, j, i] = a
                fixed[k, j, i] = b
                if lung[k, j, i] > 0.5:
                    lobes[k, j, i] = lobe_at(z, y, x, s, wave)
                    ild[k, j, i] = pattern if w > 0.5 else 0
                    emphysema[k, j, i] = 1 if hole > 0.5 else 0


@compiled
def _plain(z: float, y: float, x: float, fine: float, voxel: float, grain: Float32Array, s: Float64Array) -> float:
    """Relative density of healthy parenchyma: heavier at the back (supine), grainy as far as voxels show it."""
    coarse_grain = min(1.0, 2.0 / voxel) ** 1.5  # texture finer than a voxel averages out
    finer = field(grain, z / 0.8 + 29.0, y / 0.8 + 11.0, x / 0.8) * min(1.0, 1.0 / voxel) ** 1.5
    return float(np.exp(s[GRADIENT] * y) * max(1.0 + s[GRAIN] * (coarse_grain * fine + finer), 0.2))


@compiled
def _fissure(z: float, y: float, x: float, wave: float, voxel: float, s: Float64Array) -> float:
    """Density (kg/L) that a fissure adds: a sheet of pleura about a third of a millimetre thick."""
    oblique, horizontal = fissures(z, y, x, s, wave)
    near = abs(oblique) * 0.7
    if oblique > 0 and x < midline(z, y, s[SZ], s[SY]):
        near = min(near, abs(horizontal))
    return (0.55 + 0.2 * wave) * clipped((0.3 + 0.5 * voxel - near) / voxel) * min(1.0, 0.3 / voxel)


@compiled
def _diseased(
    a: float,
    b: float,
    z: float,
    y: float,
    x: float,
    w: float,
    severe: float,
    fine: float,
    voxel: float,
    s: Float64Array,
) -> tuple[float, float, int]:
    """Change a voxel's slope and density by interstitial disease of weight w; gives the pattern as well.

    Fleischner terms (Hansell 2008, doi 10.1148/radiol.2462070712): ground glass is hazy and hides nothing,
    reticulation a net of lines, honeycombing clustered cysts of 3 to 10 mm with shared walls.
    """
    if severe > s[HONEYCOMB]:
        wall, number = _net(z, y, x, s[CELL], 1.5, 0.0, 2.2, int(s[SEED]), voxel)
        content = 0.45 if number > 0.8 else 0.06  # some cysts are filled
        return a * (1 - w), b * (1 - w) + w * (content + (0.95 - content) * wall), 3
    if severe > s[RETICULAR]:
        wall, number = _net(z, y, x, 1.5 * s[CELL], 0.8, 0.8, 2.0, int(s[SEED]) + 1, voxel)
        return a, b + w * (0.07 + 0.55 * wall * (0.7 + 0.3 * fine)), 2
    return a, b + w * (0.15 + 0.03 * fine * min(1.0, 2.0 / voxel)), 1


@compiled
def _net(
    z: float, y: float, x: float, size: float, thin: float, spread: float, most: float, seed: int, voxel: float
) -> tuple[float, float]:
    """Share of a voxel in the walls of a net of cells, and the cell's number; walls are thin to thin + spread mm."""
    first, second, number = cells(z, y, x, size, seed)
    thick = thin + spread * number
    covered = (thick / 2 + voxel / 2 - (second - first) / 2) / voxel
    return max(min(covered, 1.0, most * thick / voxel), 0.0), number


@compiled
def weigh(slope: Float32Array, fixed: Float32Array, lung: Float32Array) -> tuple[float, float, float]:
    """Sum over the lungs their share, share * slope and share * fixed."""
    total, varying, given = 0.0, 0.0, 0.0
    for k in range(lung.shape[0]):
        for j in range(lung.shape[1]):
            for i in range(lung.shape[2]):
                share = lung[k, j, i]
                if share > 0:
                    total += share
                    varying += share * slope[k, j, i]
                    given += share * fixed[k, j, i]
    return total, varying, given


@compiled
def compose(
    hounsfield: Float32Array, lung: Float32Array, slope: Float32Array, fixed: Float32Array, base: float, factor: float
) -> None:
    """Blend the lungs, of density slope * base + fixed * factor, into the image."""
    for k in range(lung.shape[0]):
        for j in range(lung.shape[1]):
            for i in range(lung.shape[2]):
                share = lung[k, j, i]
                if share > 0:
                    inside = (slope[k, j, i] * base + fixed[k, j, i] * factor - 1.0) * 1000.0
                    hounsfield[k, j, i] += share * (inside - hounsfield[k, j, i])
