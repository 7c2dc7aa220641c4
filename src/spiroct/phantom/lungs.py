"""Shape of the lungs: between cage, mediastinum and diaphragm, with the volume that the patient breathed in."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spiroct.phantom.anatomy import Anatomy
from spiroct.phantom.anatomy_compiled import compiled
from spiroct.phantom.anatomy_mediastinum import Mediastinum, mediastinum
from spiroct.phantom.anatomy_paint import add_ellipsoid_nearness, add_tube_nearness
from spiroct.phantom.patient import PhantomPatient
from spiroct.phantom.thorax import Wall, inner_radius, wall
from spiroct.phantom.thorax_look_up import cage_gap, midline, spot_at
from spiroct.phantom.thorax_voxels import Bounds
from spiroct.types import Float32Array, Float64Array

STEP = 4.0  # mm between the points of the lattice on which shapes are worked out, whatever the output grid
_SOFTNESS = 3.6  # mm over which neighbouring organs of the mediastinum merge
_FAR = 25.0  # mm: beyond this the mediastinum does not matter
RIGHT, LEFT = 1, 2

# Diaphragm of the template: depths of the domes and of the recess at the back, side and front; LIDC-IDRI-1011
# and the label map of the Chest Imaging Platform (the recess lies 70 to 100 mm below the dome at the back).
_DOME = {RIGHT: 158.0, LEFT: 168.0}
_RECESS_DIRECTION = np.array([0.0, 40.0, 90.0, 130.0, 180.0])
_RECESS = np.array([238.0, 240.0, 222.0, 188.0, 172.0])
_REACH = np.array([150.0, 140.0, 80.0, 58.0, 50.0])  # mm from the wall to the top of the dome
_STEEPNESS = np.array([1.35, 1.45, 2.6, 2.2, 1.8])  # 1 a straight slope, more the steeper at the wall
_RECESS_FOLLOWS = 0.55  # share of the dome's movement that the recess makes
_APEX = (46.0, 14.0, 48.0, 50.0)  # x, y, half widths (x, y) of the caps over the apices


@dataclass(frozen=True)
class LungShape:
    """Everything that bounds the lungs of one scan.

    Parameters
    ----------
    origin : array (3,)
        First lattice point (z, y, x), mm.
    between : array (n_z, n_y, n_x)
        Distance from the mediastinum, positive outside it.
    open_space : array (n_z, n_y, n_x)
        Distance inside cage, apex and mediastinum, the diaphragm aside.
    floor, floor_slope, ceiling : array (n_y, n_x)
        Height of the diaphragm, slope factor sqrt(1 + gradient^2), height of the apex.
    lift : dict
        How far each dome (1 right, 2 left) stands above its resting level, mm.
    organs : Mediastinum
    """

    origin: Float64Array
    between: Float32Array
    open_space: Float32Array
    floor: Float32Array
    floor_slope: Float32Array
    ceiling: Float32Array
    lift: dict[int, float]
    organs: Mediastinum

    @property
    def bounds(self) -> Bounds:
        """The bounds as compiled code takes them."""
        return Bounds(self.between, self.floor, self.floor_slope, self.ceiling, self.origin, STEP)

    @property
    def grid(self) -> tuple[Float64Array, Float64Array, Float64Array]:
        """Coordinates of the lattice along z, y and x."""
        return tuple(self.origin[n] + STEP * np.arange(self.between.shape[n]) for n in range(3))


def right_share(patient: PhantomPatient) -> float:
    """Share of the right lung in the volume of both: 52 to 57 %, less where disease shrinks that side."""
    spread = 0.006 * (patient.thorax_width_z - patient.heart_size_z)
    return float(np.clip(0.545 + spread - 0.05 * patient.ild_asymmetry * patient.ild_extent, 0.521, 0.569))


def lung_shape(patient: PhantomPatient, anatomy: Anatomy, volume_l: float) -> LungShape:
    """Find the diaphragm's height that gives the lungs their volume.

    Parameters
    ----------
    patient : PhantomPatient
    anatomy : Anatomy
    volume_l : float
        Volume of both lungs, litres.
    """
    origin, shape, lattice_wall = _lattice(anatomy)
    grid = [origin[n] + STEP * np.arange(shape[n]) for n in range(3)]
    targets = {RIGHT: volume_l * right_share(patient), LEFT: volume_l * (1 - right_share(patient))}
    ceiling = _ceiling(anatomy, grid[1], grid[2])
    lift = {RIGHT: 0.0, LEFT: 0.0}
    muscle = diaphragm(anatomy, grid[1], grid[2])
    cage = np.empty(shape, dtype=np.float32)
    _open_space(cage, ceiling, lattice_wall.table, lattice_wall.centre_y, origin, STEP)
    for _ in range(2):  # the heart follows the diaphragm, and the lungs make room for the heart
        organs = mediastinum(anatomy, patient, 0.5 * (lift[RIGHT] + lift[LEFT]))
        between = _distance_from(anatomy, organs, origin, shape)
        space = np.minimum(cage, between)
        lift = _solve(anatomy, muscle, space, grid, targets)
    floor = muscle.height(lift)
    slopes = np.gradient(floor, STEP)
    slope = np.sqrt(1 + slopes[0] ** 2 + slopes[1] ** 2)
    return LungShape(
        origin,
        between,
        space,
        floor.astype(np.float32),
        slope.astype(np.float32),
        ceiling.astype(np.float32),
        lift,
        organs,
    )


def with_volume(shape: LungShape, anatomy: Anatomy, patient: PhantomPatient, volume_l: float) -> LungShape:
    """Give the same lungs with another volume: only the diaphragm moves (the shape that disease started from)."""
    targets = {RIGHT: volume_l * right_share(patient), LEFT: volume_l * (1 - right_share(patient))}
    grid = shape.grid
    muscle = diaphragm(anatomy, grid[1], grid[2])
    lift = _solve(anatomy, muscle, shape.open_space, list(grid), targets)
    floor = muscle.height(lift)
    return replace(shape, floor=floor.astype(np.float32), lift=lift)


def _lattice(anatomy: Anatomy) -> tuple[Float64Array, tuple[int, int, int], Wall]:
    _, sy, sx = anatomy.scale
    low = np.array([anatomy.bottom, -118.0 * sy, -148.0 * sx])
    high = np.array([8.0, 118.0 * sy, 148.0 * sx])
    origin = np.floor(low / STEP) * STEP
    shape = tuple(int(n) for n in np.ceil((high - origin) / STEP).astype(int) + 1)
    z = origin[0] + STEP * np.arange(shape[0])
    return origin, shape, wall(anatomy, z)  # type: ignore[return-value]


def _distance_from(
    anatomy: Anatomy, organs: Mediastinum, origin: Float64Array, shape: tuple[int, int, int]
) -> Float32Array:
    nearness = np.full(shape, np.exp(-_FAR / _SOFTNESS), dtype=np.float32)
    for ellipsoid in organs.ellipsoids:
        if ellipsoid.clearance >= 0:
            add_ellipsoid_nearness(
                nearness, origin, STEP, ellipsoid.centre, ellipsoid.axes, ellipsoid.clearance, _SOFTNESS
            )
    for tube in organs.tubes:
        if tube.clearance >= 0:
            add_tube_nearness(nearness, origin, STEP, tube.points, tube.radii, tube.clearance, _SOFTNESS)
    _part_lungs(nearness, origin, STEP, _SOFTNESS, anatomy.scale[0], anatomy.scale[1])
    distance: Float32Array = (-_SOFTNESS * np.log(nearness)).astype(np.float32)
    return distance


@compiled
def _part_lungs(
    nearness: Float32Array, origin: Float64Array, step: float, softness: float, sz: float, sy: float
) -> None:
    """Add the sheet of pleura and fat that parts the lungs even where nothing else lies between them."""
    nz, ny, nx = nearness.shape
    for k in range(nz):
        z = origin[0] + k * step
        for j in range(ny):
            y = origin[1] + j * step
            half = (
                2.2
                + 8.0 * min(max((y / sy + 35.0) / 45.0, 0.0), 1.0)
                + 9.0 * min(max((-y / sy - 58.0) / 30.0, 0.0), 1.0) ** 1.5
            )
            middle = midline(z, y, sz, sy)
            for i in range(nx):
                d = abs(origin[2] + i * step - middle) - half
                if d < 5 * softness:
                    near = np.exp(-max(d, -20.0) / softness)
                    nearness[k, j, i] = max(nearness[k, j, i], near) + 0.35 * min(nearness[k, j, i], near)


@compiled
def _right_side(filled: Float64Array, origin: Float64Array, step: float, sz: float, sy: float) -> None:
    """Clear what does not belong to the right lung."""
    nz, ny, nx = filled.shape
    for k in range(nz):
        for j in range(ny):
            middle = midline(origin[0] + k * step, origin[1] + j * step, sz, sy)
            for i in range(nx):
                if origin[2] + i * step >= middle:
                    filled[k, j, i] = 0.0


def _ceiling(anatomy: Anatomy, y: Float64Array, x: Float64Array) -> Float64Array:
    """Height of the lungs' upper end: a cap over each apex."""
    sz, sy, sx = anatomy.scale
    ax, ay, wx, wy = _APEX
    across = (np.abs(x)[None, :] / sx - ax) / np.where(np.abs(x) / sx > ax, wx * 1.15, wx * 0.9)[None, :]
    along = (y[:, None] / sy - ay) / np.where(y / sy < ay, wy * 1.1, wy)[:, None]
    away = np.sqrt(across**2 + along**2)
    fall = np.where(away < 0.9, 34.0 * (1 - np.sqrt(1 - np.minimum(away, 0.9) ** 2)), 19.18 + 70.0 * (away - 0.9))
    height: Float64Array = -fall * sz
    return height


