"""Organs between the lungs as tubes and ellipsoids: heart, great vessels, airways, oesophagus, spine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spiroct.phantom import anatomy_tissue as tissue
from spiroct.phantom.anatomy import Anatomy
from spiroct.phantom.patient import PhantomPatient
from spiroct.types import Float64Array

HEART_FOLLOWS = 0.85  # share of the diaphragm's movement that the heart's underside makes

# Centre lines in the template: (x, y, depth, radius), mm; x to the left, y to the back, depth below the lungs'
# apex. Placed by hand on LIDC-IDRI-1011 and the usual levels (arch T4, carina T4/5, left atrium T7).
Line = tuple[tuple[float, float, float, float], ...]

_AORTA_UP: Line = ((-2, -14, 116, 1.1), (-13, -26, 96, 1.0), (-15, -28, 80, 1.0), (-10, -23, 64, 0.98))
_AORTA_ARCH: Line = (
    (-10, -23, 64, 0.98),
    (-2, -10, 55, 0.95),
    (10, 10, 54, 0.92),
    (18, 28, 60, 0.88),
    (22, 40, 74, 0.84),
)
_AORTA_DOWN: Line = (
    (22, 40, 74, 0.84), (22, 46, 100, 0.82), (20, 47, 130, 0.8), (16, 44, 165, 0.78), (9, 38, 200, 0.76),
    (4, 30, 240, 0.72), (2, 22, 300, 0.66), (2, 16, 380, 0.6),
)  # fmt: skip
_PULMONARY_TRUNK: Line = ((12, -44, 116, 13.5), (16, -34, 102, 13.5), (17, -22, 94, 13.0))
_RIGHT_ARTERY: Line = (
    (17, -22, 94, 11.5),
    (4, -6, 96, 10.5),
    (-14, 0, 99, 10.0),
    (-30, 2, 103, 9.0),
    (-42, 6, 109, 7.5),
)
_LEFT_ARTERY: Line = ((17, -22, 94, 11.5), (25, -4, 89, 10.5), (34, 12, 90, 9.5), (41, 20, 98, 8.5), (43, 22, 106, 7.5))
_CAVA: Line = ((-23, -20, 46, 8.5), (-26, -17, 70, 9.0), (-25, -13, 96, 9.5), (-24, -8, 122, 10.0))
_CAVA_BELOW: Line = ((-22, 6, 150, 11.5), (-24, 14, 180, 11.5), (-24, 20, 220, 11.0), (-20, 18, 300, 10.0))
_VEINS: tuple[Line, ...] = (
    (
        (80, -6, -14, 5.0),
        (46, -18, 0, 5.5),
        (26, -26, 22, 6.0),
        (12, -30, 36, 6.5),
        (-6, -30, 42, 7.0),
        (-23, -20, 50, 7.5),
    ),
    ((-80, -6, -14, 5.0), (-46, -18, 0, 5.5), (-27, -20, 26, 6.5), (-23, -20, 48, 8.0)),
    (
        (-6, 44, 260, 3.0),
        (-7, 46, 180, 3.2),
        (-8, 44, 100, 3.6),
        (-14, 38, 80, 4.0),
        (-24, 18, 74, 4.2),
        (-25, -8, 78, 4.5),
    ),
    ((-40, -4, 108, 5.0), (-28, 8, 112, 6.0), (-16, 18, 116, 7.0)),
    ((-44, 28, 134, 5.5), (-30, 27, 130, 6.0), (-16, 24, 126, 7.0)),
    ((42, 0, 108, 5.0), (32, 12, 114, 6.0), (22, 20, 118, 7.0)),
    ((46, 30, 132, 5.5), (34, 29, 129, 6.0), (22, 25, 125, 7.0)),
)
_ARTERIES: tuple[Line, ...] = (
    ((-6, -18, 56, 5.5), (-14, -4, 34, 5.0), (-20, 6, 10, 4.5), (-26, 4, -20, 3.5), (-28, 0, -70, 3.5)),
    ((4, -2, 54, 3.6), (12, 4, 30, 3.4), (20, 10, 4, 3.4), (26, 4, -30, 3.4), (28, 0, -70, 3.4)),
    ((14, 20, 56, 4.8), (18, 24, 34, 4.4), (22, 22, 12, 4.2), (36, 16, -8, 4.0), (75, 6, -16, 4.0)),
    ((-20, 6, 10, 4.2), (-36, 14, -8, 4.0), (-75, 6, -16, 4.0)),
)
# Bronchi from the carina: (x, y relative to the carina, depth, radius)
_BRONCHI: tuple[Line, ...] = (
    ((0, 0, 86, 7.5), (-14, 1, 96, 7.2), (-24, 2, 103, 6.8), (-32, 2, 112, 5.8), (-37, 4, 124, 5.4)),
    ((0, 0, 86, 7.0), (14, 2, 97, 6.4), (28, 4, 106, 6.2), (39, 5, 114, 5.6)),
    ((-22, 2, 101, 5.2), (-36, 0, 100, 4.8), (-46, -1, 97, 4.2)),
)


@dataclass(frozen=True)
class Tube:
    """A chain of tapering tubes: points (n, 3) as (z, y, x) and radii (n,), in mm, of one tissue.

    ``clearance`` is the fat around it that keeps the lung off, negative where it does not shape the lung.
    """

    points: Float64Array
    radii: Float64Array
    tissue: int
    hounsfield: float
    clearance: float = -1.0


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid: centre (z, y, x) and axes as rows of a matrix (mm), of one tissue."""

    centre: Float64Array
    axes: Float64Array
    tissue: int
    hounsfield: float
    clearance: float = -1.0


