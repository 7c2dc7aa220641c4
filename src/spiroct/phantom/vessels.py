"""Pulmonary arteries and veins, grown into each lobe until they fill it, with radii after Murray's law."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spiroct.phantom.anatomy_compiled import compiled
from spiroct.phantom.anatomy_paint import voxels_within
from spiroct.phantom.patient import PhantomPatient
from spiroct.types import BoolArray, Float32Array, Float64Array, UInt8Array

IndexArray = npt.NDArray[np.int64]

ARTERY, VEIN = 1, 2


@dataclass(frozen=True)
class TreeStyle:
    """How a generator grows its trees: variant 1 for all work, variant 2 for tests of generalisation only.

    Parameters
    ----------
    endings : int
        Endings of one tree of one lung.
    stride : float
        Share of the way to the middle of its territory that a branch runs.
    skew : float
        How unevenly a territory is divided.
    exponent : float
        Radius of a parent to this power is the sum over its children: 3 after Murray 1926 (doi
        10.1073/pnas.12.3.207); smaller in the proximal lung (2.3 to 2.7: Huang 1996, doi
        10.1152/jappl.1996.81.5.2123).
    ending_mm : float
        Radius of an ending.
    """

    endings: int
    stride: float
    skew: float
    exponent: float
    ending_mm: float


STYLES = {1: TreeStyle(4200, 0.42, 0.5, 2.5, 0.255), 2: TreeStyle(3600, 0.5, 0.7, 2.7, 0.29)}


@dataclass(frozen=True)
class Tree:
    """Segments of vessels: each runs from ``start`` to ``end`` (n, 3), (z, y, x) in mm.

    Parameters
    ----------
    start, end : array (n, 3)
    radius : array (n,)
        mm.
    parent : array (n,)
        Row of the segment it leaves, -1 at the root; parents come before children.
    endings : array (n,)
        Number of endings downstream.
    kind : int
        1 artery, 2 vein.
    side : int
        1 right, 2 left.
    """

    start: Float64Array
    end: Float64Array
    radius: Float64Array
    parent: IndexArray
    endings: IndexArray
    kind: int
    side: int


def spread_points(inside: BoolArray, count: int, offset: Float64Array) -> Float64Array:
    """Spread points evenly over the true cells of a lattice.

    The additive sequence with the plastic number's generalisation to three dimensions fills space without
    clumps (Roberts 2018); ``offset`` (3,) on 0 to 1 shifts it.

    Returns
    -------
    array (about count, 3)
        Continuous lattice indices.
    """
    where = np.nonzero(inside)
    if len(where[0]) == 0:
        return np.zeros((0, 3))
    low = np.array([w.min() for w in where])
    size = np.array([w.max() for w in where]) - low + 1
    share = len(where[0]) / float(np.prod(size))
    g = 1.2207440846057596
    n = np.arange(1, int(count / share) + 1)[:, None]
    points = low + ((offset[None, :] + n / np.array([g, g**2, g**3])[None, :]) % 1.0) * size
    index = np.minimum(points.astype(int), np.array(inside.shape) - 1)
    chosen: Float64Array = points[inside[index[:, 0], index[:, 1], index[:, 2]]] - 0.5
    return chosen


def grow_tree(
    root: Float64Array, points: Float64Array, lobe: IndexArray, seed: int, style: TreeStyle, kind: int, side: int
) -> Tree:
    """Grow one tree from its root to all points.

    A branch runs towards the middle of the points that it must supply; these are then divided by a plane
    through the branch across their widest extent, again and again (Tawhai 2000, doi 10.1114/1.1289457). The first
    division is by lobe, so that no branch crosses a fissure.

    Parameters
    ----------
    root : array (3,)
    points : array (n, 3)
        Endings, mm.
    lobe : array (n,)
        Lobe of each ending.
    """
    order = np.argsort(lobe, kind="stable")
    points = np.ascontiguousarray(points[order])
    starts = np.flatnonzero(np.diff(lobe[order], prepend=-1))
    bounds = np.append(starts, len(points)).astype(np.int64)
    jitter = np.random.default_rng(seed).random(4 * len(points) + 64)
    start, end, parent, endings = _grow(root, points, bounds, jitter, style.stride, style.skew)
    radius = np.asarray(style.ending_mm * endings ** (1.0 / style.exponent), dtype=np.float64)
    return Tree(start, end, radius, parent, endings, kind, side)


@compiled
def _grow(
    root: Float64Array, points: Float64Array, bounds: IndexArray, jitter: Float64Array, stride: float, skew: float
) -> tuple[Float64Array, Float64Array, IndexArray, IndexArray]:
    """Divide and grow; returns start, end, parent row and number of endings of each segment."""
    n = points.shape[0]
    capacity = 2 * n + 8
    start, end = np.zeros((capacity, 3)), np.zeros((capacity, 3))
    parent, endings = np.full(capacity, -1, dtype=np.int64), np.zeros(capacity, dtype=np.int64)
    stack = np.zeros((capacity, 3), dtype=np.int64)  # first point, behind the last, parent row
    order = np.arange(n)
    height, row = 0, 0
    for b in range(bounds.shape[0] - 1):
        stack[height] = np.array([bounds[b], bounds[b + 1], -1])
        height += 1
    while height > 0:
        height -= 1
        lo, hi, up = stack[height, 0], stack[height, 1], stack[height, 2]
        middle = _middle(points, order[lo:hi])
        origin = root if up < 0 else end[up]
        way = middle - origin
        reach = 1.0 if hi - lo == 1 else stride * (0.85 + 0.3 * jitter[row % jitter.shape[0]])
        if up >= 0 and hi - lo > 1:
            way = way + 0.3 * (_ahead(start[up], end[up], way) - way)
        start[row] = origin
        end[row] = origin + way * reach
        parent[row] = up
        endings[row] = hi - lo
        if hi - lo > 1:
            shift = skew * (2 * jitter[(row * 7 + 3) % jitter.shape[0]] - 1)
            cut = lo + _divide(points, order[lo:hi], middle, way, shift)
            stack[height] = np.array([lo, cut, row])
            stack[height + 1] = np.array([cut, hi, row])
            height += 2
        row += 1
    return start[:row], end[:row], parent[:row], endings[:row]


@compiled
def _middle(points: Float64Array, members: IndexArray) -> Float64Array:
    """Centre of some points."""
    middle = np.zeros(3)
    for m in members:
        middle += points[m]
    middle /= members.shape[0]
    return middle


@compiled
def _ahead(start: Float64Array, end: Float64Array, way: Float64Array) -> Float64Array:
    """As long as the way, in the direction of the parent: a branch leaves its parent in a curve."""
    along = end - start
    length = np.sqrt((along * along).sum())
    ahead: Float64Array = along / max(length, 1e-9) * np.sqrt((way * way).sum())
    return ahead


@compiled
def _divide(points: Float64Array, members: IndexArray, middle: Float64Array, way: Float64Array, shift: float) -> int:
    """Sort members into two sides of a plane along the branch, across their widest extent; size of the first.

    ``shift`` moves the plane off the middle, in standard deviations.
    """
    axis = way / max(np.sqrt((way * way).sum()), 1e-9)
    helper = np.zeros(3)
    helper[0 if abs(axis[0]) < 0.7 else 1] = 1.0
    u = np.cross(axis, helper)
    u /= np.sqrt((u * u).sum())
    v = np.cross(axis, u)
    count = members.shape[0]
    across = np.zeros((count, 2))
    for n in range(count):
        d = points[members[n]] - middle
        across[n, 0] = (d * u).sum()
        across[n, 1] = (d * v).sum()
    uu, vv = (across[:, 0] ** 2).sum(), (across[:, 1] ** 2).sum()
    angle = 0.5 * np.arctan2(2 * (across[:, 0] * across[:, 1]).sum(), uu - vv)
    place = np.cos(angle) * across[:, 0] + np.sin(angle) * across[:, 1]
    rank = np.argsort(place)
    members[:] = members[rank]
    cut = np.searchsorted(place[rank], shift * np.sqrt((place * place).sum() / count))
    return int(min(max(cut, 1), count - 1))


def calibre(patient: PhantomPatient) -> float:
    """Factor on all vessels' radii that has nothing to do with lung size or function."""
    return float(np.exp(0.13 * patient.vessel_calibre_z))


