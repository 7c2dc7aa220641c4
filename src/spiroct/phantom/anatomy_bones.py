"""Bones that are not part of the cage's surface: vertebrae, clavicles, shoulders and arms."""

from __future__ import annotations

import numpy as np

from spiroct.phantom.anatomy import Anatomy
from spiroct.phantom.anatomy_compiled import compiled
from spiroct.phantom.anatomy_mediastinum import Tube, smooth_tube
from spiroct.phantom.anatomy_paint import tube_distance
from spiroct.phantom.anatomy_tissue import BONE, DISC, FAT, MARROW, MUSCLE, NERVE, SKIN
from spiroct.phantom.thorax import inner_radius
from spiroct.types import Float32Array, Float64Array, UInt8Array

LEVEL = 24.5  # mm from vertebra to vertebra in the template, as the ribs


def vertebral_levels(anatomy: Anatomy) -> Float64Array:
    """Middles of the vertebral bodies as (z, y, size) rows, mm; the first lies above the lungs' apex."""
    depth = np.asarray(-67.0 + LEVEL * np.arange(19), dtype=np.float64)
    z: Float64Array = -depth * anatomy.scale[0]
    size = np.interp(depth, [-60.0, 0.0, 140.0, 280.0], [0.72, 0.84, 1.0, 1.16]) * anatomy.mean_scale
    return np.stack([z, anatomy.spine_y(z), size], axis=1)


@compiled
def paint_spine(
    hounsfield: Float32Array,
    tissue: UInt8Array,
    origin: Float64Array,
    spacing: Float64Array,
    levels: Float64Array,
    pitch: float,
    bone: float,
) -> None:
    """Paint vertebral bodies with end plates, discs, canal, arch and processes.

    ``pitch`` is the distance between levels, mm; ``bone`` the mineral factor. Proportions after Panjabi 1991,
    Spine 16:888 (thoracic vertebrae: body about 30 mm wide and 25 mm deep at T6).
    """
    voxel = (spacing[0] * spacing[1] * spacing[2]) ** (1.0 / 3.0)
    for n in range(levels.shape[0]):
        zc, yc, size = levels[n, 0], levels[n, 1], levels[n, 2]
        low = np.array([zc - 0.5 * pitch - 24.0 * size, yc - 18.0 * size, -40.0 * size])
        high = np.array([zc + 0.5 * pitch, yc + 66.0 * size, 40.0 * size])
        first = np.maximum(np.ceil((low - origin) / spacing), 0.0).astype(np.int64)
        last = np.floor((high - origin) / spacing).astype(np.int64)
        for k in range(first[0], min(last[0] + 1, hounsfield.shape[0])):
            z = origin[0] + k * spacing[0] - zc
            for j in range(first[1], min(last[1] + 1, hounsfield.shape[1])):
                y = origin[1] + j * spacing[1] - yc
                for i in range(first[2], min(last[2] + 1, hounsfield.shape[2])):
                    x = origin[2] + i * spacing[2]
                    share, value, code = _vertebral_body(z, y, x, size, pitch, bone, voxel)
                    if share > 0:
                        hounsfield[k, j, i] += share * (value - hounsfield[k, j, i])
                        if share > 0.5:
                            tissue[k, j, i] = code
                    canal = _canal(y, x, size)
                    if abs(z) <= 0.5 * pitch and canal < 8.0 * size and y > 10.5 * size:
                        hounsfield[k, j, i] = 34.0 if canal < 4.6 * size else 2.0
                        tissue[k, j, i] = NERVE
                        continue
                    d = _arch(z, y, x, canal, size, pitch)
                    share = min(max(0.5 - d / voxel, 0.0), 1.0)
                    if share > 0:
                        cortex = min(max(0.5 + (1.4 + d) / voxel, 0.0), 1.0)
                        hounsfield[k, j, i] += share * (bone * (200.0 + 430.0 * cortex) - hounsfield[k, j, i])
                        if share > 0.5:
                            tissue[k, j, i] = BONE if cortex > 0.5 else MARROW
                    elif tissue[k, j, i] == FAT and 0 < y < 35.5 * size and abs(x) < 24.0 * size:
                        hounsfield[k, j, i] = 48.0
                        tissue[k, j, i] = MUSCLE


@compiled
def _vertebral_body(
    z: float, y: float, x: float, size: float, pitch: float, bone: float, voxel: float
) -> tuple[float, float, int]:
    """Share, HU and tissue of a voxel in a vertebral body or the discs above and below it."""
    if abs(z) > 0.5 * pitch:
        return 0.0, 0.0, 0
    waist = 1.0 + 0.2 * (2 * z / pitch) ** 2
    u, v = x / (16.5 * size * waist), y / (13.0 * size * waist)
    notch = 0.12 * max(0.0, v) * np.exp(-((x / (8.0 * size)) ** 2))
    d = (np.sqrt(u * u + v * v) - 1.0 + notch) * 13.5 * size
    share = min(max(0.5 - d / voxel, 0.0), 1.0)
    plate = 0.5 * pitch - 2.6 * size - abs(z)  # below zero: disc
    if plate < -0.5 * voxel:
        return share, 78.0, DISC
    cortex = min(max(0.5 + (1.3 - min(-d, plate)) / voxel, 0.0), 1.0)
    return share, bone * (165.0 + 10.0 * np.sin(1.3 * z + 0.9 * x) + 330.0 * cortex), BONE if cortex > 0.5 else MARROW