@dataclass(frozen=True)
class Mediastinum:
    """All organs between the lungs, in painting order, and where the pulmonary trees are rooted."""

    ellipsoids: tuple[Ellipsoid, ...]
    tubes: tuple[Tube, ...]
    artery_roots: dict[int, Float64Array]
    vein_roots: dict[int, Float64Array]


def sinking(depth: Float64Array) -> Float64Array:
    """Share of the diaphragm's movement that an organ at a template depth follows."""
    share: Float64Array = np.clip((np.asarray(depth, dtype=np.float64) - 60.0) / 95.0, 0.0, 1.0)
    return share


def mediastinum(anatomy: Anatomy, patient: PhantomPatient, lift: float) -> Mediastinum:
    """Place the organs of the mediastinum.

    Parameters
    ----------
    anatomy : Anatomy
    patient : PhantomPatient
        Gives oesophagus and airway calibre.
    lift : float
        How far the diaphragm stands above its resting level, mm; the heart follows it in part.
    """
    place = _Placing(anatomy, HEART_FOLLOWS * lift)
    aorta, dilation = anatomy.aorta_mm, anatomy.dilation
    # blood gets denser by about 1.4 HU for each g/dL of haemoglobin
    blood = tissue.HOUNSFIELD[tissue.GREAT_VESSEL] + 1.4 * (patient.haemoglobin - 13.5)
    tubes = [*_spine_shape(anatomy), *_oesophagus(anatomy, place, patient)]
    tubes += [place.tube(line, tissue.GREAT_VESSEL, blood, 2.5) for line in (_CAVA, _CAVA_BELOW, *_VEINS)]
    tubes += [place.tube(line, tissue.GREAT_VESSEL, blood, 2.5) for line in _ARTERIES]
    tubes += [
        place.tube(line, tissue.GREAT_VESSEL, blood, 2.5, dilation)
        for line in (_PULMONARY_TRUNK, _RIGHT_ARTERY, _LEFT_ARTERY)
    ]
    tubes += [
        place.tube(line, tissue.GREAT_VESSEL, blood, 2.0, aorta / anatomy.mean_scale, spine=spine)
        for line, spine in ((_AORTA_UP, False), (_AORTA_ARCH, False), (_AORTA_DOWN, True))
    ]
    tubes += _plaques(tubes[-3:], anatomy, patient.anatomy_seed)
    tubes += airway_tubes(anatomy, place, patient)
    roots = {1: place.point(-40, 6, 110), 2: place.point(42, 21, 106)}
    veins = {1: place.point(-42, 16, 122), 2: place.point(44, 16, 122)}
    return Mediastinum(_heart(place, blood, patient.bmi), tuple(tubes), roots, veins)


class _Placing:
    """From template coordinates to the patient's millimetres, with the heart's lift."""

    def __init__(self, anatomy: Anatomy, lift: float) -> None:
        self.anatomy = anatomy
        self.lift = lift

    def point(self, x: float, y: float, depth: float) -> Float64Array:
        sz, sy, sx = self.anatomy.scale
        return np.array([-depth * sz + self.lift * float(sinking(np.asarray(depth))), y * sy, x * sx])

    def tube(
        self, line: Line, code: int, hounsfield: float, clearance: float, thick: float = 1.0, *, spine: bool = False
    ) -> Tube:
        points = np.array([self.point(x, y, depth) for x, y, depth, _ in line])
        if spine:  # lies on the spine, which the heart's lift does not move
            points[:, 0] = [-depth * self.anatomy.scale[0] for _, _, depth, _ in line]
        radii = np.array([r for *_, r in line]) * thick * self.anatomy.mean_scale
        return smooth_tube(Tube(points, radii, code, hounsfield, clearance))


