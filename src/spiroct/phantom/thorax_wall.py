"""Tissues of the thoracic wall at one voxel: skin, fat, breast, muscle, ribs, sternum and shoulder blade."""

from __future__ import annotations

import numpy as np

from spiroct.phantom.anatomy_compiled import compiled
from spiroct.phantom.anatomy_tissue import BONE, CARTILAGE, FAT, GLAND, MARROW, MUSCLE, OUTSIDE, RIB, SKIN
from spiroct.phantom.texture import field
from spiroct.phantom.thorax import GLAND_SHARE, MUSCLE_OUT, RIB_OUT, SCAPULA, SKIN_IN, SKIN_OUT
from spiroct.phantom.thorax_look_up import Spot, clipped, layer, share_between
from spiroct.types import Float32Array, Float64Array

# Places in the vector of wall settings
FATTY, BONE_FACTOR, CALCIFIED, SIZE, FAT_HU, MUSCLE_HU, STRANDS = range(7)
SETTINGS = 7


@compiled
def wall_at(
    spot: Spot,
    table: Float32Array,
    sternum: Float64Array,
    tile: Float32Array,
    settings: Float64Array,
    flat: float,
) -> tuple[float, int]:
    """HU and tissue of a voxel outside the cage's inner surface.

    Parameters
    ----------
    spot : Spot
    table, sternum : arrays
        As in ``thorax.Wall``.
    tile : array (64, 64, 64)
        Texture.
    settings : array (SETTINGS,)
    flat : float
        In-plane voxel size, mm.
    """
    skin_out = layer(table, spot, SKIN_OUT)
    width = flat / spot.cosine
    if spot.radius > skin_out + 0.5 * width:
        return -1000.0, OUTSIDE
    rib_out = layer(table, spot, RIB_OUT)
    muscle_out = layer(table, spot, MUSCLE_OUT)
    skin_in = layer(table, spot, SKIN_IN)
    wave = field(tile, spot.z / 9.0, spot.y / 9.0, spot.x / 9.0)
    depth = (spot.radius - rib_out) * spot.cosine
    thick = (muscle_out - rib_out) * spot.cosine
    sheet = _fat_between_muscles(spot, depth, thick, wave, table.shape[1], tile, settings, flat)
    muscle = settings[MUSCLE_HU] - 110.0 * settings[FATTY] * max(0.0, 0.6 + 0.8 * wave)
    muscle += sheet * (settings[FAT_HU] + 12.0 - muscle)
    fat, fat_code = _subcutaneous(spot, wave, table, tile, settings)
    ribs = settings[MUSCLE_HU] - 25.0 if depth > -6.5 * settings[SIZE] else settings[FAT_HU] + 60.0
    in_ribs = share_between(-1e6, rib_out, spot.radius, width)
    in_muscle = share_between(rib_out, muscle_out, spot.radius, width)
    in_fat = share_between(muscle_out, skin_in, spot.radius, width)
    in_skin = share_between(skin_in, skin_out, spot.radius, width)
    in_air = max(1.0 - in_ribs - in_muscle - in_fat - in_skin, 0.0)
    value = in_ribs * ribs + in_muscle * muscle + in_fat * fat + in_skin * 32.0 - 1000.0 * in_air
    code = OUTSIDE
    if spot.radius < rib_out:
        code = MUSCLE
    elif spot.radius < muscle_out:
        code = FAT if sheet > 0.5 else MUSCLE
    elif spot.radius < skin_in:
        code = fat_code
    elif in_air < 0.5:
        code = SKIN
    if spot.kind > 0.5 and spot.radius < rib_out + 3.0:
        value, code = _rib(value, code, spot, tile, settings, flat)
    if sternum[spot.k, 0] > 0 and spot.y < 0:
        value, code = _sternum(value, code, spot, sternum, settings, flat)
    if thick > 10.0:
        value, code = _shoulder_blade(value, code, spot, depth, thick, wave, table, settings, flat)
    return value, code


