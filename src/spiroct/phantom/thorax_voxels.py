"""Filling of a voxel grid with the thoracic wall, the space of the lungs and the organs below the diaphragm."""

from __future__ import annotations

import numpy as np

from spiroct.phantom.anatomy_compiled import compiled
from spiroct.phantom.anatomy_paint import ellipsoid_distance
from spiroct.phantom.anatomy_tissue import (
    ABDOMINAL_FAT,
    BONE,
    CARTILAGE,
    DIAPHRAGM,
    FAT,
    GAS,
    GLAND,
    MARROW,
    MUSCLE,
    OUTSIDE,
    SKIN,
    STOMACH,
)
from spiroct.phantom.texture import field
from spiroct.types import Float32Array, Float64Array, UInt8Array

# Columns of the wall table (thorax.py names them; numba wants plain numbers)
_INNER, _RIB_OUT, _MUSCLE_OUT, _SKIN_IN, _SKIN_OUT, _COSINE, _RIB_OFFSET, _RIB_KIND, _SCAPULA, _GLAND = range(10)
# Places in the vector of tissue settings
FATTY, BONE_FACTOR, CALCIFIED, SIZE, FAT_HU, MUSCLE_HU, STERNUM_DEPTH, AIR_LEVEL, STRANDS = range(9)
SETTINGS = 9


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
    return low * (1 - c) + high * c


@compiled
def on_plane(plane: Float32Array, y: float, x: float) -> float:
    """Bilinear value of a height map at continuous indices, clamped to its borders."""
    ny, nx = plane.shape
    y = min(max(y, 0.0), ny - 1.001)
    x = min(max(x, 0.0), nx - 1.001)
    j, i = int(y), int(x)
    b, a = y - j, x - i
    return (plane[j, i] * (1 - a) + plane[j, i + 1] * a) * (1 - b) + (
        plane[j + 1, i] * (1 - a) + plane[j + 1, i + 1] * a
    ) * b


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
def cage_gap(inner: float, cosine: float, rib_offset: float, rib_kind: float, r: float) -> float:
    """Distance inward from the pleura over the ribs, which stand a little proud of the muscle between them."""
    proud = 1.3 * np.exp(-((rib_offset / 7.5) ** 2)) if rib_kind > 0.5 else 0.0
    return (inner - r) * cosine - 1.0 - proud


@compiled
def fill_thorax(
    hounsfield: Float32Array,
    tissue: UInt8Array,
    lung: Float32Array,
    origin: Float64Array,
    spacing: Float64Array,
    table: Float32Array,
    centre_y: Float64Array,
    sternum: Float64Array,
    between: Float32Array,
    floor: Float32Array,
    floor_slope: Float32Array,
    ceiling: Float32Array,
    lattice_origin: Float64Array,
    step: float,
    organs: Float64Array,
    tile: Float32Array,
    settings: Float64Array,
) -> None:
    """Write density, tissue and lung share of every voxel.

    Parameters
    ----------
    hounsfield, tissue, lung : array (n_z, n_y, n_x)
        Written: HU of what is not lung, its tissue, and the share of the voxel inside the lungs.
    origin, spacing : array (3,)
        Centre of the first voxel and voxel size, mm.
    table, centre_y, sternum : arrays
        The wall at each slice, as in ``thorax.Wall``.
    between, floor, floor_slope, ceiling : arrays
        Distance from the mediastinum on a lattice; height of the diaphragm, its slope factor, height of the apex.
    lattice_origin, step : array (3,), float
        Place of that lattice.
    organs : array (n, 14)
        Ellipsoids below the diaphragm: centre, three axes, tissue, HU.
    tile : array (64, 64, 64)
        Texture.
    settings : array (SETTINGS,)
    """
    nz, ny, nx = hounsfield.shape
    voxel = (spacing[0] * spacing[1] * spacing[2]) ** (1.0 / 3.0)
    flat = np.sqrt(spacing[1] * spacing[2])
    turn = table.shape[1] / (2 * np.pi)
    directions = table.shape[1]
    squares = np.zeros((organs.shape[0], 3))
    axes = np.zeros((organs.shape[0], 3, 3))
    for n in range(organs.shape[0]):
        for m in range(3):
            for q in range(3):
                axes[n, m, q] = organs[n, 3 + 3 * m + q]
                squares[n, m] += axes[n, m, q] ** 2
    for k in range(nz):
        z = origin[0] + k * spacing[0]
        farthest = 0.0
        for t in range(directions):
            farthest = max(farthest, table[k, t, _SKIN_OUT])
        lz = (z - lattice_origin[0]) / step
        for j in range(ny):
            y = origin[1] + j * spacing[1]
            dy = y - centre_y[k]
            ly = (y - lattice_origin[1]) / step
            for i in range(nx):
                x = origin[2] + i * spacing[2]
                r = np.sqrt(dy * dy + x * x)
                if r > farthest + voxel:
                    hounsfield[k, j, i] = -1000.0
                    continue
                a = np.arctan2(x, dy) * turn
                if a < 0:
                    a += directions
                t0 = int(a)
                f = a - t0
                t0 = t0 % directions
                t1 = (t0 + 1) % directions
                inner = table[k, t0, _INNER] * (1 - f) + table[k, t1, _INNER] * f
                cosine = table[k, t0, _COSINE]
                near = t0 if f < 0.5 else t1
                offset = rib_offset(table[k, t0, _RIB_OFFSET], table[k, t1, _RIB_OFFSET], f)
                kind = table[k, near, _RIB_KIND]
                gap = cage_gap(inner, cosine, offset, kind, r)
                if gap > -0.5 * voxel:
                    # inside the cage: lung, mediastinum or abdomen
                    lx = (x - lattice_origin[2]) / step
                    low = on_plane(floor, ly, lx)
                    steep = on_plane(floor_slope, ly, lx)
                    over = (z - low) / steep
                    room = min(min(gap, over), (on_plane(ceiling, ly, lx) - z) * 0.75)
                    if room > -0.5 * voxel:
                        room = min(room, on_lattice(between, lz, ly, lx))
                        lung[k, j, i] = min(max(0.5 + room / voxel, 0.0), 1.0)
                if gap > 0:
                    if over < -3.0:
                        _abdomen(
                            hounsfield, tissue, k, j, i, z, y, x, gap, over, organs, axes, squares, voxel, settings
                        )
                    elif over < 0.5 * voxel:
                        tissue[k, j, i] = DIAPHRAGM
                        hounsfield[k, j, i] = 48.0
                    else:
                        tissue[k, j, i] = FAT
                        hounsfield[k, j, i] = settings[FAT_HU] + 6.0
                    continue
                _wall_voxel(
                    hounsfield, tissue, k, j, i, z, y, x, r, f, t0, t1, near, inner, cosine, offset, kind,
                    table, sternum, tile, settings, flat,
                )  # fmt: skip


