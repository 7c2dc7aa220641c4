"""The lungs of a simulated patient on a voxel grid: parenchyma, disease, vessels and bronchi of the right weight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spiroct.phantom import anatomy_tissue as tissues
from spiroct.phantom import lungs_voxels as lv
from spiroct.phantom.airways import accompany
from spiroct.phantom.anatomy import Anatomy
from spiroct.phantom.anatomy_mediastinum import HEART_FOLLOWS, sinking
from spiroct.phantom.disease import thresholds
from spiroct.phantom.lungs import STEP, LungShape, with_volume
from spiroct.phantom.patient import PhantomPatient
from spiroct.phantom.physiology import ScanState, scan_state
from spiroct.phantom.render_grid import Grid
from spiroct.phantom.texture import noise_tile
from spiroct.phantom.vessels import (
    ARTERY,
    STYLES,
    VEIN,
    IndexArray,
    Tree,
    diseased_radius,
    grow_tree,
    paint_vessels,
    spread_points,
    surviving,
)
from spiroct.types import Float32Array, Float64Array, UInt8Array

BLOOD_DENSITY = 1.05  # kg/L
_WALL_DENSITY = 1.0
_AIR_DENSITY = 0.002
_SIDE_OF_LOBE = np.array([0, 2, 2, 1, 1, 1], dtype=np.uint8)
_LABEL_SHARE = 0.4  # share of a voxel from which a vessel counts as seen
_THINNEST = 0.035  # kg/L: nearly bare air spaces


@dataclass(frozen=True, eq=False)
class FilledLungs:
    """Lungs on a grid: density (kg/L) = slope * base + fixed * factor, label maps, vessels and what they came to."""

    slope: Float32Array
    fixed: Float32Array
    base: float
    factor: float
    labels: dict[str, UInt8Array]
    centre_lines: Float32Array
    truth: dict[str, float]

    def compose(self, hounsfield: Float32Array, lung: Float32Array) -> None:
        """Blend the lungs into an image of the rest of the body."""
        lv.compose(hounsfield, lung, self.slope, self.fixed, self.base, self.factor)


def fill(
    patient: PhantomPatient,
    anatomy: Anatomy,
    shape: LungShape,
    state: ScanState,
    grid: Grid,
    lung: Float32Array,
    variant: int,
) -> FilledLungs:
    """Fill the lungs so that they weigh what the patient's lungs weigh."""
    settings = _lung_settings(patient, anatomy, shape, variant)
    coarse = noise_tile(patient.texture_seed, 7)
    grain = noise_tile(patient.texture_seed, 8, 0.9 if variant == 1 else 0.6)
    sample, _ = lv.sample_lungs(shape.open_space, shape.floor, shape.origin, STEP, coarse, settings)
    limits = thresholds(patient, sample[:, 0], sample[:, 1], sample[:, 2])
    settings[lv.ILD], settings[lv.HONEYCOMB] = limits.ild, limits.honeycombing
    settings[lv.RETICULAR], settings[lv.EMPHYSEMA] = limits.reticulation, limits.emphysema
    slope, fixed = np.zeros(grid.shape, dtype=np.float32), np.zeros(grid.shape, dtype=np.float32)
    names = ("lobes", "ild", "emphysema", "vessels", "airways")
    labels = {name: np.zeros(grid.shape, dtype=np.uint8) for name in names}
    maps = (labels["lobes"], labels["ild"], labels["emphysema"])
    space = shape.open_space
    lv.fill_lungs(slope, fixed, *maps, lung, grid.origin, grid.spacing, space, shape.bounds, coarse, grain, settings)
    canvas = _Canvas(grid, slope, fixed, lung, labels)
    lines, painted = _trees(patient, anatomy, shape, canvas, variant)
    labels["lungs"] = _SIDE_OF_LOBE[labels["lobes"]]
    base, factor, mass = _balanced(slope, fixed, lung, state)
    voxel_l = float(np.prod(grid.spacing)) / 1e6
    truth = {
        "lung_volume_l": float(np.count_nonzero(labels["lobes"])) * voxel_l,
        "lung_tissue_kg": mass * voxel_l,
        "vessel_volume_l": painted / 1e6,
        "parenchyma_kg_per_l": base,
    }
    return FilledLungs(slope, fixed, base, factor, labels, lines, truth)


@dataclass(frozen=True, eq=False)
class _Canvas:
    """What vessels and bronchi are painted into."""

    grid: Grid
    slope: Float32Array
    fixed: Float32Array
    lung: Float32Array
    labels: dict[str, UInt8Array]

    def paint(
        self,
        name: str | None,
        ends: tuple[Float64Array, Float64Array],
        radii: tuple[Float64Array, Float64Array],
        code: int,
        density: float,
        share: float,
    ) -> float:
        """Paint tubes and mark them in the label map of that name; returns their volume in the lungs, mm3."""
        labels = self.labels[name] if name else np.zeros((1, 1, 1), dtype=np.uint8)
        place = (self.grid.origin, self.grid.spacing)
        marked = share if name else 9.0
        return paint_vessels(self.slope, self.fixed, self.lung, labels, *place, *ends, *radii, code, density, marked)


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
    base, factor = (target - given) / max(varying, 1e-9), 1.0
    if base < _THINNEST:
        base = _THINNEST
        factor = max(target - base * varying, 0.0) / max(given, 1e-9)
    return base, factor, base * varying + factor * given