@compiled
def _fat_between_muscles(
    spot: Spot,
    depth: float,
    thick: float,
    wave: float,
    directions: int,
    tile: Float32Array,
    settings: Float64Array,
    flat: float,
) -> float:
    """Share of fat in a muscle voxel: wavy sheets between muscles, and the fat of the armpit."""
    sheet = 0.0
    if thick > 14.0 and depth > 0:
        broad = field(tile, spot.z / 23.0 + 9.0, spot.y / 23.0 + 21.0, spot.x / 23.0)
        pitch = 19.0 + 4.0 * broad
        level = (depth + 6.0 * broad + 3.0 * wave) / pitch
        away = abs(level - np.floor(level + 0.5)) * pitch
        half = 0.35 + 0.5 * broad + 0.35 * wave + 5.0 * settings[FATTY] * (0.5 + 0.5 * wave)
        half *= min((thick - 14.0) / 10.0, 1.0)
        if half > 0:
            sheet = clipped(0.5 + (half - away) / flat)
    if thick > 40.0:
        direction = spot.first * 360.0 / directions
        folded = min(direction, 360.0 - direction)
        pit = 1 - ((folded - 106.0) / 14.0) ** 2 - ((depth - 0.42 * thick) / (0.3 * thick)) ** 2 + 0.25 * wave
        sheet = max(sheet, clipped(pit * 2.5))
    return sheet


@compiled
def _subcutaneous(
    spot: Spot, wave: float, table: Float32Array, tile: Float32Array, settings: Float64Array
) -> tuple[float, int]:
    """HU and tissue of the layer under the skin: fat with strands (denser in scleroderma), glands of the breast."""
    value = settings[FAT_HU] + 3.6 * wave + 70.0 * settings[STRANDS] * max(0.0, wave + 0.2)
    gland = table[spot.k, spot.first, GLAND_SHARE]
    if gland <= 0.05:
        return value, FAT
    lobule = clipped((2.9 * gland - 0.8 - field(tile, spot.z / 8.0, spot.y / 8.0, spot.x / 8.0)) / 1.2)
    return value + lobule * (30.0 - value), GLAND if lobule > 0.5 else FAT


@compiled
def _rib(
    value: float, code: int, spot: Spot, tile: Float32Array, settings: Float64Array, flat: float
) -> tuple[float, int]:
    """Rib or costal cartilage: an ellipse across its axis, cortex around marrow, calcified with age."""
    size = settings[SIZE]
    u = ((spot.inner - spot.radius) * spot.cosine + 5.2 * size) / (3.9 * size)
    w = spot.offset / (7.0 * size)
    e = np.sqrt(u * u + w * w)
    share = clipped(0.5 + (1.0 - e) * 4.6 * size / flat)
    if share <= 0:
        return value, code
    if spot.kind < 1.5:
        cortex = clipped(0.5 + (e - 0.7) * 4.6 * size / flat)
        inside = settings[BONE_FACTOR] * (180.0 + cortex * 640.0)
        new = RIB
    else:
        rim = max(0.0, 1.0 - abs(e - 0.85) / 0.25)
        spots = field(tile, spot.z / 4.0, spot.y / 4.0, spot.x / 4.0) - 1.6 + 1.9 * settings[CALCIFIED]
        inside = 95.0 + min(rim * max(0.0, spots), 1.2) * 330.0
        new = CARTILAGE
    return value + share * (inside - value), new if share > 0.5 else code


@compiled
def _sternum(
    value: float, code: int, spot: Spot, sternum: Float64Array, settings: Float64Array, flat: float
) -> tuple[float, int]:
    """Sternum in front of the cage: a flat rounded block."""
    half = sternum[spot.k, 0]
    lie = 5.6 * settings[SIZE]
    u = ((spot.radius - spot.inner) * spot.cosine - 8.0 * settings[SIZE]) / lie
    w = spot.x / half
    e = (u * u * u * u + w * w * w * w) ** 0.25
    share = clipped(0.5 + (1.0 - e) * lie / flat)
    if share <= 0:
        return value, code
    cortex = clipped(0.5 + (e - 0.78) * lie / flat) * sternum[spot.k, 1]
    inside = settings[BONE_FACTOR] * (130.0 + 430.0 * cortex)
    new = BONE if cortex > 0.5 else MARROW
    return value + share * (inside - value), new if share > 0.5 else code


@compiled
def _shoulder_blade(
    value: float,
    code: int,
    spot: Spot,
    depth: float,
    thick: float,
    wave: float,
    table: Float32Array,
    settings: Float64Array,
    flat: float,
) -> tuple[float, int]:
    """Shoulder blade within the muscles: a thin plate with a thick outer border."""
    blade = layer(table, spot, SCAPULA)
    if blade <= 0.3:
        return value, code
    d = abs(depth - min(20.0, 0.48 * thick) - 0.8 * wave)
    share = clipped(0.5 + (blade * settings[SIZE] - d) / flat)
    if share <= 0:
        return value, code
    cortex = 1.0 if blade < 2.5 else clipped(0.5 + (d - 0.55 * blade * settings[SIZE]) / flat)
    inside = settings[BONE_FACTOR] * (220.0 + 480.0 * cortex)
    return value + share * (inside - value), BONE if share > 0.5 else code
