"""Tell whether values are Hounsfield units, and what lies outside the field of view."""

from __future__ import annotations

import numpy as np

from spiroct.errors import ScanError
from spiroct.types import Float32Array

AIR_HU = -1000.0
PADDING_BELOW_HU = -1500.0  # no tissue and no reconstruction noise reaches this far; scanners pad with -2000 to -3024
PADDING_SHARE = 0.001


def require_hounsfield(hu: Float32Array, name: str) -> None:
    """Refuse values that cannot be the Hounsfield units of a chest.

    Parameters
    ----------
    hu : array (z, y, x)
        Voxel values.
    name : str
        How the user calls the scan.

    Raises
    ------
    ScanError
        If there are NaN or infinite values, all values are equal, or nothing is as dark as air.
    """
    way_out = "export the CT with its rescale slope and intercept applied"
    low, high = float(hu.min()), float(hu.max())
    if not np.isfinite(low) or not np.isfinite(high):
        bad = int(np.count_nonzero(~np.isfinite(hu)))
        raise ScanError(
            f"{name} holds {bad} voxels that are NaN or infinite", "every voxel of a CT has a value", way_out
        )
    if low == high:
        raise ScanError(f"{name} is {low:g} in every voxel", "a CT shows air and tissue", "export the scan again")
    if low > -500:
        looks = ""
        if low >= 0:
            looks = " (grey levels)" if high <= 255 else " (stored values without rescale)"
        raise ScanError(
            f"{name} has values from {low:g} to {high:g}{looks}",
            "a chest CT in Hounsfield units (HU) has air near -1000",
            way_out,
        )


def replace_padding(hu: Float32Array, declared: float | None = None) -> tuple[Float32Array, float | None]:
    """Set what lies outside the field of view to air.

    Padding is the lowest value if it lies below -1500 HU and fills at least 0.1 % of the volume, or what the header
    declares if that is darker than air. Values between padding and air, which resampling leaves at the border of the
    field of view, go with it.

    Parameters
    ----------
    hu : array (z, y, x)
        Hounsfield units; changed in place.
    declared : float, optional
        Padding value from the header, in HU.

    Returns
    -------
    hu : array (z, y, x)
        The same array.
    padding : float or None
        The value found, in HU.
    """
    lowest = float(hu.min())
    found = None
    if lowest < PADDING_BELOW_HU and np.count_nonzero(hu == lowest) >= PADDING_SHARE * hu.size:
        found = lowest
    elif declared is not None and declared < -1024 and np.any(hu == declared):
        found = declared
    if found is None:
        return hu, None
    hu[hu < (found - 1024.0) / 2] = AIR_HU
    return hu, found
