"""Volumes and densitometry of both lungs and of each: the biomarkers that stand in a prediction."""

from __future__ import annotations

import numpy as np

from spiroct.biomarkers.biomarker import Biomarker
from spiroct.biomarkers.densitometry import densitometry
from spiroct.biomarkers.regions import SIDES
from spiroct.biomarkers.vocabulary import VOCABULARY
from spiroct.imaging.orientation import to_canonical
from spiroct.imaging.resampling import resample_labels, resample_volume
from spiroct.imaging.volume import CTVolume, LabelMap

AUTHORS_GRID_MM = 1.5
SHOWN = ("mean_density", "perc15", "perc85", "laa950")


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
        ``volume``, ``mean_density``, ``perc15``, ``perc85``, ``laa950`` and ``mass``, as
        :data:`~spiroct.biomarkers.vocabulary.VOCABULARY` defines them.

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
    for region, wanted in SIDES.items():
        litres = sum(lungs.volume_l(label) for label in wanted)
        found.append(Biomarker(region, "volume", litres, "L", "native"))
        values = densitometry(hu[np.isin(labels, wanted)])
        mean = values["mean_density"]
        mass = None if mean is None else litres * (1.0 + mean / 1000.0)
        reason = no_voxels(region) if mean is None else None
        found += [
            Biomarker(region, name, value, VOCABULARY[name].unit, grid, reason)
            for name, value in {**{n: values[n] for n in SHOWN}, "mass": mass}.items()
        ]
    return tuple(found)


def no_voxels(region: str) -> str:
    """Reason for what cannot be measured in an empty region."""
    return f"no voxel of the {region.replace('_', ' ')} on this grid"
