"""From a patient's record to a CT: a resolution-independent body seen on a voxel grid, with its truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spiroct.phantom import anatomy_tissue as tissues
from spiroct.phantom import lungs_voxels as lv
from spiroct.phantom import thorax_voxels as tv
from spiroct.phantom.airways import accompany
from spiroct.phantom.anatomy import NOMINAL_EFFORT, Anatomy, build_anatomy
from spiroct.phantom.anatomy_abdomen import abdominal_organs
from spiroct.phantom.anatomy_bones import LEVEL, paint_spine, shoulder_tubes, vertebral_levels
from spiroct.phantom.anatomy_mediastinum import Tube, sinking
from spiroct.phantom.anatomy_paint import paint_ellipsoid, paint_tube
from spiroct.phantom.disease import thresholds
from spiroct.phantom.lungs import STEP, LungShape, lung_shape, with_volume
from spiroct.phantom.patient import PhantomPatient
from spiroct.phantom.physiology import ScanState, scan_state
from spiroct.phantom.scanner import scanned
from spiroct.phantom.texture import noise_tile
from spiroct.phantom.thorax import INNER, SKIN_OUT, Wall, wall
from spiroct.phantom.vessels import (
    ARTERY,
    STYLES,
    VEIN,
    Tree,
    diseased_radius,
    grow_tree,
    paint_vessels,
    spread_points,
    surviving,
)
from spiroct.types import Float32Array, Float64Array, Int16Array, Shape3, UInt8Array, Vector3

BLOOD_DENSITY = 1.05  # kg/L
_WALL_DENSITY = 1.0
_SIDE_OF_LOBE = np.array([0, 2, 2, 1, 1, 1], dtype=np.uint8)
_LABEL_SHARE = 0.4  # share of a voxel from which a vessel counts as seen


@dataclass(frozen=True, eq=False)
class Phantom:
    """A simulated CT with everything that is true about it.

    Parameters
    ----------
    hu : array (z, y, x), int16
        Canonical frame: z to the head, y to the back, x to the patient's left.
    spacing : tuple of float
        Voxel size (z, y, x), mm.
    origin : tuple of float
        Centre of the first voxel (z, y, x), mm; z = 0 at the apex of the lungs, x = 0 in the midline.
    labels : dict of str to array (z, y, x), uint8
        ``lungs`` (1 right, 2 left), ``lobes`` (1 left upper, 2 left lower, 3 right upper, 4 right middle, 5 right
        lower), ``vessels`` (1 artery, 2 vein), ``airways`` (lumen), ``ild`` (1 ground glass, 2 reticulation, 3
        honeycombing), ``emphysema``, ``body`` and the tissues of :data:`anatomy_tissue.LABELS`.
    centre_lines : array (n, 8)
        Vessels: start (z, y, x), end (z, y, x) in mm, radius in mm, kind (1 artery, 2 vein).
    truth : dict
        Realised lung volume (L), tissue mass (kg), vessel volume (L), base density (kg/L), diaphragm (mm).
    """

    hu: Int16Array
    spacing: Vector3
    origin: Vector3
    labels: dict[str, UInt8Array]
    centre_lines: Float32Array
    truth: dict[str, float]


@dataclass(frozen=True)
class _Grid:
    origin: Float64Array
    spacing: Float64Array
    shape: Shape3


def render(
    patient: PhantomPatient, *, spacing: float | tuple[float, float, float], variant: int | None = None
) -> Phantom:
    """Render the CT of a simulated patient.

    The body is a continuous shape; the grid only looks at it, so that every grid shows the same patient. All
    randomness comes from the record's seeds: the same record gives the same bytes.

    Parameters
    ----------
    patient : PhantomPatient
    spacing : float or tuple of float
        Voxel size (z, y, x), mm.
    variant : {1, 2}, optional
        Generator of vessels and texture; the record's own if not given.

    Returns
    -------
    Phantom

    Raises
    ------
    ValueError
        If a voxel size is not positive.
    """
    size = (spacing,) * 3 if isinstance(spacing, int | float) else tuple(spacing)
    if len(size) != 3 or not all(np.isfinite(s) and s > 0 for s in size):
        raise ValueError(f"spacing {spacing} must be one or three positive millimetres")
    state = scan_state(patient)
    anatomy = build_anatomy(patient, _nominal_volume(patient))
    shape = lung_shape(patient, anatomy, state.lung_volume_l)
    grid, walls = _grid(patient, anatomy, np.array(size, dtype=np.float64))
    hounsfield, tissue, lung = _body(patient, anatomy, shape, grid, walls)
    lungs = _lungs(patient, anatomy, shape, state, grid, lung, variant or patient.variant)
    lv.compose(hounsfield, lung, lungs.slope, lungs.fixed, lungs.truth["parenchyma_kg_per_l"], lungs.factor)
    _lay_on_table(hounsfield, tissue, grid, walls)
    hu = scanned(hounsfield, grid.spacing, patient, _shadow(walls))
    labels = lungs.labels | {name: tissues.label_map(tissue, name) for name in tissues.LABELS}
    labels["body"] = (tissue != tissues.OUTSIDE).astype(np.uint8)
    labels["airways"] |= (tissue == tissues.AIRWAY).astype(np.uint8)
    in_lung = labels["lungs"] > 0
    for name in tissues.LABELS:
        labels[name][in_lung] = 0
    labels["body"][in_lung] = 1
    truth = lungs.truth | {f"diaphragm_{side}_mm": shape.lift[n] for n, side in ((1, "right"), (2, "left"))}
    z, y, x = (float(v) for v in grid.origin)
    return Phantom(hu, tuple(float(s) for s in size), (z, y, x), labels, lungs.centre_lines, truth)  # type: ignore[arg-type]


def _nominal_volume(patient: PhantomPatient) -> float:
    """Lung volume of the same person without disease of lung, wall or muscle: the cage is made for it."""
    well = patient.changed(
        ild_extent=0.0,
        emphysema=0.0,
        chest_wall_stiffness=0.0,
        muscle_weakness=0.0,
        effort=NOMINAL_EFFORT,
        tissue_z=0.0,
    )
    return scan_state(well).lung_volume_l


def _grid(patient: PhantomPatient, anatomy: Anatomy, spacing: Float64Array) -> tuple[_Grid, Wall]:
    """Choose a square field of view that holds the lungs, from below the recess to above the apex."""
    height = anatomy.top - anatomy.bottom
    nz = int(np.ceil(height / spacing[0]))
    z = anatomy.bottom + spacing[0] * np.arange(nz)
    walls = wall(anatomy, z)
    widest = float(walls.table[:, 90, INNER].max())
    field = max(patient.fov_mm, 2 * widest + 30.0)
    middle = nz // 2
    front = walls.centre_y[middle] - float(walls.table[middle, 180, SKIN_OUT])
    back = walls.centre_y[middle] + float(walls.table[middle, 0, SKIN_OUT])
    centre = np.array([0.5 * (front + back) + 4.0, 0.0])
    count = np.ceil(field / spacing[1:]).astype(int)
    corner = centre - (count - 1) / 2 * spacing[1:]
    return _Grid(np.array([z[0], *corner]), spacing, (nz, int(count[0]), int(count[1]))), walls


def _shadow(walls: Wall) -> Float64Array:
    """Factor on the noise by slice: the wider the body, the fewer photons arrive."""
    width = walls.table[:, 90, SKIN_OUT].astype(np.float64)
    factor: Float64Array = np.clip(np.exp((width - np.median(width)) / 110.0), 0.8, 1.8)
    return factor


def _body(
    patient: PhantomPatient, anatomy: Anatomy, shape: LungShape, grid: _Grid, walls: Wall
) -> tuple[Float32Array, UInt8Array, Float32Array]:
    """Paint everything that is not lung, and the share of each voxel that is."""
    hounsfield = np.full(grid.shape, -1000.0, dtype=np.float32)
    tissue = np.zeros(grid.shape, dtype=np.uint8)
    lung = np.zeros(grid.shape, dtype=np.float32)
    tv.fill_thorax(
        hounsfield,
        tissue,
        lung,
        grid.origin,
        grid.spacing,
        walls.table,
        walls.centre_y,
        walls.sternum,
        shape.between,
        shape.floor,
        shape.floor_slope,
        shape.ceiling,
        shape.origin,
        STEP,
        abdominal_organs(anatomy, patient, shape.lift),
        noise_tile(patient.anatomy_seed, 3),
        _wall_settings(patient, anatomy),
    )
    bones = (tissues.BONE, tissues.MARROW, tissues.CARTILAGE)
    under = {
        tissues.SKIN: (*bones, tissues.MUSCLE, tissues.FAT),
        tissues.FAT: (*bones, tissues.MUSCLE),
        tissues.MUSCLE: bones,
    }
    for part in shoulder_tubes(anatomy):
        _paint(hounsfield, tissue, grid, [part], keep=under.get(part.tissue, ()))
    keep = np.zeros(256, dtype=np.uint8)
    keep[[tissues.DIAPHRAGM, tissues.ABDOMINAL_FAT, tissues.LIVER, tissues.SPLEEN, tissues.STOMACH, tissues.GAS]] = 1
    keep[[tissues.MUSCLE, tissues.BONE, tissues.MARROW, tissues.CARTILAGE, tissues.SKIN]] = 1
    for organ in shape.organs.ellipsoids:
        if organ.tissue == tissues.HEART:
            paint_ellipsoid(
                hounsfield,
                tissue,
                keep,
                grid.origin,
                grid.spacing,
                organ.centre,
                organ.axes,
                organ.tissue,
                organ.hounsfield,
            )
    painted = [t for t in shape.organs.tubes if t.tissue != tissues.FAT]
    _paint(
        hounsfield,
        tissue,
        grid,
        painted,
        keep=(tissues.BONE, tissues.MARROW, tissues.CARTILAGE, tissues.MUSCLE, tissues.LIVER),
    )
    paint_spine(
        hounsfield, tissue, grid.origin, grid.spacing, vertebral_levels(anatomy), LEVEL * anatomy.scale[0], anatomy.bone
    )
    return hounsfield, tissue, lung


def _wall_settings(patient: PhantomPatient, anatomy: Anatomy) -> Float64Array:
    settings = np.zeros(tv.SETTINGS)
    settings[tv.FATTY] = anatomy.fatty_muscle
    settings[tv.BONE_FACTOR] = anatomy.bone
    settings[tv.CALCIFIED] = anatomy.calcification
    settings[tv.SIZE] = anatomy.mean_scale
    settings[tv.FAT_HU] = tissues.HOUNSFIELD[tissues.FAT]
    settings[tv.MUSCLE_HU] = tissues.HOUNSFIELD[tissues.MUSCLE]
    settings[tv.AIR_LEVEL] = 12.0
    settings[tv.STRANDS] = 0.22 * min(patient.chest_wall_stiffness, 5.0)
    return settings


def _paint(hounsfield: Float32Array, tissue: UInt8Array, grid: _Grid, tubes: list[Tube], keep: tuple[int, ...]) -> None:
    kept = np.zeros(256, dtype=np.uint8)
    kept[list(keep)] = 1
    for tube in tubes:
        paint_tube(
            hounsfield, tissue, kept, grid.origin, grid.spacing, tube.points, tube.radii, tube.tissue, tube.hounsfield
        )


@dataclass(frozen=True)
class _Lungs:
    slope: Float32Array
    fixed: Float32Array
    factor: float
    labels: dict[str, UInt8Array]
    centre_lines: Float32Array
    truth: dict[str, float]


def _lungs(
    patient: PhantomPatient,
    anatomy: Anatomy,
    shape: LungShape,
    state: ScanState,
    grid: _Grid,
    lung: Float32Array,
    variant: int,
) -> _Lungs:
    """Fill the lungs so that they weigh what the patient's lungs weigh."""
    settings = _lung_settings(patient, anatomy, shape, variant)
    coarse = noise_tile(patient.texture_seed, 7)
    grain = noise_tile(patient.texture_seed, 8, 0.9 if variant == 1 else 0.6)
    sample, _ = lv.sample_lungs(shape.open_space, shape.floor, shape.origin, STEP, coarse, settings)
    limits = thresholds(patient, sample[:, 0], sample[:, 1], sample[:, 2])
    settings[lv.ILD], settings[lv.HONEYCOMB] = limits.ild, limits.honeycombing
    settings[lv.RETICULAR], settings[lv.EMPHYSEMA] = limits.reticulation, limits.emphysema
    slope = np.zeros(grid.shape, dtype=np.float32)
    fixed = np.zeros(grid.shape, dtype=np.float32)
    names = ("lobes", "ild", "emphysema", "vessels", "airways")
    labels = {name: np.zeros(grid.shape, dtype=np.uint8) for name in names}
    lv.fill_lungs(
        slope,
        fixed,
        labels["lobes"],
        labels["ild"],
        labels["emphysema"],
        lung,
        grid.origin,
        grid.spacing,
        shape.open_space,
        shape.floor,
        shape.floor_slope,
        shape.origin,
        STEP,
        coarse,
        grain,
        settings,
    )
    lines, painted = _trees(patient, anatomy, shape, grid, (slope, fixed, lung, labels), variant)
    lobes = labels["lobes"]
    labels["lungs"] = _SIDE_OF_LOBE[lobes]
    base, factor, mass = _balanced(slope, fixed, lung, state)
    voxel_l = float(np.prod(grid.spacing)) / 1e6
    truth = {
        "lung_volume_l": float(np.count_nonzero(lobes)) * voxel_l,
        "lung_tissue_kg": mass * voxel_l,
        "vessel_volume_l": painted / 1e6,
        "parenchyma_kg_per_l": base,
    }
    return _Lungs(slope, fixed, factor, labels, lines, truth)


