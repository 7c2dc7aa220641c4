"""One measured number on one region of a scan, with its unit and the grid it was measured on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from spiroct.documents import finite_or_none


@dataclass(frozen=True)
class Biomarker:
    """A biomarker; the same names stand in ``biomarkers.csv`` and in ``prediction.json``.

    Parameters
    ----------
    region : str
        ``"lungs"``, ``"right_lung"``, ``"left_lung"``, a lobe, a zone, ``"core"``, ``"peel"`` or ``"airways"``.
    name : str
        One of :data:`~spiroct.biomarkers.vocabulary.VOCABULARY`: ``volume, mean_density, perc85, laa950, ...``.
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


def nested(biomarkers: Iterable[Biomarker]) -> dict[str, dict[str, Any]]:
    """Plain data of a document: ``biomarkers.lungs.volume = {value, unit, grid, reason}``."""
    regions: dict[str, dict[str, Any]] = {}
    for b in biomarkers:
        entry = {"value": finite_or_none(b.value), "unit": b.unit, "grid": b.grid, "reason": b.reason}
        regions.setdefault(b.region, {})[b.name] = entry
    return regions
