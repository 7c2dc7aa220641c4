"""Where the estimates come from, as the viewer shows it: one map for each measure, with its doubt beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from spiroct.imaging.image_files import read_image
from spiroct.imaging.resampling import resample_array, resampled_geometry
from spiroct.imaging.writing import write_nifti_map
from spiroct.types import Vector3

LARGEST_PERCENTILE = 99.9  # a single hot voxel does not set the colours of all the others


def write_maps(explained: Path, spacing: Vector3, folder: Path) -> list[dict[str, Any]]:
    """Write each map on the grid of the view.

    Parameters
    ----------
    explained : Path
        Folder of an explanation: ``explanation.json`` and its maps in the scan's geometry.
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
    document = json.loads((explained / "explanation.json").read_text(encoding="utf-8"))
    told = []
    for name, one in document["measures"].items():
        values, geometry = read_image(explained / one["file"])
        shown, grid = resample_array(values, geometry.spacing, spacing), resampled_geometry(geometry, spacing)
        write_nifti_map(shown, grid, folder / one["file"], largest=float(np.abs(shown).max()))
        told.append(
            {
                "file": one["file"],
                "measure": name,
                "reach": float(np.percentile(np.abs(shown), LARGEST_PERCENTILE)) or 1.0,
                "unit": one["unit"],
                "believable": one["verdict"]["believable"],
                "summary": one["verdict"]["summary"],
                "how_not_to_read": document["how_not_to_read"],
            }
        )
    return told
