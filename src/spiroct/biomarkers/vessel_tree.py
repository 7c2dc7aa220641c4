"""Biomarkers of the vessel tree: volume, alpha and beta, TBV, BV5, BV10 and the count of small vessels."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from spiroct.biomarkers.biomarker import Biomarker
from spiroct.biomarkers.centre_lines import CentreLines, centre_lines
from spiroct.imaging.orientation import to_canonical
from spiroct.imaging.resampling import resample_labels, resampled_geometry
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.types import BoolArray, Float64Array, Vector3

AUTHORS_GRID_MM = 1.5
BIN_MM = 0.5
FIT_RANGE_MM = (1.0, 4.0)
LEAST_BINS = 4
_NONE = "no vessels were found"
SMALL_MM2 = (5.0, 10.0)  # BV5, BV10: cross-sections below these (Estepar 2013, AJRCCM 188:231)
COUNTED_BELOW_MM2 = 5.0  # small-vessel count (Matsuoka 2010, AJRCCM 181:218)
COARSEST_COUNT_MM = 1.0


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
        Region ``vessels``: ``vessel_volume``, ``tbv``, ``bv5``, ``bv10`` (L), ``bv5_tbv`` (1), ``alpha`` (1/mm),
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
    inside, spacing = fine.labels > 0, fine.geometry.spacing
    lines = centre_lines(inside, spacing)
    found = {"vessel_volume": (fine.volume_l(), "L")} | _blood_volumes(inside, lines, spacing)
    rows = [
        Biomarker("vessels", name, value, unit, grid, None if value is not None else _NONE)
        for name, (value, unit) in found.items()
    ]
    fit = fit_line(*radius_histogram(lines, counts=counts))
    reason = None if fit else f"fewer than {LEAST_BINS} radii between {FIT_RANGE_MM[0]:g} and {FIT_RANGE_MM[1]:g} mm"
    alpha, beta = fit or (None, None)
    rows += [
        Biomarker("vessels", "alpha", alpha, "1/mm", grid, reason),
        Biomarker("vessels", "beta", beta, "ln(mm/mm)" if counts == "length" else "ln(voxels)", grid, reason),
        small_vessel_count(inside, spacing, grid),
    ]
    return tuple(rows)


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


def _blood_volumes(inside: BoolArray, lines: CentreLines, spacing: Vector3) -> dict[str, tuple[float | None, str]]:
    """Share the voxels of the mask among vessels by the cross-section at the nearest point of the centre line."""
    if not len(lines.index):
        names = ("tbv", *(f"bv{limit:g}" for limit in SMALL_MM2))
        return dict.fromkeys(names, (0.0, "L")) | {"bv5_tbv": (None, "1")}
    away = np.ones(inside.shape, bool)
    place = lines.index.astype(np.int64)
    away[tuple(place.T)] = False
    section = np.zeros(inside.shape, np.float32)
    section[tuple(place.T)] = np.pi * lines.radius_mm**2
    nearest = ndimage.distance_transform_edt(away, sampling=spacing, return_distances=False, return_indices=True)
    of_voxel = section[tuple(axis[inside] for axis in nearest)]
    litres = float(np.prod(spacing)) / 1e6
    found: dict[str, tuple[float | None, str]] = {"tbv": (len(of_voxel) * litres, "L")}
    for limit in SMALL_MM2:
        found[f"bv{limit:g}"] = (float(np.count_nonzero(of_voxel < limit)) * litres, "L")
    found["bv5_tbv"] = (float(np.count_nonzero(of_voxel < SMALL_MM2[0])) / len(of_voxel), "1")
    return found


def small_vessel_count(inside: BoolArray, spacing: Vector3, grid: str) -> Biomarker:
    """Mean number per axial slice of vessel sections below 5 mm2 (Matsuoka 2010); refused on coarse voxels."""
    name, unit = "small_vessel_count", "1/slice"
    if max(spacing[1:]) > COARSEST_COUNT_MM:
        reason = f"voxels of {max(spacing[1:]):.2g} mm cannot show sections below 5 mm2; at most 1 mm is needed"
        return Biomarker("vessels", name, None, unit, grid, reason)
    sections = []
    for plane in inside[inside.any(axis=(1, 2))]:
        labels, count = ndimage.label(plane)
        area = np.bincount(labels.ravel(), minlength=count + 1)[1:] * spacing[1] * spacing[2]
        sections.append(np.count_nonzero(area < COUNTED_BELOW_MM2))
    return Biomarker("vessels", name, float(np.mean(sections)) if sections else 0.0, unit, grid)