def smooth_tube(tube: Tube, pieces: int = 3) -> Tube:
    """Round the corners of a chain of tubes (Catmull-Rom through the same points)."""
    p = np.concatenate([tube.points, tube.radii[:, None]], axis=1)
    if len(p) < 3:
        return tube
    before = np.concatenate([2 * p[:1] - p[1:2], p[:-1]])[:-1]
    after = np.concatenate([p[1:], 2 * p[-1:] - p[-2:-1]])[1:]
    start, end = p[:-1], p[1:]
    rows = [
        0.5
        * (
            2 * start
            + (end - before) * t
            + (2 * before - 5 * start + 4 * end - after) * t**2
            + (3 * start - before - 3 * end + after) * t**3
        )
        for t in np.arange(pieces) / pieces
    ]
    smooth = np.concatenate([np.stack(rows, axis=1).reshape(-1, 4), p[-1:]])
    return Tube(smooth[:, :3], smooth[:, 3], tube.tissue, tube.hounsfield, tube.clearance)


def _spine_shape(anatomy: Anatomy) -> list[Tube]:
    """Soft outline of the spine that the lungs lie against (bone itself is painted elsewhere)."""
    z = np.linspace(anatomy.top + 40, anatomy.bottom - 40, 24)
    y = anatomy.spine_y(z)
    scale = anatomy.mean_scale
    tubes = []
    for back, radius in ((0.0, 19.5), (16.0, 19.0), (32.0, 18.0)):
        points = np.stack([z, y + back * scale, np.zeros_like(z)], axis=1)
        tubes.append(Tube(points, np.full(len(z), radius * scale), tissue.FAT, -60.0, 1.0))
    return tubes


def _oesophagus(anatomy: Anatomy, place: _Placing, patient: PhantomPatient) -> list[Tube]:
    depth = np.array([-60.0, 0.0, 40.0, 70.0, 90.0, 120.0, 150.0, 175.0, 192.0, 205.0])
    x = np.array([3.0, 5.0, 6.0, 4.0, 1.0, 2.0, 4.0, 9.0, 16.0, 24.0])
    front = np.array([27.0, 27.0, 26.0, 25.0, 25.0, 25.0, 27.0, 31.0, 37.0, 44.0])
    z = -depth * anatomy.scale[0]
    y = anatomy.spine_y(z) - front * anatomy.scale[1]
    points = np.stack([z, y, x * anatomy.scale[2]], axis=1)
    outer = patient.oesophagus_width_mm / 2
    shape = np.array([0.75, 0.85, 0.9, 0.95, 1.0, 1.0, 1.05, 1.05, 0.9, 0.7])
    inner = np.maximum(outer * shape - 3.4, 0.0)
    air = np.where(depth < 60, 0.6, 1.0) * np.maximum(inner - 1.2, 0.0)
    wall = Tube(points, outer * shape, tissue.OESOPHAGUS, tissue.HOUNSFIELD[tissue.OESOPHAGUS], 1.5)
    forward = points - np.array([0.0, 0.15, 0.0]) * inner[:, None]
    lumen = Tube(forward, air, tissue.OESOPHAGUS_AIR, tissue.HOUNSFIELD[tissue.OESOPHAGUS_AIR])
    return [smooth_tube(wall), smooth_tube(lumen)]


def _plaques(aorta: list[Tube], anatomy: Anatomy, seed: int) -> list[Tube]:
    """Calcified plaques in the wall of the aorta: more of the same places with age."""
    rng = np.random.default_rng((seed, 6))
    tubes = []
    for tube in aorta:
        for _ in range(16):
            u = rng.random(5)
            row = int(u[0] * (len(tube.points) - 1))
            way = tube.points[row + 1] - tube.points[row]
            across = np.cross(way, rng.normal(0, 1, 3))
            across *= (tube.radii[row] - 0.8) / max(float(np.linalg.norm(across)), 1e-9)
            start = tube.points[row] + u[1] * way + across
            if u[2] > 0.75 * anatomy.calcification**1.5:
                continue
            end = start + way / max(float(np.linalg.norm(way)), 1e-9) * (1.5 + 6.0 * u[3])
            radius = 0.6 + 1.3 * u[4] * min(anatomy.calcification, 1.0)
            tubes.append(
                Tube(
                    np.stack([start, end]),
                    np.full(2, radius),
                    tissue.CALCIFICATION,
                    tissue.HOUNSFIELD[tissue.CALCIFICATION],
                )
            )
    return tubes