def _balanced(
    slope: Float32Array, fixed: Float32Array, lung: Float32Array, state: ScanState
) -> tuple[float, float, float]:
    """Find the parenchyma's density that makes the lungs weigh what they should.

    Returns
    -------
    base : float
        Density of plain parenchyma, kg/L.
    factor : float
        1, or less where disease and vessels alone would weigh too much.
    mass : float
        kg per litre times voxels.
    """
    total, varying, given = lv.weigh(slope, fixed, lung)
    target = state.lung_tissue_kg / state.lung_volume_l * total
    thinnest = 0.035  # kg/L: nearly bare air spaces
    base, factor = (target - given) / max(varying, 1e-9), 1.0
    if base < thinnest:
        base = thinnest
        factor = max(target - base * varying, 0.0) / max(given, 1e-9)
    return base, factor, base * varying + factor * given


def _lay_on_table(hounsfield: Float32Array, tissue: UInt8Array, grid: _Grid, walls: Wall) -> None:
    """Put a mattress and a curved table top behind the body."""
    back = float((walls.centre_y + walls.table[:, 0, SKIN_OUT]).max())
    y = grid.origin[1] + grid.spacing[1] * np.arange(grid.shape[1])
    x = grid.origin[2] + grid.spacing[2] * np.arange(grid.shape[2])
    surface = back + 14.0 - 0.0011 * x**2
    below = y[:, None] - surface[None, :]
    voxel = float(grid.spacing[1])

    def share(low: float, high: float) -> Float64Array:
        top, bottom = np.minimum(below + voxel / 2, high), np.maximum(below - voxel / 2, low)
        covered: Float64Array = np.clip((top - bottom) / voxel, 0.0, 1.0)
        return covered

    there = np.abs(x)[None, :] < 225.0
    plate = (880.0 * share(0.0, 2.5) + 120.0 * share(2.5, 40.0) + 60.0 * share(-18.0, 0.0)) * there
    rows, columns = np.nonzero(plate > 0)
    free = tissue[:, rows, columns] == tissues.OUTSIDE
    added = np.where(free, plate[rows, columns][None, :].astype(np.float32), np.float32(0))
    hounsfield[:, rows, columns] = np.where(
        free & (hounsfield[:, rows, columns] < -900), hounsfield[:, rows, columns] + added, hounsfield[:, rows, columns]
    )


