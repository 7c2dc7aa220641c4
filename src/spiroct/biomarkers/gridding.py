"""Bring a scan and its masks onto the grid that biomarkers are measured on; find there what is not given."""

from __future__ import annotations

import numpy as np

from spiroct.biomarkers.scan import GriddedScan
from spiroct.errors import UsageError
from spiroct.imaging.orientation import to_canonical
from spiroct.imaging.resampling import resample_labels, resample_volume
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.segmentation.airways import find_airways
from spiroct.segmentation.vessels import VESSEL_METHODS, require_vessel_method

AUTHORS_GRID_MM = 1.5
GRIDS_MM = (0.3, 5.0)


def grid_name(grid_mm: float | None) -> str:
    """Name of a grid as it stands in tables: ``"1.5 mm"`` or ``"native"``."""
    return "native" if grid_mm is None else f"{grid_mm:g} mm"


def parse_grids(grids: tuple[str, ...]) -> tuple[float | None, ...]:
    """Spacings in mm of grids as typed; None for ``native``.

    Raises
    ------
    UsageError
        If one is neither ``native`` nor a spacing, or is there twice.
    """
    found: list[float | None] = []
    for text in grids:
        try:
            spacing = None if text == "native" else float(text)
        except ValueError:
            spacing = float("nan")
        if spacing is not None and not GRIDS_MM[0] <= spacing <= GRIDS_MM[1]:
            raise UsageError(
                f"grid {text!r}",
                f"a grid is 'native' or a spacing from {GRIDS_MM[0]:g} to {GRIDS_MM[1]:g} mm",
                "use 1.5, as the authors",
            )
        if spacing in found:
            raise UsageError(f"grid {text!r} is there twice", "each grid is reported once", "name it once")
        found.append(spacing)
    return tuple(found)


def on_grid(
    volume: CTVolume,
    lungs: LabelMap,
    *,
    grid_mm: float | None = AUTHORS_GRID_MM,
    vessels: LabelMap | str = "graph-cut",
    airways: LabelMap | None = None,
    lobes: LabelMap | None = None,
) -> GriddedScan:
    """Resample a scan and its masks; find airways and vessels where no mask is given.

    Parameters
    ----------
    volume : CTVolume
        A chest CT in any orientation.
    lungs : LabelMap
        On the grid of the volume; 1 right, 2 left.
    grid_mm : float or None
        Isotropic grid, 1.5 mm as in Jia 2023; None keeps the scan's own.
    vessels : LabelMap or str
        A mask on the grid of the volume, or the method that makes one.
    airways : LabelMap, optional
        Lumen on any grid, canonical orientation; found at 1.5 mm when it is not given, since its walls need no finer
        grid and on one take minutes.
    lobes : LabelMap, optional
        On the grid of the volume, numbered as lungmask does.

    Returns
    -------
    GriddedScan

    Raises
    ------
    UsageError
        If the vessel method is not known.
    ValueError
        If a mask does not lie on the grid of the volume.
    """
    if isinstance(vessels, str):
        require_vessel_method(vessels)
    for mask in (lungs, vessels, lobes):
        if isinstance(mask, LabelMap) and mask.geometry != volume.geometry:
            raise ValueError("masks must lie on the grid of the volume")
    canonical = to_canonical(volume)
    working = canonical if grid_mm is None else resample_volume(canonical, (grid_mm, grid_mm, grid_mm))
    spacing = working.geometry.spacing

    def carried(mask: LabelMap) -> LabelMap:
        return resample_labels(to_canonical(mask), working.geometry)

    labels = carried(lungs).labels
    inside = labels > 0
    lumen = resample_labels(airways or find_airways(volume, lungs), working.geometry).labels > 0
    if isinstance(vessels, LabelMap):
        found = (carried(vessels).labels > 0) & inside
    else:
        found = VESSEL_METHODS[vessels](working.hu, inside, spacing, lumen=lumen)
    return GriddedScan(
        hu=np.ascontiguousarray(working.hu),
        lungs=labels,
        vessels=found,
        airways=lumen,
        spacing=spacing,
        grid=grid_name(grid_mm),
        lobes=None if lobes is None else carried(lobes).labels,
    )