def surviving(tree: Tree, patient: PhantomPatient, seed: int) -> BoolArray:
    """Tell which segments are left after vasculopathy; what hangs on a lost branch is lost too.

    A rich capillary bed (``capillary_z``) shows as more of the smallest vessels. The random numbers do not depend
    on the patient's disease: more disease removes more of the same branches.
    """
    chance = np.random.default_rng((seed, 17)).random(len(tree.radius))
    severity = 0.28 * np.exp(-0.7 * patient.capillary_z) + 0.27 * patient.vasculopathy
    small = np.clip((45.0 - tree.endings) / 44.0, 0.0, 1.0)
    lost = chance < np.clip(severity, 0.0, 2.5) * 0.33 * small
    return _keep_connected(lost, tree.parent)


@compiled
def _keep_connected(lost: BoolArray, parent: IndexArray) -> BoolArray:
    keep = np.ones(lost.shape[0], dtype=np.bool_)
    for n in range(lost.shape[0]):
        keep[n] = not lost[n] and (parent[n] < 0 or keep[parent[n]])
    return keep


def diseased_radius(tree: Tree, patient: PhantomPatient) -> Float64Array:
    """Radii with the patient's calibre and with central arteries dilated by vasculopathy."""
    radius = tree.radius * calibre(patient)
    if tree.kind == ARTERY:
        central = np.clip((tree.radius - 1.6) / 2.5, 0.0, 1.0)
        radius = radius * (1 + 0.16 * min(patient.vasculopathy, 3.5) * central)
    return radius