def airway_tubes(anatomy: Anatomy, place: _Placing, patient: PhantomPatient) -> list[Tube]:
    """Trachea and main bronchi: walls first, then their lumen."""
    depth = np.array([-90.0, -50.0, 0.0, 30.0, 60.0, 86.0])
    z = -depth * anatomy.scale[0]
    carina = place.point(0, 0, 86)[0]
    z[-1] = carina
    y = anatomy.spine_y(-depth * anatomy.scale[0]) - np.array([36.0, 36.0, 37.0, 38.0, 40.0, 42.0]) * anatomy.scale[1]
    calibre = (
        (1.0 if patient.sex == "M" else 0.86)
        * np.exp(0.07 * patient.airway_size_z)
        * (1 - 0.03 * min(patient.airway_narrowing, 5))
    )
    trachea = Tube(
        np.stack([z, y, np.array([0.0, 0.0, -1.0, -2.0, -1.5, 0.0])], axis=1), np.full(6, 8.8 * calibre), 0, 0.0
    )
    lumens = [trachea]
    wall_mm = 1.3 * (1 + 0.12 * patient.airway_narrowing)
    for line in _BRONCHI:
        points = np.array([place.point(px, 0, pd) for px, _, pd, _ in line])
        points[:, 1] = y[-1] + np.array([py for _, py, _, _ in line]) * anatomy.scale[1]
        lumens.append(Tube(points, np.array([r for *_, r in line]) * calibre, 0, 0.0))
    walls = [
        smooth_tube(Tube(t.points, t.radii + wall_mm, tissue.AIRWAY_WALL, tissue.HOUNSFIELD[tissue.AIRWAY_WALL], 1.5))
        for t in lumens
    ]
    airs = [smooth_tube(Tube(t.points, t.radii, tissue.AIRWAY, tissue.HOUNSFIELD[tissue.AIRWAY])) for t in lumens]
    return walls + airs


def _heart(place: _Placing, blood: float, bmi: float) -> tuple[Ellipsoid, ...]:
    """Ventricles, atria and outflow tract; the apex points left, down and to the front."""
    size = place.anatomy.heart
    muscle = tissue.HOUNSFIELD[tissue.HEART]
    parts = (
        ((33, -24, 148), (0.76, -0.48, 0.42), (60, 44, 39), muscle),
        ((14, -38, 136), (0.6, -0.5, 0.6), (44, 30, 32), muscle),
        ((-20, -10, 138), (0.1, 0.1, 1.0), (33, 26, 23), blood),
        ((4, 24, 120), (1.0, 0.0, 0.1), (31, 19, 22), blood),
        ((12, -42, 120), (0.1, -0.1, 1.0), (27, 21, 22), muscle),
    )
    shapes = []
    for (x, y, depth), direction, semi, hounsfield in parts:
        long = np.array([-direction[2], direction[1], direction[0]], dtype=np.float64)
        long /= np.linalg.norm(long)
        side = np.cross(long, np.array([1.0, 0.0, 0.0]) if abs(long[0]) < 0.9 else np.array([0.0, 1.0, 0.0]))
        side /= np.linalg.norm(side)
        axes = np.stack([long, side, np.cross(long, side)]) * (np.array(semi, dtype=np.float64) * size)[:, None]
        centre = place.point(4 + (x - 4) * size / place.anatomy.mean_scale, y, depth)
        shapes.append(Ellipsoid(centre, axes, tissue.HEART, hounsfield, 4.0))
    # fat of the pericardium and behind the sternum: shapes the lungs' borders, has no tissue of its own
    fat = tissue.HOUNSFIELD[tissue.FAT]
    wide = float(np.clip(1 + 0.035 * (bmi - 25.0), 0.75, 1.6))
    pads = (
        ((4, -54, 74), (15 * wide, 30, 42)),
        ((4, -30, 70), (17 * wide, 22, 30)),
        ((7, -62, 125), (13, 24, 50)),
        ((58, -46, 170), (26, 22, 18)),
        ((-18, -38, 170), (20, 26, 18)),
        ((24, -26, 182), (50, 48, 16)),
        ((0, 26, 88), (26, 20, 44)),
    )
    scale = np.array(place.anatomy.scale)
    for (x, y, depth), (rx, ry, rz) in pads:
        axes = np.diag(np.array([rz, ry, rx]) * scale)
        shapes.insert(0, Ellipsoid(place.point(x, y, depth), axes, tissue.FAT, fat, 0.0))
    return tuple(shapes)
