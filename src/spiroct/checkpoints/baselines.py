"""The ladder of plain baselines: regressions that any network has to beat, stored as plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from spiroct.checkpoints.readings import DEMOGRAPHICS
from spiroct.pft.measures import Measure
from spiroct.types import AnyArray, Float64Array

Scale = Literal["linear", "logarithmic"]
NETWORK = "network"
"""Reading that stands for the network's own estimate of the measure."""

RUNGS: dict[str, tuple[str, ...]] = {
    "cohort_mean": (),
    "demographics": DEMOGRAPHICS,
    "lung_volume": ("lung_volume",),
    "lung_volume_perc85": ("lung_volume", "perc85"),
    "lung_volume_perc85_demographics": ("lung_volume", "perc85", *DEMOGRAPHICS),
    "network_demographics": (NETWORK, *DEMOGRAPHICS),
}
"""Rungs of the ladder, by what they know."""

_SIZES = ("lung_volume", "height_cm", NETWORK)  # positive, and multiplied rather than added in the GLI equations


@dataclass(frozen=True)
class PlainRegression:
    """A least-squares regression of one measure on plain readings.

    Parameters
    ----------
    rung : str
        Which rung of the ladder.
    measure : Measure
        What it estimates, in the measure's unit.
    scale : {"linear", "logarithmic"}
        Of the measure.
    coefficients : tuple of float
        Of the columns of :func:`design`.
    smearing : float
        Factor that takes the mean of a logarithm back to the mean (Duan 1983, doi 10.1080/01621459.1983.10478017).
    """

    rung: str
    measure: Measure
    scale: Scale
    coefficients: tuple[float, ...]
    smearing: float = 1.0

    def estimate(self, readings: Mapping[str, float | AnyArray]) -> Float64Array:
        """Estimate the measure from readings (n,) or scalars.

        NaN where a reading is missing, or so far from those of the fit that a logarithm grows beyond all numbers.
        """
        columns = design(self.rung, readings, self.scale)
        linear = np.asarray(columns @ np.asarray(self.coefficients))
        if self.scale == "linear":
            return linear
        with np.errstate(over="ignore"):
            value = np.asarray(self.smearing * np.exp(linear))
        return np.where(np.isfinite(value), value, np.nan)

    def to_document(self) -> dict[str, Any]:
        """Plain data for the checkpoint's card."""
        return {**asdict(self), "measure": self.measure.value, "coefficients": list(self.coefficients)}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> PlainRegression:
        """Read what :meth:`to_document` wrote."""
        return cls(
            rung=document["rung"],
            measure=Measure(document["measure"]),
            scale=document["scale"],
            coefficients=tuple(float(c) for c in document["coefficients"]),
            smearing=float(document["smearing"]),
        )


def design(rung: str, readings: Mapping[str, float | AnyArray], scale: Scale) -> Float64Array:
    """Columns of a rung's regression: ones, then its readings in order.

    On the logarithmic scale sizes enter as logarithms, age and Perc85 also as squares, as in the GLI equations' form;
    on the linear scale every reading enters as it is.

    Parameters
    ----------
    rung : str
        One of ``RUNGS``.
    readings : mapping of str to float or array (n,)
        NaN where missing; sizes of zero or less count as missing on the logarithmic scale.
    scale : {"linear", "logarithmic"}
        Of the measure.

    Returns
    -------
    array (n, columns) or (columns,)
    """
    names = RUNGS[rung]
    shape = np.shape(next(iter(readings.values()))) if readings else ()
    columns = [np.ones(shape)]
    for name in names:
        value = np.asarray(readings[name], dtype=np.float64)
        if scale == "linear":
            columns.append(value)
        elif name in _SIZES:
            columns.append(np.log(np.where(value > 0, value, np.nan)))
        elif name == "male":
            columns.append(value)
        else:
            hundreds = value / 100.0
            columns += [hundreds, hundreds**2]
    return np.stack(columns, axis=-1)