@compiled
def _abdomen(
    hounsfield: Float32Array,
    tissue: UInt8Array,
    k: int,
    j: int,
    i: int,
    z: float,
    y: float,
    x: float,
    gap: float,
    over: float,
    organs: Float64Array,
    axes: Float64Array,
    squares: Float64Array,
    voxel: float,
    settings: Float64Array,
) -> None:
    tissue[k, j, i] = ABDOMINAL_FAT
    value = settings[FAT_HU]
    if gap < 4.0:
        tissue[k, j, i] = DIAPHRAGM
        value = 46.0
    else:
        for n in range(organs.shape[0]):
            d = ellipsoid_distance(z - organs[n, 0], y - organs[n, 1], x - organs[n, 2], axes[n], squares[n])
            share = min(max(0.5 - d / voxel, 0.0), 1.0)
            if share <= 0:
                continue
            code = int(organs[n, 12])
            organ = organs[n, 13]
            if code == STOMACH and y < organs[n, 1] - settings[AIR_LEVEL] and d < -4.0:
                code = GAS
                organ = -960.0
            value += share * (organ - value)
            if share > 0.5:
                tissue[k, j, i] = code
    hounsfield[k, j, i] = value


@compiled
def _wall_voxel(
    hounsfield: Float32Array,
    tissue: UInt8Array,
    k: int,
    j: int,
    i: int,
    z: float,
    y: float,
    x: float,
    r: float,
    f: float,
    t0: int,
    t1: int,
    near: int,
    inner: float,
    cosine: float,
    offset: float,
    kind: float,
    table: Float32Array,
    sternum: Float64Array,
    tile: Float32Array,
    settings: Float64Array,
    flat: float,
) -> None:
    """Rib layer, muscle, fat and skin of one voxel."""
    rib_out = table[k, t0, _RIB_OUT] * (1 - f) + table[k, t1, _RIB_OUT] * f
    muscle_out = table[k, t0, _MUSCLE_OUT] * (1 - f) + table[k, t1, _MUSCLE_OUT] * f
    skin_in = table[k, t0, _SKIN_IN] * (1 - f) + table[k, t1, _SKIN_IN] * f
    skin_out = table[k, t0, _SKIN_OUT] * (1 - f) + table[k, t1, _SKIN_OUT] * f
    width = flat / cosine
    if r > skin_out + 0.5 * width:
        hounsfield[k, j, i] = -1000.0
        return
    size = settings[SIZE]
    fat = settings[FAT_HU]
    muscle = settings[MUSCLE_HU]
    # layers of muscle with sheets of fat between them: wavy shells, not noise
    wave = field(tile, z / 9.0, y / 9.0, x / 9.0)
    depth = (r - rib_out) * cosine
    thick = (muscle_out - rib_out) * cosine
    sheet = 0.0
    if thick > 14.0 and depth > 0:
        broad = field(tile, z / 23.0 + 9.0, y / 23.0 + 21.0, x / 23.0)
        pitch = 19.0 + 4.0 * broad
        layer = (depth + 6.0 * broad + 3.0 * wave) / pitch
        to_sheet = abs(layer - np.floor(layer + 0.5)) * pitch
        half = 0.35 + 0.5 * broad + 0.35 * wave + 5.0 * settings[FATTY] * (0.5 + 0.5 * wave)
        half *= min((thick - 14.0) / 10.0, 1.0)
        sheet = min(max(0.5 + (half - to_sheet) / flat, 0.0), 1.0) if half > 0 else 0.0
    if thick > 40.0:  # fat of the armpit
        theta = near * 360.0 / table.shape[1]
        folded = min(theta, 360.0 - theta)
        pit = 1 - ((folded - 106.0) / 14.0) ** 2 - ((depth - 0.42 * thick) / (0.3 * thick)) ** 2 + 0.25 * wave
        sheet = max(sheet, min(max(pit * 2.5, 0.0), 1.0))
    marbled = muscle - 110.0 * settings[FATTY] * max(0.0, 0.6 + 0.8 * wave)
    value_muscle = marbled + sheet * (fat + 12.0 - marbled)
    a_rib = share_between(-1e6, rib_out, r, width)
    a_muscle = share_between(rib_out, muscle_out, r, width)
    a_fat = share_between(muscle_out, skin_in, r, width)
    a_skin = share_between(skin_in, skin_out, r, width)
    a_air = max(1.0 - a_rib - a_muscle - a_fat - a_skin, 0.0)
    gland = table[k, t0, _GLAND]
    strands = settings[STRANDS] * max(0.0, wave + 0.2)
    value_fat = fat + 12.0 * wave * 0.3 + 70.0 * strands
    code_fat = FAT
    if gland > 0.05:
        lobule = min(max((2.9 * gland - 0.8 - field(tile, z / 8.0, y / 8.0, x / 8.0)) / 1.2, 0.0), 1.0)
        value_fat += lobule * (30.0 - value_fat)
        if lobule > 0.5:
            code_fat = GLAND
    between_ribs = muscle - 25.0 if depth > -6.5 * size else fat + 60.0
    value = a_rib * between_ribs + a_muscle * value_muscle + a_fat * value_fat + a_skin * 32.0 - 1000.0 * a_air
    code = OUTSIDE
    if a_air < 0.5:
        code = SKIN
        if r < skin_in:
            code = code_fat
        if r < muscle_out:
            code = FAT if sheet > 0.5 else MUSCLE
        if r < rib_out:
            code = MUSCLE
    # ribs and costal cartilages: an ellipse across the rib, cortex around marrow
    if kind > 0.5 and r < rib_out + 3.0:
        u = ((inner - r) * cosine + 5.2 * size) / (3.9 * size)
        w = offset / (7.0 * size)
        e = np.sqrt(u * u + w * w)
        share = min(max(0.5 + (1.0 - e) * 4.6 * size / flat, 0.0), 1.0)
        if share > 0:
            if kind < 1.5:
                cortex = min(max(0.5 + (e - 0.7) * 4.6 * size / flat, 0.0), 1.0)
                bone = settings[BONE_FACTOR] * (180.0 + cortex * 640.0)
                value += share * (bone - value)
                if share > 0.5:
                    code = BONE if cortex > 0.5 else MARROW
            else:
                rim = max(0.0, 1.0 - abs(e - 0.85) / 0.25)
                spot = max(0.0, field(tile, z / 4.0, y / 4.0, x / 4.0) - 1.6 + 1.9 * settings[CALCIFIED])
                value += share * (95.0 + min(rim * spot, 1.2) * 330.0 - value)
                if share > 0.5:
                    code = CARTILAGE
    # sternum in front
    half = sternum[k, 0]
    if half > 0 and y < 0 and abs(x) < half + flat:
        lie = 5.6 * size
        u = ((r - inner) * cosine - 8.0 * size) / lie
        w = x / half
        e = (u * u * u * u + w * w * w * w) ** 0.25
        share = min(max(0.5 + (1.0 - e) * lie / flat, 0.0), 1.0)
        if share > 0:
            cortex = min(max(0.5 + (e - 0.78) * lie / flat, 0.0), 1.0) * sternum[k, 1]
            value += share * (settings[BONE_FACTOR] * (130.0 + 430.0 * cortex) - value)
            if share > 0.5:
                code = BONE if cortex > 0.5 else MARROW
    # shoulder blade within the muscles
    blade = table[k, t0, _SCAPULA] * (1 - f) + table[k, t1, _SCAPULA] * f
    if blade > 0.3 and thick > 10.0:
        lift = min(20.0, 0.48 * thick) + 0.8 * wave
        d = abs(depth - lift)
        share = min(max(0.5 + (blade * size - d) / flat, 0.0), 1.0)
        if share > 0:
            cortex = 1.0 if blade < 2.5 else min(max(0.5 + (d - 0.55 * blade * size) / flat, 0.0), 1.0)
            value += share * (settings[BONE_FACTOR] * (220.0 + 480.0 * cortex) - value)
            if share > 0.5:
                code = BONE
    hounsfield[k, j, i] = value
    tissue[k, j, i] = code
