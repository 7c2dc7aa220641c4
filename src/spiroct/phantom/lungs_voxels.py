"""Filling of the lungs: lobes, parenchyma, interstitial disease and emphysema, voxel by voxel."""

from __future__ import annotations

import numpy as np

from spiroct.phantom.anatomy_compiled import compiled
from spiroct.phantom.texture import cells, field
from spiroct.phantom.thorax_voxels import midline, on_lattice, on_plane
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
    floor: Float32Array,
    floor_slope: Float32Array,
    lattice_origin: Float64Array,
    step: float,
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
    coarse, grain : array (64, 64, 64)
        Fields of patches and of fine texture.
    s : array (SETTINGS,)
    """
    nz, ny, nx = lung.shape
    voxel = (spacing[0] * spacing[1] * spacing[2]) ** (1.0 / 3.0)
    fading = min(1.0, 2.0 / voxel) ** 1.5  # texture finer than a voxel averages out
    fading_fine = min(1.0, 1.0 / voxel) ** 1.5
    for k in range(nz):
        z = origin[0] + k * spacing[0]
        lz = (z - lattice_origin[0]) / step
        for j in range(ny):
            y = origin[1] + j * spacing[1]
            ly = (y - lattice_origin[1]) / step
            gravity = np.exp(s[GRADIENT] * y)
            for i in range(nx):
                if lung[k, j, i] <= 0:
                    continue
                x = origin[2] + i * spacing[2]
                lx = (x - lattice_origin[2]) / step
                wave = field(coarse, z / 14.0, y / 14.0, x / 14.0)
                oblique, horizontal = fissures(z, y, x, s, wave)
                lobe = lobe_at(z, y, x, s, wave)
                n1 = field(grain, z / 1.9, y / 1.9, x / 1.9)
                n2 = field(grain, z / 0.8 + 29.0, y / 0.8 + 11.0, x / 0.8)
                a = gravity * (1.0 + s[GRAIN] * (fading * n1 + fading_fine * n2))
                a = max(a, 0.2)
                b = 0.0
                # fissure: a sheet of pleura about half a millimetre thick
                near = abs(oblique) * 0.7
                if x < midline(z, y, s[SZ], s[SY]) and oblique > 0:
                    near = min(near, abs(horizontal))
                sheet = min(max((0.3 + 0.5 * voxel - near) / voxel, 0.0), 1.0) * min(1.0, 0.3 / voxel)
                b += (0.55 + 0.2 * wave) * sheet
                depth = min(
                    on_lattice(open_space, lz, ly, lx),
                    (z - on_plane(floor, ly, lx)) / on_plane(floor_slope, ly, lx),
                )
                prone, severe, airy = proneness(z, y, x, depth, coarse, s)
                pattern = 0
                w = min(max(0.5 + (prone - s[ILD]) / 0.12, 0.0), 1.0)
                if w > 0:
                    if severe > s[HONEYCOMB]:
                        pattern = 3
                        size = s[CELL]
                        first, second, number = cells(z, y, x, size, int(s[SEED]))
                        thick = 1.5
                        wall = (thick / 2 + voxel / 2 - (second - first) / 2) / voxel
                        wall = min(max(wall, 0.0), min(1.0, 2.2 * thick / voxel))
                        rim = 0.45 if number > 0.8 else 0.06  # some cysts are filled
                        a *= 1 - w
                        b = b * (1 - w) + w * (rim + (0.95 - rim) * wall)
                    elif severe > s[RETICULAR]:
                        pattern = 2
                        first, second, number = cells(z, y, x, 1.5 * s[CELL], int(s[SEED]) + 1)
                        thick = 0.8 + 0.8 * number
                        wall = (thick / 2 + voxel / 2 - (second - first) / 2) / voxel
                        wall = min(max(wall, 0.0), min(1.0, 2.0 * thick / voxel))
                        b += w * (0.07 + 0.55 * wall * (0.7 + 0.3 * n1))
                    else:
                        pattern = 1
                        b += w * (0.15 + 0.03 * n1 * fading)
                airy_share = 0.0
                if pattern == 0 or w < 0.5:
                    airy_share = min(max(0.5 + (airy - s[EMPHYSEMA]) / 0.25, 0.0), 1.0)
                    a *= 1 - 0.8 * airy_share
                slope[k, j, i] = a
                fixed[k, j, i] = b
                if lung[k, j, i] > 0.5:
                    lobes[k, j, i] = lobe
                    if w > 0.5:
                        ild[k, j, i] = pattern
                    if airy_share > 0.5:
                        emphysema[k, j, i] = 1


@compiled
def weigh(slope: Float32Array, fixed: Float32Array, lung: Float32Array) -> tuple[float, float, float]:
    """Sums over the lungs of their share, of share * slope and of share * fixed."""
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
