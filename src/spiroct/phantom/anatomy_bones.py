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
    depth = -67.0 + LEVEL * np.arange(19)
    z = -depth * anatomy.scale[0]
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
    nz, ny, nx = hounsfield.shape
    voxel = (spacing[0] * spacing[1] * spacing[2]) ** (1.0 / 3.0)
    for n in range(levels.shape[0]):
        zc, yc, size = levels[n, 0], levels[n, 1], levels[n, 2]
        half = 0.5 * pitch
        back = yc + 13.5 * size
        k0 = max(0, int(np.ceil((zc - half - 24.0 * size - origin[0]) / spacing[0])))
        k1 = min(nz - 1, int(np.floor((zc + half - origin[0]) / spacing[0])))
        j0 = max(0, int(np.ceil((yc - 18.0 * size - origin[1]) / spacing[1])))
        j1 = min(ny - 1, int(np.floor((yc + 66.0 * size - origin[1]) / spacing[1])))
        i0 = max(0, int(np.ceil((-40.0 * size - origin[2]) / spacing[2])))
        i1 = min(nx - 1, int(np.floor((40.0 * size - origin[2]) / spacing[2])))
        for k in range(k0, k1 + 1):
            z = origin[0] + k * spacing[0] - zc
            for j in range(j0, j1 + 1):
                y = origin[1] + j * spacing[1]
                for i in range(i0, i1 + 1):
                    x = origin[2] + i * spacing[2]
                    away = abs(x)
                    if abs(z) <= half:
                        # body and disc: kidney-shaped, waisted
                        waist = 1.0 + 0.1 * (2 * z / pitch) ** 2 * 2
                        u = x / (16.5 * size * waist)
                        v = (y - yc) / (13.0 * size * waist)
                        notch = 0.12 * max(0.0, v) * np.exp(-((x / (8.0 * size)) ** 2))
                        d = (np.sqrt(u * u + v * v) - 1.0 + notch) * 13.5 * size
                        share = min(max(0.5 - d / voxel, 0.0), 1.0)
                        if share > 0:
                            plate = half - 2.6 * size - abs(z)  # below zero: disc
                            if plate < -0.5 * voxel:
                                value, code = 78.0, DISC
                            else:
                                shell = min(-d, plate)
                                cortex = min(max(0.5 + (1.3 - shell) / voxel, 0.0), 1.0)
                                value = bone * (165.0 + 10.0 * np.sin(z * 1.3 + x * 0.9) + 330.0 * cortex)
                                code = BONE if cortex > 0.5 else MARROW
                            hounsfield[k, j, i] += share * (value - hounsfield[k, j, i])
                            if share > 0.5:
                                tissue[k, j, i] = code
                    # canal
                    cy = back + 8.0 * size
                    canal = np.sqrt((x / 1.15) ** 2 + (y - cy) ** 2)
                    if abs(z) <= half and canal < 12.5 * size and y > back - 3:
                        if canal < 8.0 * size:
                            cord = canal < 4.6 * size
                            hounsfield[k, j, i] = 34.0 if cord else 2.0
                            tissue[k, j, i] = NERVE
                            continue
                    # arch: pedicles in the upper half, laminae, transverse and spinous processes
                    arch = abs(np.sqrt((x / 1.2) ** 2 + (y - cy) ** 2) - 10.2 * size) - 2.3 * size
                    open_below = -z - 0.30 * pitch  # the foramen between two arches
                    arch = max(arch, open_below)
                    arch = max(arch, abs(z) - half)
                    if y < cy - 2.0 * size:
                        arch = max(arch, max(-z - 1.0, z - 0.36 * pitch))
                    px, py, pz = 10.0 * size, cy + 2.0 * size, 4.0 * size
                    process, _ = tube_distance(
                        z, y, away, pz, py, px, 3.0 * size, 13.0 * size, 21.0 * size,
                        1.0 / (size * size * (9.0 + 169.0 + 441.0)),
                    )  # fmt: skip
                    d = min(arch, process - 4.4 * size)
                    spine, t = tube_distance(
                        z, y, 0.0, 0.0, cy + 10.0 * size, 0.0, -19.0 * size, 19.0 * size, 0.0,
                        1.0 / (size * size * (361.0 + 361.0)),
                    )  # fmt: skip
                    spine = np.sqrt(spine * spine + (1.7 * x) ** 2)
                    d = min(d, spine - (4.6 + 1.2 * t) * size)
                    share = min(max(0.5 - d / voxel, 0.0), 1.0)
                    if share > 0:
                        cortex = min(max(0.5 + (1.4 + d) / voxel, 0.0), 1.0)
                        value = bone * (200.0 + 430.0 * cortex)
                        hounsfield[k, j, i] += share * (value - hounsfield[k, j, i])
                        if share > 0.5:
                            tissue[k, j, i] = BONE if cortex > 0.5 else MARROW
                    elif tissue[k, j, i] == FAT and yc < y < cy + 14.0 * size and away < 24.0 * size:
                        hounsfield[k, j, i] = 48.0
                        tissue[k, j, i] = MUSCLE


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
