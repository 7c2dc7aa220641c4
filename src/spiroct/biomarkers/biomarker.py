"""One measured number on one region of a scan, with its unit and the grid it was measured on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Biomarker:
    """A biomarker; the same names stand in ``biomarkers.csv`` and in ``prediction.json``.

    Parameters
    ----------
    region : str
        ``"lungs"``, ``"right_lung"``, ``"left_lung"``, later lobes, zones, vessels.
    name : str
        One of the shared vocabulary: ``volume, mean_density, perc15, perc85, laa950, mass, ...``.
    value : float or None
        None where it is undefined; ``reason`` says why.
    unit : str
        ``"L"``, ``"HU"``, ``"%"``, ``"kg"``.
    grid : str
        ``"native"`` or the isotropic spacing, such as ``"1.5 mm"``.
    reason : str or None
        Why the value is None.
    """

    region: str
    name: str
    value: float | None
    unit: str
    grid: str
    reason: str | None = None
