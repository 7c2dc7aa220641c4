"""Where the estimates come from, as the viewer shows it: one map for each measure, with its doubt beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from spiroct.attribution.explanation import HOW_NOT_TO_READ, Explanation
from spiroct.imaging.resampling import resample_array, resampled_geometry
from spiroct.imaging.writing import write_nifti_map
from spiroct.types import Vector3

LARGEST_PERCENTILE = 99.9  # a single hot voxel does not set the colours of all the others


def write_maps(explanation: Explanation, spacing: Vector3, folder: Path) -> list[dict[str, Any]]:
    """Write each map on the grid of the view.

    Parameters
    ----------
    explanation : Explanation
        Maps in the scan's geometry.
    spacing : tuple of float
        Spacing (z, y, x) of the view, in mm.
    folder : Path
        Of the view.

    Returns
    -------
    list of dict
        For each measure: ``file``, ``measure``, ``reach`` (the largest contribution that the colours tell apart, in the
        unit of the measure over the whole scan), ``unit``, ``believable``, ``summary`` and ``how_not_to_read``.
    """
    told = []
    for measure, one in explanation.measures.items():
        found = one.attribution
        values, geometry = found.values, found.geometry
        if spacing != geometry.spacing:
            values = resample_array(values, geometry.spacing, spacing)
            geometry = resampled_geometry(geometry, spacing)
        write_nifti_map(values, geometry, folder / one.file, largest=float(np.abs(values).max()))
        told.append(
            {
                "file": one.file,
                "measure": measure.value,
                "reach": float(np.percentile(np.abs(values), LARGEST_PERCENTILE)) or 1.0,
                "unit": measure.unit,
                "believable": one.believable,
                "summary": one.summary,
                "how_not_to_read": HOW_NOT_TO_READ,
            }
        )
    return told