def _lung_settings(patient: PhantomPatient, anatomy: Anatomy, shape: LungShape, variant: int) -> Float64Array:
    s = np.zeros(lv.SETTINGS)
    s[lv.SZ], s[lv.SY], s[lv.SX] = anatomy.scale
    s[lv.LIFT_RIGHT], s[lv.LIFT_LEFT] = shape.lift[1], shape.lift[2]
    s[lv.BASAL], s[lv.ASYMMETRY], s[lv.UPPER] = patient.ild_basal, patient.ild_asymmetry, patient.emphysema_upper
    s[lv.ILD] = s[lv.HONEYCOMB] = s[lv.RETICULAR] = s[lv.EMPHYSEMA] = 1e9
    s[lv.SEED] = patient.texture_seed % 65521
    s[lv.GRADIENT] = 0.0026  # 1/mm: about 60 HU from front to back, supine (Verschakelen 1998)
    s[lv.GRAIN] = 0.11 if variant == 1 else 0.16
    s[lv.CELL] = 5.2 if variant == 1 else 6.8
    return s


def _trees(
    patient: PhantomPatient,
    anatomy: Anatomy,
    shape: LungShape,
    grid: _Grid,
    fields: tuple[Float32Array, Float32Array, Float32Array, dict[str, UInt8Array]],
    variant: int,
) -> tuple[Float32Array, float]:
    """Grow and paint arteries, veins and bronchi; returns the vessels' centre lines and painted volume (mm3)."""
    slope, fixed, lung, labels = fields
    healthy = patient.changed(ild_extent=0.0, emphysema=0.0)
    before = with_volume(shape, anatomy, patient, scan_state(healthy).lung_volume_l)
    settings = _lung_settings(patient, anatomy, before, variant)
    _, lobes = lv.sample_lungs(
        before.open_space, before.floor, before.origin, STEP, noise_tile(patient.texture_seed, 7), settings
    )
    style = STYLES[variant]
    rng = np.random.default_rng((patient.vessel_seed, variant))
    lines = []
    painted = 0.0
    for side, members in ((1, (3, 4, 5)), (2, (1, 2))):
        inside = np.isin(lobes, members)
        for kind in (VEIN, ARTERY):
            places = spread_points(inside, style.endings, rng.random(3))
            index = np.clip(np.rint(places).astype(int), 0, np.array(lobes.shape) - 1)
            lobe = lobes[index[:, 0], index[:, 1], index[:, 2]].astype(np.int64)
            known = lobe > 0
            points = before.origin + STEP * places[known]
            seed = int(rng.integers(2**31))
            roots = shape.organs.artery_roots if kind == ARTERY else shape.organs.vein_roots
            moved = _root_shift(anatomy, shape, before)
            tree = grow_tree(roots[side] - moved, points, lobe[known], seed, style, kind, side)
            tree = _moved(tree, before, shape, roots[side] - moved, moved)
            keep = surviving(tree, patient, seed)
            radius = diseased_radius(tree, patient)
            upstream = np.where(tree.parent >= 0, radius[np.maximum(tree.parent, 0)], radius)
            first = np.minimum(0.5 * (upstream + radius), 1.4 * radius)
            painted += paint_vessels(
                slope, fixed, lung, labels["vessels"], grid.origin, grid.spacing, tree.start[keep], tree.end[keep],
                first[keep], radius[keep], kind, BLOOD_DENSITY, _LABEL_SHARE,
            )  # fmt: skip
            lines.append(np.column_stack([tree.start, tree.end, radius, np.full(len(radius), kind)])[keep])
            if kind == ARTERY:
                _paint_bronchi(patient, anatomy, shape, grid, tree, lobe[known], fields)
    return np.concatenate(lines).astype(np.float32), painted