@dataclass(frozen=True)
class Diaphragm:
    """Height of the diaphragm over the plane (n_y, n_x), mm: at rest, and per mm that each dome is lifted."""

    rest: Float64Array
    gain: dict[int, Float64Array]

    def height(self, lift: dict[int, float]) -> Float64Array:
        """Height with the domes lifted by so many mm."""
        return self.rest + self.gain[RIGHT] * lift[RIGHT] + self.gain[LEFT] * lift[LEFT]


def diaphragm(anatomy: Anatomy, y: Float64Array, x: Float64Array) -> Diaphragm:
    """Shape the diaphragm: from the recess at the chest wall each dome rises, gently behind, steeply beside."""
    sz, sy, sx = anatomy.scale
    radius, centre = inner_radius(anatomy, np.array([-195.0 * sz]))
    theta = np.arctan2(x[None, :], y[:, None] - centre[0])
    column = (theta % (2 * np.pi)) * (radius.shape[1] / (2 * np.pi))
    wall_radius = np.interp(column, np.arange(radius.shape[1] + 1), np.append(radius[0], radius[0, 0]))
    from_wall = wall_radius - np.hypot(x[None, :], y[:, None] - centre[0])
    folded = np.degrees(np.abs(np.arctan2(np.sin(theta) / sx, np.cos(theta) / sy)))
    recess = -np.interp(folded, _RECESS_DIRECTION, _RECESS) * sz
    reach = np.interp(folded, _RECESS_DIRECTION, _REACH) * (sx * sy) ** 0.5
    share = np.clip(from_wall / reach, 0.0, 1.0)
    rise = 1 - (1 - share) ** np.interp(folded, _RECESS_DIRECTION, _STEEPNESS)
    left = (1 / (1 + np.exp(-x / 7.0)))[None, :]
    dome = -(left * _DOME[LEFT] + (1 - left) * _DOME[RIGHT]) * sz
    # the heart lies in a hollow of the central tendon
    hollow = np.exp(-(((x[None, :] / sx - 22) / 42) ** 2) - ((y[:, None] / sy + 28) / 48) ** 2)
    dome = dome - 15.0 * sz * hollow
    follows = _RECESS_FOLLOWS * (1 - rise) + rise
    return Diaphragm(recess * (1 - rise) + dome * rise, {RIGHT: (1 - left) * follows, LEFT: left * follows})