def _lung_settings(patient: PhantomPatient, anatomy: Anatomy, shape: LungShape, variant: int) -> Float64Array:
    s = np.zeros(lv.SETTINGS)
    s[lv.SZ], s[lv.SY], s[lv.SX] = anatomy.scale
    s[lv.LIFT_RIGHT], s[lv.LIFT_LEFT] = shape.lift[1], shape.lift[2]
    s[lv.BASAL], s[lv.ASYMMETRY], s[lv.UPPER] = patient.ild_basal, patient.ild_asymmetry, patient.emphysema_upper
    s[lv.ILD] = s[lv.HONEYCOMB] = s[lv.RETICULAR] = s[lv.EMPHYSEMA] = 1e9
    s[lv.SEED] = patient.texture_seed % 65521
    s[lv.GRADIENT] = 0.0036  # 1/mm: 0.2 to 0.45 HU/mm in LIDC-IDRI-1011 and Lung-PET-CT-Dx A0001
    s[lv.GRAIN] = 0.205 if variant == 1 else 0.25
    s[lv.CELL] = 5.2 if variant == 1 else 6.8
    return s


def _trees(
    patient: PhantomPatient, anatomy: Anatomy, shape: LungShape, canvas: _Canvas, variant: int
) -> tuple[Float32Array, float]:
    """Grow and paint arteries, veins and bronchi; returns the vessels' centre lines and painted volume (mm3).

    They grow in the lung as it was before the disease and are carried along as the diaphragm rises.
    """
    well = patient.changed(ild_extent=0.0, emphysema=0.0)
    before = with_volume(shape, anatomy, patient, scan_state(well).lung_volume_l)
    settings = _lung_settings(patient, anatomy, before, variant)
    coarse = noise_tile(patient.texture_seed, 7)
    _, lobes = lv.sample_lungs(before.open_space, before.floor, before.origin, STEP, coarse, settings)
    rng = np.random.default_rng((patient.vessel_seed, variant))
    shift = _root_shift(shape, before)
    lines, painted = [], 0.0
    for side, members in ((1, (3, 4, 5)), (2, (1, 2))):
        inside = np.isin(lobes, members)
        for kind in (VEIN, ARTERY):
            places = spread_points(inside, STYLES[variant].endings, rng.random(3))
            index = np.clip(np.rint(places).astype(int), 0, np.array(lobes.shape) - 1)
            lobe = lobes[index[:, 0], index[:, 1], index[:, 2]].astype(np.int64)
            points, lobe = (before.origin + STEP * places)[lobe > 0], lobe[lobe > 0]
            seed = int(rng.integers(2**31))
            root = (shape.organs.artery_roots if kind == ARTERY else shape.organs.vein_roots)[side] - shift
            tree = grow_tree(root, points, lobe, seed, STYLES[variant], kind, side)
            tree = _moved(tree, before, shape, root, shift)
            keep, radius = surviving(tree, patient, seed), diseased_radius(tree, patient)
            upstream = np.where(tree.parent >= 0, radius[np.maximum(tree.parent, 0)], radius)
            first = np.minimum(0.5 * (upstream + radius), 1.4 * radius)
            ends, radii = (tree.start[keep], tree.end[keep]), (first[keep], radius[keep])
            painted += canvas.paint("vessels", ends, radii, kind, BLOOD_DENSITY, _LABEL_SHARE)
            lines.append(np.column_stack([tree.start, tree.end, radius, np.full(len(radius), kind)])[keep])
            if kind == ARTERY:
                _bronchi(patient, shape, canvas, tree, lobe)
    return np.concatenate(lines).astype(np.float32), painted


def _root_shift(shape: LungShape, before: LungShape) -> Float64Array:
    """How far the hilum has moved with the diaphragm since before the disease."""
    rise = np.mean([shape.lift[n] - before.lift[n] for n in (1, 2)])
    return np.array([HEART_FOLLOWS * rise * float(sinking(np.asarray(108.0))), 0.0, 0.0])


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


def _bronchi(patient: PhantomPatient, shape: LungShape, canvas: _Canvas, tree: Tree, lobe: IndexArray) -> None:
    """Paint the bronchi beside one lung's arteries: walls, then lumen."""
    _, right_main, left_main, right_upper = (t for t in shape.organs.tubes if t.tissue == tissues.AIRWAY)
    right, left = right_main.points[-1], left_main.points[-1]
    hilum = {1: left, 2: left, 3: right_upper.points[-1], 4: right, 5: right}
    order = sorted(set(lobe.tolist()), reverse=True)  # the lobes' roots grow in this order
    roots = dict(zip(np.flatnonzero(tree.parent < 0).tolist(), order, strict=True))
    bronchi = accompany(tree, hilum, roots, patient)
    ends, lumen = (bronchi.start, bronchi.end), (bronchi.radius_start, bronchi.radius_end)
    outer = (lumen[0] + bronchi.wall, lumen[1] + bronchi.wall)
    canvas.paint(None, ends, outer, 1, _WALL_DENSITY, 1.0)
    canvas.paint("airways", ends, lumen, 1, _AIR_DENSITY, 0.5)
