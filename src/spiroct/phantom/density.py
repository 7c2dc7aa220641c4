"""Expected density histogram of a simulated lung, from mass balance alone and without an image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr

from spiroct.phantom.causes import PATTERNS
from spiroct.phantom.patient import PhantomPatient
from spiroct.phantom.physiology import columns, scan_states
from spiroct.types import Float64Array

# Density above normal parenchyma and its spread (kg/L) of ground glass, reticulation, honeycombing. Chosen:
# ground glass is hazy and hides no vessels, honeycombing mixes walls with air (Hansell 2008, Fleischner
# glossary, doi 10.1148/radiol.2462070712).
_ADDED = (0.16, 0.26, 0.24)
_SPREAD = (0.09, 0.17, 0.26)
_NORMAL_SPREAD = 0.045  # gravity gradient and texture at 1.5 mm
_VESSELS, _VESSEL_ADDED, _VESSEL_SPREAD = 0.035, 0.5, 0.3
_EMPHYSEMA, _EMPHYSEMA_SPREAD = 0.03, 0.02


def expected_percentile(patients: Sequence[PhantomPatient], fraction: float = 0.85) -> Float64Array:
    """Estimate a percentile of the lung's density histogram without rendering.

    The lung is a mixture of normal tissue, vessels, emphysema and three patterns of ILD, each with a normal
    distribution of densities; normal tissue gets the density that makes the whole weigh what it should.

    Parameters
    ----------
    patients : sequence of PhantomPatient
    fraction : float
        0.85 for Perc85.

    Returns
    -------
    array (n,)
        HU, for a noise-free CT at about 1.5 mm.
    """
    table = columns(patients)
    mean = scan_states(patients)["mean_density_hu"] / 1000.0 + 1.0
    extent, emphysema = table["ild_extent"], table["emphysema"] * (1 - table["ild_extent"])
    normal = 1 - extent - emphysema
    shares = [extent * table[name] for name in PATTERNS]
    added = sum((s * a for s, a in zip(shares, _ADDED, strict=True)), _VESSELS * _VESSEL_ADDED * normal)
    base = np.maximum((mean - added - emphysema * _EMPHYSEMA) / (normal + extent), 0.04)
    parts = [
        (normal * (1 - _VESSELS), base, _NORMAL_SPREAD),
        (normal * _VESSELS, base + _VESSEL_ADDED, _VESSEL_SPREAD),
        (emphysema, np.full_like(base, _EMPHYSEMA), _EMPHYSEMA_SPREAD),
    ]
    parts += [(s, base + a, sd) for s, a, sd in zip(shares, _ADDED, _SPREAD, strict=True)]
    low, high = np.zeros_like(base), np.full_like(base, 1.5)
    for _ in range(30):  # bisection: 1.5 / 2**30 kg/L
        middle = (low + high) / 2
        below = sum((w * ndtr((middle - m) / sd) for w, m, sd in parts), np.zeros_like(base))
        low, high = np.where(below < fraction, middle, low), np.where(below < fraction, high, middle)
    percentile: Float64Array = 1000.0 * ((low + high) / 2 - 1.0)
    return percentile
