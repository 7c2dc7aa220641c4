"""What a scan would show if a region were not there: its plausible surround."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from spiroct.biomarkers.regions import LOBES
from spiroct.segmentation.vesselness import smoothed
from spiroct.types import BoolArray, Float32Array

SURROUND_MM = 15.0
FREE = 0.02  # share of the region that a voxel of its surround may hold
IN_LUNG = (*LOBES, "core", "peel", "vessels", "airways", "ild")


def host_of(region: str, shares: Mapping[str, Float32Array]) -> BoolArray:
    """Find what a region is replaced by: lung for what lies in a lung, body outside the lungs for all else.

    Parameters
    ----------
    region : str
    shares : mapping of str to array (z, y, x)
        Of :class:`~spiroct.attribution.regions.Anatomy`.
    """
    lungs = shares["lungs"] > 0.5
    return np.asarray(lungs if region in IN_LUNG else ~lungs & (shares["outside_body"] < 0.5))


def without_region(values: Float32Array, share: Float32Array, host: BoolArray, spacing_mm: float) -> Float32Array:
    """Replace a region by the mean of its host around it (Gaussian of 15 mm); far from any host, by the host's mean.

    Parameters
    ----------
    values : array (z, y, x)
        A network's input.
    share : array (z, y, x)
        Share of each voxel that is to go.
    host : array (z, y, x)
        From :func:`host_of`.
    spacing_mm : float

    Returns
    -------
    array (z, y, x), float32
    """
    around = host & (share < FREE)
    fill = smoothed(values, around, SURROUND_MM, (spacing_mm,) * 3)
    filled: Float32Array = (values * (1 - share) + fill * share).astype(np.float32)
    return filled