def _root_shift(anatomy: Anatomy, shape: LungShape, before: LungShape) -> Float64Array:
    """How far the hilum has moved with the diaphragm since before the disease."""
    rise = np.mean([shape.lift[n] - before.lift[n] for n in (1, 2)])
    return np.array([0.6 * rise * float(sinking(np.asarray(108.0))), 0.0, 0.0])


def _moved(tree: Tree, before: LungShape, now: LungShape, root: Float64Array, shift: Float64Array) -> Tree:
    """Carry a tree from the lung before the disease to the lung of the scan, column by column."""

    def carried(points: Float64Array) -> Float64Array:
        place = (points - now.origin) / STEP
        j = np.clip(np.rint(place[:, 1]).astype(int), 0, now.floor.shape[0] - 1)
        i = np.clip(np.rint(place[:, 2]).astype(int), 0, now.floor.shape[1] - 1)
        old, new = before.floor[j, i].astype(np.float64), now.floor[j, i].astype(np.float64)
        top = np.maximum(now.ceiling[j, i].astype(np.float64), np.maximum(old, new) + 10.0)
        stretched = new + (points[:, 0] - old) * (top - new) / (top - old)
        weight = np.clip(np.linalg.norm(points - root, axis=1) / 45.0, 0.0, 1.0)
        moved = points.copy()
        moved[:, 0] += weight * (stretched - points[:, 0]) + (1 - weight) * shift[0]
        return moved

    return Tree(carried(tree.start), carried(tree.end), tree.radius, tree.parent, tree.endings, tree.kind, tree.side)