@compiled
def paint_vessels(
    slope: Float32Array,
    fixed: Float32Array,
    lung: Float32Array,
    labels: UInt8Array,
    origin: Float64Array,
    spacing: Float64Array,
    start: Float64Array,
    end: Float64Array,
    radius0: Float64Array,
    radius1: Float64Array,
    code: int,
    density: float,
    threshold: float,
) -> float:
    """Blend tubes into the lung's density (slope * base + fixed); returns the painted volume, mm3.

    A tube thinner than a voxel covers the share of its cross-section; labels are set where the share passes
    ``threshold``.
    """
    nz, ny, nx = lung.shape
    voxel = (spacing[0] * spacing[1] * spacing[2]) ** (1.0 / 3.0)
    painted = 0.0
    for s in range(start.shape[0]):
        az, ay, ax = start[s, 0], start[s, 1], start[s, 2]
        dz, dy, dx = end[s, 0] - az, end[s, 1] - ay, end[s, 2] - ax
        inverse = 1.0 / max(dz * dz + dy * dy + dx * dx, 1e-9)
        reach = max(radius0[s] + 0.5 * voxel, radius1[s] + 0.5 * voxel, 1.12 * voxel)
        k0, k1 = voxels_within(az, dz, reach, origin[0], spacing[0], nz)
        j0, j1 = voxels_within(ay, dy, reach, origin[1], spacing[1], ny)
        i0, i1 = voxels_within(ax, dx, reach, origin[2], spacing[2], nx)
        for k in range(k0, k1 + 1):
            z = origin[0] + k * spacing[0] - az
            for j in range(j0, j1 + 1):
                y = origin[1] + j * spacing[1] - ay
                for i in range(i0, i1 + 1):
                    x = origin[2] + i * spacing[2] - ax
                    t = min(max((z * dz + y * dy + x * dx) * inverse, 0.0), 1.0)
                    ez, ey, ex = z - t * dz, y - t * dy, x - t * dx
                    d2 = ez * ez + ey * ey + ex * ex
                    if d2 > reach * reach or lung[k, j, i] <= 0:
                        continue
                    r = radius0[s] + t * (radius1[s] - radius0[s])
                    # a soft edge one voxel wide adds voxel^2 / 12 to the square of the radius
                    area = max(r * r, 0.4677 * voxel * voxel)
                    share = min(0.5 + (np.sqrt(area - voxel * voxel / 12.0) - np.sqrt(d2)) / voxel, 1.0)
                    if share <= 0:
                        continue
                    share *= r * r / area
                    left = 1.0 - share
                    slope[k, j, i] *= left
                    fixed[k, j, i] = fixed[k, j, i] * left + share * density
                    painted += share * lung[k, j, i]
                    if share > threshold and lung[k, j, i] > 0.5:
                        labels[k, j, i] = code
    return float(painted * spacing[0] * spacing[1] * spacing[2])