@compiled
def _open_space(
    space: Float32Array,
    ceiling: Float64Array,
    table: Float32Array,
    centre_y: Float64Array,
    origin: Float64Array,
    step: float,
) -> None:
    """Distance inside cage and apex at each lattice point, mm, as the voxels will see it."""
    nz, ny, nx = space.shape
    for k in range(nz):
        z = origin[0] + k * step
        for j in range(ny):
            for i in range(nx):
                spot = spot_at(z, origin[1] + j * step, origin[2] + i * step, k, table, centre_y)
                space[k, j, i] = min(cage_gap(spot), (ceiling[j, i] - z) * 0.75)


def _solve(
    anatomy: Anatomy,
    muscle: Diaphragm,
    space: Float32Array,
    grid: list[Float64Array],
    targets: dict[int, float],
) -> dict[int, float]:
    """Bisect each dome's lift until its lung has its volume."""
    filled = np.clip(0.5 + space / STEP, 0.0, 1.0).astype(np.float64)
    right = filled.copy()
    _right_side(right, np.array([g[0] for g in grid]), STEP, anatomy.scale[0], anatomy.scale[1])
    # volume above each height of each column, so that a trial costs one look-up a column
    bare = np.zeros((1, *filled.shape[1:]))
    above = {
        side: np.concatenate([np.cumsum(part[::-1], axis=0)[::-1], bare])
        for side, part in ((RIGHT, right), (LEFT, filled - right))
    }
    lift = {RIGHT: 0.0, LEFT: 0.0}
    rows, columns = np.meshgrid(np.arange(len(grid[1])), np.arange(len(grid[2])), indexing="ij")
    for side, target in ((RIGHT, targets[RIGHT]), (LEFT, targets[LEFT]), (RIGHT, targets[RIGHT])):
        low, high = -70.0, 190.0
        for _ in range(18):  # 260 mm / 2^18: a micrometre
            trial = dict(lift) | {side: 0.5 * (low + high)}
            floor = muscle.height(trial)
            place = np.clip((floor - grid[0][0]) / STEP + 0.5, 0.0, len(grid[0]) - 1e-6)
            index = place.astype(int)
            part = place - index
            stack = above[side]
            volume = stack[index, rows, columns] * (1 - part) + stack[index + 1, rows, columns] * part
            litres = volume.sum() * STEP**3 / 1e6
            low, high = (trial[side], high) if litres > target else (low, trial[side])
        lift[side] = 0.5 * (low + high)
    return lift
