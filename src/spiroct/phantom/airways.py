"""Bronchi inside the lungs: they run beside the arteries down to the calibre that a CT shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spiroct.phantom.patient import PhantomPatient
from spiroct.phantom.vessels import Tree
from spiroct.types import Float64Array

_SMALLEST_ARTERY_MM = 1.05  # bronchi beside smaller arteries have walls too thin to be seen
_OF_ARTERY = 0.88  # lumen radius over artery radius: 0.7 to 1 of its diameter in health (Kim 1997)


@dataclass(frozen=True)
class Bronchi:
    """Bronchial segments: ends (n, 3) in mm, lumen radii at both ends (n,) and wall thickness (n,)."""

    start: Float64Array
    end: Float64Array
    radius_start: Float64Array
    radius_end: Float64Array
    wall: Float64Array


def accompany(
    tree: Tree, hilum: dict[int, Float64Array], lobe_of_root: dict[int, int], patient: PhantomPatient
) -> Bronchi:
    """Lay a bronchus beside each larger artery.

    Parameters
    ----------
    tree : Tree
        Arteries of one lung.
    hilum : dict
        Where the bronchus of each lobe begins, mm.
    lobe_of_root : dict
        Lobe that each root segment (by row) serves.
    patient : PhantomPatient
    """
    chosen = np.flatnonzero(tree.radius >= _SMALLEST_ARTERY_MM)
    calibre = float(np.exp(0.07 * patient.airway_size_z)) * (1 - 0.05 * min(patient.airway_narrowing, 6.0))
    lumen = tree.radius * _OF_ARTERY * calibre
    wall = (0.35 + 0.16 * lumen) * (1 + 0.16 * min(patient.airway_narrowing, 6.0))
    offset = _beside(tree, lumen + wall)
    end = tree.end + offset
    start = np.empty_like(end)
    start_radius = np.empty(len(end))
    for row in chosen:
        up = int(tree.parent[row])
        start[row] = hilum[lobe_of_root[int(row)]] if up < 0 else end[up]
        start_radius[row] = lumen[row] if up < 0 else 0.5 * (lumen[up] + lumen[row])
    tapered = np.where(tree.radius < 1.4 * _SMALLEST_ARTERY_MM, 0.75 * lumen, lumen)
    return Bronchi(start[chosen], end[chosen], start_radius[chosen], tapered[chosen], wall[chosen])


def _beside(tree: Tree, radius: Float64Array) -> Float64Array:
    """Vector from the artery's axis to the bronchus's: across the vessel, towards head and midline."""
    way = tree.end - tree.start
    way /= np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9)
    towards = np.array([0.7, -0.25, 0.65 if tree.side == 1 else -0.65])
    across = towards - (way @ towards)[:, None] * way
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-3)
    beside: Float64Array = across * (tree.radius + radius)[:, None]
    return beside
