"""Densitometry of a set of voxels: moments, percentiles and shares of their HU."""

from __future__ import annotations

import numpy as np

from spiroct.types import AnyArray

EMPHYSEMA_HU, MILD_EMPHYSEMA_HU = -950.0, -910.0
HIGH_HU = (-600.0, -250.0)  # high attenuation areas
PERCENTILES = (10, 15, 85, 90, 95)


def densitometry(hu: AnyArray) -> dict[str, float | None]:
    """Measure the densities of a region.

    Parameters
    ----------
    hu : array (n,)
        Hounsfield units of the region's voxels.

    Returns
    -------
    dict of str to float or None
        ``mean_density, sd_density`` (HU), ``skewness, kurtosis`` (excess), ``perc10`` to ``perc95`` (HU), ``laa950,
        laa910, haa`` (%); all None without voxels, the moments of a constant None.
    """
    names = ("mean_density", "sd_density", "skewness", "kurtosis")
    if not hu.size:
        return dict.fromkeys((*names, *(f"perc{p}" for p in PERCENTILES), "laa950", "laa910", "haa"))
    mean = float(hu.mean(dtype=np.float64))
    away = hu.astype(np.float64) - mean
    square = away * away
    variance = float(square.mean())
    found: dict[str, float | None] = {"mean_density": mean, "sd_density": variance**0.5}
    varies = variance > 0
    found["skewness"] = float((square * away).mean()) / variance**1.5 if varies else None
    found["kurtosis"] = float((square * square).mean()) / variance**2 - 3 if varies else None
    for percent, value in zip(PERCENTILES, np.percentile(hu, PERCENTILES), strict=True):
        found[f"perc{percent}"] = float(value)
    found["laa950"] = _share(hu < EMPHYSEMA_HU)
    found["laa910"] = _share(hu < MILD_EMPHYSEMA_HU)
    found["haa"] = _share((hu >= HIGH_HU[0]) & (hu <= HIGH_HU[1]))
    return found


def _share(chosen: AnyArray) -> float:
    return 100.0 * float(np.count_nonzero(chosen)) / chosen.size
