"""Biomarkers of the vessel tree: volume, alpha and beta, TBV, BV5, BV10 and the count of small vessels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from spiroct.biomarkers.biomarker import Biomarker
from spiroct.biomarkers.centre_lines import CentreLines, centre_lines
from spiroct.biomarkers.vocabulary import VOCABULARY
from spiroct.imaging.orientation import to_canonical
from spiroct.imaging.resampling import resample_labels, resampled_geometry
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.segmentation.morphology import bounding_box
from spiroct.types import BoolArray, Float32Array, Float64Array, IndexArray, Vector3

AUTHORS_GRID_MM = 1.5
BIN_MM = 0.5
FIT_RANGE_MM = (1.0, 4.0)
LEAST_BINS = 4
NO_VESSELS = "no vessels were found"
SMALL_MM2 = (5.0, 10.0)  # BV5, BV10: cross-sections below these (Estepar 2013, AJRCCM 188:231)
COUNTED_BELOW_MM2 = 5.0  # small-vessel count (Matsuoka 2010, AJRCCM 181:218)
COARSEST_COUNT_MM = 1.0


@dataclass(frozen=True, eq=False)
class VesselTree:
    """The vessels of both lungs, measured once; parts of it make the biomarkers of regions.

    Parameters
    ----------
    lines : CentreLines
        Index into the grid that the mask was given on.
    section_mm2 : array (n,)
        For each voxel of the mask, in array order: cross-section at the nearest point of the centre lines.
    small : array (m,)
        Number (in array order of the mask) of one voxel of each axial section below ``COUNTED_BELOW_MM2``.
    spacing : tuple of float
        Millimetres.
    """

    lines: CentreLines
    section_mm2: Float32Array
    small: IndexArray
    spacing: Vector3


def vessel_tree(inside: BoolArray, spacing: Vector3) -> VesselTree:
    """Measure centre lines, radii and cross-sections of a vessel mask (z, y, x), canonical orientation."""
    if not inside.any():
        nothing = CentreLines(np.zeros((0, 3)), np.zeros(0), np.zeros(0))
        return VesselTree(nothing, np.zeros(0, np.float32), np.zeros(0, np.int64), spacing)
    box = bounding_box(inside, (1, 1, 1))
    local = inside[box]
    lines = centre_lines(local, spacing)
    corner = np.array([s.start for s in box], np.float64)
    placed = CentreLines(lines.index + corner, lines.radius_mm, lines.length_mm)
    return VesselTree(placed, _sections(local, lines, spacing), _small_sections(local, spacing), spacing)


def tree_biomarkers(
    tree: VesselTree,
    region: str,
    grid: str,
    *,
    points: BoolArray,
    voxels: BoolArray,
    slices: int,
    counts: str = "length",
) -> list[Biomarker]:
    """Biomarkers of the part of a tree that lies in a region.

    Parameters
    ----------
    tree : VesselTree
    region, grid : str
        As they stand in the result.
    points : array (k,)
        Which points of the centre lines lie in the region.
    voxels : array (n,)
        Which voxels of the mask do.
    slices : int
        Axial slices that hold vessels of the region.
    counts : {"length", "paper"}
        As in :func:`radius_histogram`.

    Returns
    -------
    list of Biomarker
    """
    litres = float(np.prod(tree.spacing)) / 1e6
    section = tree.section_mm2[voxels]
    volume = float(len(section)) * litres
    found: dict[str, float | None] = {"vessel_volume": volume, "tbv": volume}
    for limit in SMALL_MM2:
        found[f"bv{limit:g}"] = float(np.count_nonzero(section < limit)) * litres
    small_share = float(np.count_nonzero(section < SMALL_MM2[0])) / len(section) if len(section) else None
    found["bv5_tbv"] = small_share
    rows = [
        Biomarker(region, name, value, VOCABULARY[name].unit, grid, None if value is not None else NO_VESSELS)
        for name, value in found.items()
    ]
    lines = CentreLines(tree.lines.index[points], tree.lines.radius_mm[points], tree.lines.length_mm[points])
    fit = fit_line(*radius_histogram(lines, counts=counts))
    reason = None if fit else f"fewer than {LEAST_BINS} radii between {FIT_RANGE_MM[0]:g} and {FIT_RANGE_MM[1]:g} mm"
    alpha, beta = fit or (None, None)
    unit = VOCABULARY["beta"].unit if counts == "length" else "ln(voxels)"
    return [
        *rows,
        Biomarker(region, "alpha", alpha, VOCABULARY["alpha"].unit, grid, reason),
        Biomarker(region, "beta", beta, unit, grid, reason),
        _small_vessel_count(int(np.count_nonzero(voxels[tree.small])), slices, tree.spacing, region, grid),
    ]


def vessel_tree_biomarkers(
    volume: CTVolume,
    lungs: LabelMap,
    vessels: LabelMap,
    *,
    grid_mm: float | None = AUTHORS_GRID_MM,
    counts: str = "length",
) -> tuple[Biomarker, ...]:
    """Measure the vessels inside the lungs.

    Parameters
    ----------
    volume : CTVolume
        The scan.
    lungs, vessels : LabelMap
        On the grid of the volume.
    grid_mm : float or None
        Isotropic grid, 1.5 mm as in Jia 2023; None measures on the scan's own grid.
    counts : {"length", "paper"}
        What the histogram of radii counts: millimetres of centre line per millimetre of radius, or centre-line voxels
        as Zhai 2016.

    Returns
    -------
    tuple of Biomarker
        Region ``lungs``: ``vessel_volume``, ``tbv``, ``bv5``, ``bv10`` (L), ``bv5_tbv`` (1), ``alpha`` (1/mm),
        ``beta`` (ln) of the line through the log histogram of radii (Zhai 2019, doi 10.1097/rti.0000000000000395), and
        ``small_vessel_count``, which has no value on voxels above 1 mm.

    Raises
    ------
    ValueError
        If the grids differ, or ``counts`` is not known.
    """
    if not volume.geometry == lungs.geometry == vessels.geometry:
        raise ValueError("lungs and vessels must lie on the grid of the volume")
    mask = LabelMap(((lungs.labels > 0) & (vessels.labels > 0)).astype(np.uint8), volume.geometry)
    fine, grid = to_canonical(mask), "native"
    if grid_mm is not None:
        fine = resample_labels(fine, resampled_geometry(fine.geometry, (grid_mm, grid_mm, grid_mm)))
        grid = f"{grid_mm:g} mm"
    inside = fine.labels > 0
    tree = vessel_tree(inside, fine.geometry.spacing)
    points, voxels = np.ones(len(tree.lines.index), bool), np.ones(len(tree.section_mm2), bool)
    slices = int(np.count_nonzero(inside.any(axis=(1, 2))))
    return tuple(tree_biomarkers(tree, "lungs", grid, points=points, voxels=voxels, slices=slices, counts=counts))


def radius_histogram(
    lines: CentreLines,
    *,
    counts: str = "length",
    bin_mm: float = BIN_MM,
    range_mm: tuple[float, float] = FIT_RANGE_MM,
) -> tuple[Float64Array, Float64Array]:
    """Histogram of the radii of centre-line points.

    Parameters
    ----------
    lines : CentreLines
    counts : {"length", "paper"}
        Millimetres of centre line per millimetre of radius, or number of points in each bin.
    bin_mm : float
        Width of the bins.
    range_mm : tuple of float
        From the lower edge of the first bin to the upper edge of the last.

    Returns
    -------
    radius, height : array (bins,)
        Middles of the bins (mm) and heights.

    Raises
    ------
    ValueError
        If ``counts`` is not known.
    """
    if counts not in {"length", "paper"}:
        raise ValueError(f"counts {counts!r} is neither 'length' nor 'paper'")
    edges = np.arange(range_mm[0], range_mm[1] + bin_mm / 2, bin_mm)
    weights = lines.length_mm / bin_mm if counts == "length" else None
    height, _ = np.histogram(lines.radius_mm, edges, weights=weights)
    return (edges[:-1] + edges[1:]) / 2, height.astype(np.float64)


def fit_line(radius: Float64Array, height: Float64Array) -> tuple[float, float] | None:
    """Slope (1/mm) and intercept of the least-squares line through ln(height) against radius; None on too few bins."""
    filled = height > 0
    if np.count_nonzero(filled) < LEAST_BINS:
        return None
    slope, intercept = np.polyfit(radius[filled], np.log(height[filled]), 1)
    return float(slope), float(intercept)


def _sections(inside: BoolArray, lines: CentreLines, spacing: Vector3) -> Float32Array:
    """Share the voxels of the mask among vessels: cross-section (mm2) at the nearest point of the centre line."""
    away = np.ones(inside.shape, bool)
    place = lines.index.astype(np.int64)
    away[tuple(place.T)] = False
    section = np.zeros(inside.shape, np.float32)
    if not len(place):
        return section[inside]
    section[tuple(place.T)] = np.pi * lines.radius_mm**2
    nearest = ndimage.distance_transform_edt(away, sampling=spacing, return_distances=False, return_indices=True)
    of_voxel: Float32Array = section[tuple(axis[inside] for axis in nearest)]
    return of_voxel


def _small_sections(inside: BoolArray, spacing: Vector3) -> IndexArray:
    """Find the number of the first voxel of each axial section below ``COUNTED_BELOW_MM2``."""
    in_plane = np.zeros((3, 3, 3), bool)
    in_plane[1] = ndimage.generate_binary_structure(2, 1)
    labels, _ = ndimage.label(inside, in_plane)
    _, first, size = np.unique(labels[inside], return_index=True, return_counts=True)
    small: IndexArray = first[size * spacing[1] * spacing[2] < COUNTED_BELOW_MM2]
    return small


def _small_vessel_count(count: int, slices: int, spacing: Vector3, region: str, grid: str) -> Biomarker:
    """Mean number per axial slice of vessel sections below 5 mm2 (Matsuoka 2010); refused on coarse voxels."""
    name, unit = "small_vessel_count", VOCABULARY["small_vessel_count"].unit
    if max(spacing[1:]) > COARSEST_COUNT_MM:
        reason = f"voxels of {max(spacing[1:]):.2g} mm cannot show sections below 5 mm2; at most 1 mm is needed"
        return Biomarker(region, name, None, unit, grid, reason)
    return Biomarker(region, name, count / slices if slices else 0.0, unit, grid)