@compiled
def _canal(y: float, x: float, size: float) -> float:
    """Distance from the middle of the spinal canal, mm."""
    return float(np.sqrt((x / 1.15) ** 2 + (y - 21.5 * size) ** 2))


@compiled
def _arch(z: float, y: float, x: float, canal: float, size: float, pitch: float) -> float:
    """Signed distance from pedicles, laminae, transverse and spinous processes of one level, mm."""
    middle = 21.5 * size
    arch = abs(np.sqrt((x / 1.2) ** 2 + (y - middle) ** 2) - 10.2 * size) - 2.3 * size
    arch = max(arch, -z - 0.30 * pitch, abs(z) - 0.5 * pitch)  # open below: the foramen between two arches
    if y < middle - 2.0 * size:
        arch = max(arch, -z - 1.0, z - 0.36 * pitch)
    process, _ = tube_distance(
        z, y, abs(x), 4.0 * size, middle + 2.0 * size, 10.0 * size, 3.0 * size, 13.0 * size, 21.0 * size,
        1.0 / (size * size * (9.0 + 169.0 + 441.0)),
    )  # fmt: skip
    spine, t = tube_distance(
        z, y, 0.0, 0.0, middle + 10.0 * size, 0.0, -19.0 * size, 19.0 * size, 0.0,
        1.0 / (size * size * (361.0 + 361.0)),
    )  # fmt: skip
    spine = np.sqrt(spine * spine + (1.7 * x) ** 2)
    return float(min(arch, process - 4.4 * size, spine - (4.6 + 1.2 * t) * size))


def _on_cage(anatomy: Anatomy, side: float, places: tuple[tuple[float, float, float], ...]) -> Float64Array:
    """Points over the cage: direction from the back (degrees), template depth, distance outside (mm)."""
    points = []
    for direction, depth, outside in places:
        z = np.array([-depth * anatomy.scale[0]])
        radius, centre = inner_radius(anatomy, z)
        r = float(radius[0, round(direction)]) + outside * anatomy.mean_scale
        angle = np.radians(direction)
        points.append([z[0], float(centre[0]) + r * np.cos(angle), side * r * np.sin(angle)])
    return np.array(points)


def shoulder_tubes(anatomy: Anatomy) -> list[Tube]:
    """Clavicles, shoulder joints and raised arms, as tubes: soft tissue first, then cortex, then marrow."""
    sz, sy, sx = anatomy.scale
    bone = anatomy.bone
    soft: list[Tube] = []
    cortex: list[Tube] = []
    marrow: list[Tube] = []
    for side in (-1.0, 1.0):
        arm = np.array(
            [[-48.0, 14.0, 98.0], [-8.0, 12.0, 126.0], [34.0, 2.0, 150.0], [80.0, -16.0, 168.0], [150.0, -40.0, 165.0]]
        )
        arm = arm * np.array([sz, sy, sx]) * np.array([1.0, 1.0, side])
        muscle = np.array([40.0, 53.0, 50.0, 44.0, 38.0]) * anatomy.muscle**0.4
        padded = muscle + 0.7 * anatomy.fat_mm
        soft.append(smooth_tube(Tube(arm, padded + anatomy.skin_mm, SKIN, 30.0)))
        soft.append(smooth_tube(Tube(arm, padded, FAT, -102.0)))
        soft.append(smooth_tube(Tube(arm, muscle, MUSCLE, 50.0)))
        arm = arm[1:]
        cortex.append(Tube(arm[1:], np.array([22.0, 11.0, 10.5]), BONE, 150.0 + 620.0 * bone))
        marrow.append(Tube(arm[1:], np.array([19.5, 6.5, 6.0]), MARROW, 60.0 + 110.0 * bone))
        clavicle = _on_cage(
            anatomy, side, ((166, 33, 10), (156, 27, 13), (136, 12, 26), (112, -10, 62), (104, -20, 84))
        )
        radii = np.array([9.0, 6.5, 5.5, 5.5, 7.0]) * anatomy.mean_scale
        cortex.append(smooth_tube(Tube(clavicle, radii, BONE, 120.0 + 600.0 * bone)))
        marrow.append(smooth_tube(Tube(clavicle, radii - 2.0, MARROW, 60.0 + 170.0 * bone)))
        ridge = np.array(
            [
                [-32.0 * sz, 84.0 * sy, side * 74.0 * sx],
                [-6.0 * sz, 78.0 * sy, side * 112.0 * sx],
                [20.0 * sz, 44.0 * sy, side * 146.0 * sx],
            ]
        )
        cortex.append(smooth_tube(Tube(ridge, np.array([3.0, 5.0, 7.0]), BONE, 120.0 + 480.0 * bone)))
        head = np.array([[4.0 * sz, 24.0 * sy, side * 132.0 * sx], [10.0 * sz, 20.0 * sy, side * 137.0 * sx]])
        cortex.append(Tube(head, np.array([13.0, 14.0]), BONE, 120.0 + 420.0 * bone))
    return soft + cortex + marrow
