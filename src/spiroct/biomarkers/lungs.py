"""Volumes and densitometry of both lungs and of each."""

from __future__ import annotations

import numpy as np

from spiroct.biomarkers.biomarker import Biomarker
from spiroct.imaging.orientation import to_canonical
from spiroct.imaging.resampling import resample_labels, resample_volume
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.types import AnyArray

REGIONS: dict[str, tuple[int, ...]] = {"lungs": (1, 2), "right_lung": (1,), "left_lung": (2,)}
AUTHORS_GRID_MM = 1.5
EMPHYSEMA_HU = -950.0  # Gevenois 1996, doi 10.1164/ajrccm.154.1.8680679


def lung_biomarkers(
    volume: CTVolume, lungs: LabelMap, *, grid_mm: float | None = AUTHORS_GRID_MM
) -> tuple[Biomarker, ...]:
    """Measure volume, density and mass of both lungs, the right and the left.

    Parameters
    ----------
    volume : CTVolume
        Hounsfield units.
    lungs : LabelMap
        On the same grid; 1 right, 2 left. Vessels inside the mask count, nothing is eroded, HU are not clipped, as
        in Jia 2023.
    grid_mm : float or None
        Isotropic grid for densitometry, 1.5 mm as in Jia 2023; None measures on the scan's own grid. Volumes are
        always counted on the scan's own grid.

    Returns
    -------
    tuple of Biomarker
        ``volume`` (L), ``mean_density`` (HU), ``perc15`` (HU; Dirksen 1999, doi 10.1164/ajrccm.160.5.9812104),
        ``perc85`` (HU; Ninaber 2015, doi 10.1016/j.ejrad.2015.01.012), ``laa950`` (% below -950 HU) and ``mass``
        (kg, taking 1000 HU for 1 g/mL; Coxson 1999, doi 10.1164/ajrccm.159.3.9805067).

    Raises
    ------
    ValueError
        If volume and mask lie on different grids.
    """
    if volume.geometry != lungs.geometry:
        raise ValueError("the lung mask must lie on the grid of the volume")
    hu, labels, grid = volume.hu, lungs.labels, "native"
    if grid_mm is not None:
        coarse = resample_volume(to_canonical(volume), (grid_mm, grid_mm, grid_mm))
        hu, labels = coarse.hu, resample_labels(to_canonical(lungs), coarse.geometry).labels
        grid = f"{grid_mm:g} mm"
    found: list[Biomarker] = []
    for region, wanted in REGIONS.items():
        litres = sum(lungs.volume_l(label) for label in wanted)
        found.append(Biomarker(region, "volume", litres, "L", "native"))
        found += _densitometry(region, hu[np.isin(labels, wanted)], litres, grid)
    return tuple(found)


def _densitometry(region: str, hu: AnyArray, litres: float, grid: str) -> list[Biomarker]:
    units = {"mean_density": "HU", "perc15": "HU", "perc85": "HU", "laa950": "%", "mass": "kg"}
    if not hu.size:
        reason = f"no voxel of the {region.replace('_', ' ')} on this grid"
        return [Biomarker(region, name, None, unit, grid, reason) for name, unit in units.items()]
    mean = float(hu.mean(dtype=np.float64))
    values = {
        "mean_density": mean,
        "perc15": float(np.percentile(hu, 15)),
        "perc85": float(np.percentile(hu, 85)),
        "laa950": 100.0 * float(np.count_nonzero(hu < EMPHYSEMA_HU)) / hu.size,
        "mass": litres * (1.0 + mean / 1000.0),
    }
    return [Biomarker(region, name, value, units[name], grid) for name, value in values.items()]
