"""Where interstitial disease and emphysema sit in the lung, and how much of it they take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spiroct.phantom.patient import PhantomPatient
from spiroct.types import Float64Array

GROUND_GLASS, RETICULATION, HONEYCOMBING = 1, 2, 3


@dataclass(frozen=True)
class DiseaseThresholds:
    """Thresholds on the proneness fields that give disease its drawn extent.

    Parameters
    ----------
    ild : float
        Lung whose proneness is above it is diseased.
    honeycombing, reticulation : float
        Within it, severity above the first is honeycombing, above the second reticulation, else ground glass.
    emphysema : float
        As ``ild``, for emphysema.
    """

    ild: float
    honeycombing: float
    reticulation: float
    emphysema: float


def thresholds(
    patient: PhantomPatient, proneness: Float64Array, severity: Float64Array, emphysema: Float64Array
) -> DiseaseThresholds:
    """Choose thresholds so that each disease takes its share of a sample of the lung.

    Parameters
    ----------
    patient : PhantomPatient
    proneness, severity, emphysema : array (n,)
        The three fields at points spread evenly over the lungs.
    """
    never = 1e9
    extent = patient.ild_extent
    if extent <= 0 or len(proneness) == 0:
        ild, honeycombing, reticulation = never, never, never
    else:
        ild = float(np.quantile(proneness, 1 - extent))
        inside = severity[proneness > ild]
        top = np.clip(np.array([patient.ild_honeycombing, patient.ild_honeycombing + patient.ild_reticulation]), 0, 1)
        honeycombing, reticulation = (
            float(np.quantile(inside, 1 - share)) if share > 0 and len(inside) else never for share in top
        )
    free = emphysema[proneness <= ild]
    # ILD takes precedence where both want the place, so emphysema takes its share of the rest
    share = min(patient.emphysema, 0.98)
    return DiseaseThresholds(
        ild, honeycombing, reticulation, float(np.quantile(free, 1 - share)) if share > 0 and len(free) else never
    )