def _paint_bronchi(
    patient: PhantomPatient,
    anatomy: Anatomy,
    shape: LungShape,
    grid: _Grid,
    tree: Tree,
    lobe: np.ndarray,
    fields: tuple[Float32Array, Float32Array, Float32Array, dict[str, UInt8Array]],
) -> None:
    slope, fixed, lung, labels = fields
    airways = [t for t in shape.organs.tubes if t.tissue == tissues.AIRWAY]
    right_main, left_main, right_upper = airways[1], airways[2], airways[3]
    if tree.side == 1:
        hilum = {3: right_upper.points[-1], 4: right_main.points[-1], 5: right_main.points[-1]}
    else:
        hilum = {1: left_main.points[-1], 2: left_main.points[-1]}
    order = sorted(set(lobe.tolist()), reverse=True)  # roots grow in this order
    bronchi = accompany(tree, hilum, _root_lobes(tree, order), patient)
    paint_vessels(
        slope, fixed, lung, np.zeros_like(labels["airways"]), grid.origin, grid.spacing, bronchi.start, bronchi.end,
        bronchi.radius_start + bronchi.wall, bronchi.radius_end + bronchi.wall, 1, _WALL_DENSITY, 2.0,
    )  # fmt: skip
    paint_vessels(
        slope, fixed, lung, labels["airways"], grid.origin, grid.spacing, bronchi.start, bronchi.end,
        bronchi.radius_start, bronchi.radius_end, 1, 0.002, 0.5,
    )  # fmt: skip


def _root_lobes(tree: Tree, order: list[int]) -> dict[int, int]:
    return dict(zip(np.flatnonzero(tree.parent < 0).tolist(), order, strict=True))
