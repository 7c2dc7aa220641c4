"""Vessels inside the lungs by a graph cut after Zhai 2016, in the scan's own geometry."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy import ndimage

from spiroct.errors import UsageError
from spiroct.imaging.orientation import restore, to_canonical
from spiroct.imaging.resampling import resample_labels, resample_volume
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.segmentation.airways import airway_lumen, distance_to_lumen, find_airways
from spiroct.segmentation.graph_cut import minimum_cut, neighbour_pairs
from spiroct.segmentation.morphology import bounding_box, erode
from spiroct.segmentation.vesselness import smoothed, vesselness
from spiroct.types import BoolArray, Float32Array, Vector3

AUTHORS_GRID_MM = 1.5
BRIGHTEST_HU = 100.0  # contrast agent and calcium are no more vessel than blood
CANDIDATE_HU = 90.0  # vesselness, a contrast: fainter tubes are noise and texture
SURE_HU = 650.0
INTENSITY_SHARE, VESSELNESS_SHARE = 0.6, 0.4  # of the data term, as Zhai 2016 mixes them
WALL_WEIGHT, WALL_MM, WALL_SD_MM, WALL_REACH_MM = 0.4, 1.2, 0.8, 3.0  # airway walls, as Zhai 2016
SMOOTHNESS, CONTRAST_HU = 0.08, 120.0
INTENSITY_HU, INTENSITY_WIDTH_HU = 300.0, 60.0  # above the lung around: half of a voxel of vessel
VESSELNESS_HU, VESSELNESS_WIDTH_HU = 300.0, 60.0
LUNG_SIGMA_MM = 8.0
VESSEL_ABOVE_LUNG_HU = 150.0
PLEURA_MM = 2.0  # the outermost voxels of the mask are partly chest wall
LEAST_ML = 0.03  # specks smaller than this are noise


def require_vessel_method(name: str, *, none: str | None = None) -> None:
    """Refuse a method that does not exist.

    Parameters
    ----------
    name : str
    none : str, optional
        Word that asks for no vessels, where that is a choice.

    Raises
    ------
    UsageError
        If it is not one of ``VESSEL_METHODS``.
    """
    known = [*VESSEL_METHODS, *([] if none is None else [none])]
    if name not in known:
        raise UsageError.unknown("vessel method", name, known)


def segment_vessels(
    volume: CTVolume,
    lungs: LabelMap,
    *,
    method: str = "graph-cut",
    grid_mm: float | None = AUTHORS_GRID_MM,
    airways: LabelMap | None = None,
) -> LabelMap:
    """Segment the pulmonary vessels inside the lungs.

    Parameters
    ----------
    volume : CTVolume
        A chest CT in any orientation.
    lungs : LabelMap
        On the grid of the volume; 1 right, 2 left.
    method : str
        One of ``VESSEL_METHODS``: ``graph-cut`` with the strain energy (Xiao 2011) or ``graph-cut-frangi``.
    grid_mm : float or None
        Isotropic working grid; None works on the scan's own.
    airways : LabelMap, optional
        Lumen as :func:`find_airways` gives it; found when it is not given.

    Returns
    -------
    LabelMap
        1 in vessels (arteries and veins alike), in the scan's own geometry.

    Raises
    ------
    UsageError
        If the method is not known.
    ValueError
        If volume and mask lie on different grids.
    """
    require_vessel_method(method)
    if volume.geometry != lungs.geometry:
        raise ValueError("the lung mask must lie on the grid of the volume")
    canonical = to_canonical(volume)
    working = canonical if grid_mm is None else resample_volume(canonical, (grid_mm, grid_mm, grid_mm))
    mask = resample_labels(to_canonical(lungs), working.geometry).labels > 0
    lumen = resample_labels(airways or find_airways(volume, lungs), working.geometry).labels > 0
    found = VESSEL_METHODS[method](working.hu, mask, working.geometry.spacing, lumen=lumen)
    vessels = LabelMap(found.astype(np.uint8), working.geometry)
    return restore(resample_labels(vessels, canonical.geometry), volume.geometry)


def graph_cut_vessels(
    hu: Float32Array,
    lungs: BoolArray,
    spacing: Vector3,
    *,
    filter_name: str = "strain-energy",
    neighbours: int = 6,
    lumen: BoolArray | None = None,
) -> BoolArray:
    """Cut the vessels out of the candidates: re-derived from Zhai 2016 (doi 10.1117/12.2216827).

    Voxels of high vesselness and intensity are vessel for sure, those of low vesselness background; between them
    a minimum cut weighs intensity (above the lung around), vesselness, nearness to an airway's wall, and
    smoothness that costs less where the image has an edge.

    Parameters
    ----------
    hu : array (z, y, x)
        Canonical orientation.
    lungs : array (z, y, x)
    spacing : tuple of float
        Millimetres.
    filter_name : str
        Of :func:`vesselness`.
    neighbours : {6, 18, 26}
        Of each voxel in the graph.
    lumen : array (z, y, x), optional
        Of the airways; found when it is not given.
    """
    result = np.zeros(hu.shape, bool)
    if not lungs.any():
        return result
    lumen = airway_lumen(hu, lungs, spacing) if lumen is None else lumen
    box = bounding_box(lungs, (2, 2, 2))
    inside, values = lungs[box], np.clip(hu[box], -1024.0, BRIGHTEST_HU)
    above = values - lung_around(values, inside, spacing)
    tube = vesselness(values, inside, spacing, method=filter_name)
    candidates = (
        erode(inside, PLEURA_MM, spacing) & ~lumen[box] & ((tube > CANDIDATE_HU) | (above > SURE_HU)) & (above > 0)
    )
    if not candidates.any():
        return result
    wall = distance_to_lumen(lumen[box], spacing)[candidates]
    cost_in, cost_out = data_costs(above[candidates], tube[candidates], wall)
    first, second, distance = neighbour_pairs(candidates, spacing, neighbours)
    step = np.abs(above[candidates][first] - above[candidates][second])
    weight = SMOOTHNESS * np.exp(-0.5 * (step / CONTRAST_HU) ** 2) / distance
    local = np.zeros(inside.shape, bool)
    local[candidates] = minimum_cut(cost_in, cost_out, first, second, weight)
    result[box] = without_specks(local, spacing)
    return result


def lung_around(hu: Float32Array, lungs: BoolArray, spacing: Vector3) -> Float32Array:
    """Mean HU (z, y, x) of the lung around each voxel, vessels left out in a second pass."""
    first = smoothed(hu, lungs, LUNG_SIGMA_MM, spacing)
    return smoothed(hu, lungs & (hu < first + VESSEL_ABOVE_LUNG_HU), LUNG_SIGMA_MM, spacing)


def data_costs(above: Float32Array, tube: Float32Array, wall_mm: Float32Array) -> tuple[Float32Array, Float32Array]:
    """Costs (n,) of calling a voxel vessel and background, from contrast (HU), vesselness (HU) and airway distance."""
    bright = 1 / (1 + np.exp(-(above - INTENSITY_HU) / INTENSITY_WIDTH_HU))
    tubular = 1 / (1 + np.exp(-(tube - VESSELNESS_HU) / VESSELNESS_WIDTH_HU))
    likely = INTENSITY_SHARE * bright + VESSELNESS_SHARE * tubular
    near = (wall_mm > 0) & (wall_mm <= WALL_REACH_MM)
    penalty = np.where(near, WALL_WEIGHT * np.exp(-0.5 * ((wall_mm - WALL_MM) / WALL_SD_MM) ** 2), 0)
    sure = above > SURE_HU
    cost_in = np.where(sure, 0, 1 - likely + penalty).astype(np.float32)
    return cost_in, np.where(sure, 2, likely).astype(np.float32)


def without_specks(vessels: BoolArray, spacing: Vector3) -> BoolArray:
    """Drop what hangs together in less than ``LEAST_ML``."""
    labels, count = ndimage.label(vessels, np.ones((3, 3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1) * (float(np.prod(spacing)) / 1000)
    sizes[0] = 0
    kept: BoolArray = (sizes >= LEAST_ML)[labels]
    return kept


VESSEL_METHODS: dict[str, Callable[..., BoolArray]] = {
    "graph-cut": graph_cut_vessels,
    "graph-cut-frangi": partial(graph_cut_vessels, filter_name="frangi"),
}
