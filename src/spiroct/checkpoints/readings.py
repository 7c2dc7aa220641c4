"""Plain readings of a patient and a CT: what the ladder of baselines and late fusion know besides the image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from spiroct.biomarkers.biomarker import Biomarker
from spiroct.errors import InputError
from spiroct.types import AnyArray, Float64Array

DEMOGRAPHICS = ("male", "age", "height_cm")
BIOMARKERS = ("lung_volume", "perc85")
"""Volume (L) and Perc85 (HU) of both lungs, as :func:`spiroct.biomarkers.lungs.lung_biomarkers` has them."""

AUXILIARY: dict[str, tuple[str, ...]] = {
    "demographics": DEMOGRAPHICS,
    "biomarkers": BIOMARKERS,
    "both": (*DEMOGRAPHICS, *BIOMARKERS),
}
"""Choices of ``spiroct train --aux``."""


def readings_of(
    *, sex: str | None, age: float | None, height_cm: float | None, biomarkers: Iterable[Biomarker]
) -> dict[str, float]:
    """Collect the readings of one scan; NaN where one is missing.

    Parameters
    ----------
    sex : {"F", "M"} or None
    age, height_cm : float or None
        Years and centimetres.
    biomarkers : iterable of Biomarker
        Of the lungs: ``volume`` in L and ``perc85`` in HU.
    """
    measured = {b.name: b.value for b in biomarkers if b.region == "lungs"}
    known = {
        "male": None if sex is None else float(sex == "M"),
        "age": age,
        "height_cm": height_cm,
        "lung_volume": measured.get("volume"),
        "perc85": measured.get("perc85"),
    }
    return {name: float("nan") if value is None else float(value) for name, value in known.items()}


@dataclass(frozen=True)
class Covariates:
    """Readings that a network takes beside the image, and their standardisation.

    Parameters
    ----------
    names : tuple of str
        Readings, in order.
    mean, sd : tuple of float
        Of the training patients.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...]
    sd: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse what cannot be standardised."""
        if not len(self.names) == len(self.mean) == len(self.sd) or min(self.sd) <= 0:
            raise ValueError(f"covariates {self.names} need a mean and a positive SD each")

    @classmethod
    def fitted(cls, names: tuple[str, ...], readings: Mapping[str, Float64Array]) -> Covariates:
        """Take mean and SD of training readings (n,); a reading that never varies gets an SD of 1."""
        columns = [readings[name] for name in names]
        spread = [float(np.std(column)) for column in columns]
        return cls(names, tuple(float(np.mean(c)) for c in columns), tuple(s if s > 0 else 1.0 for s in spread))

    def standardised(self, readings: Mapping[str, float | AnyArray]) -> Float64Array:
        """Standardise readings to (..., covariates).

        Raises
        ------
        InputError
            If one is missing.
        """
        values = np.stack([np.asarray(readings[name], dtype=np.float64) for name in self.names], axis=-1)
        missing = [n for i, n in enumerate(self.names) if not np.isfinite(values[..., i]).all()]
        if missing:
            raise InputError(
                f"{', '.join(missing)} missing",
                f"this network takes {', '.join(self.names)} beside the image",
                "give sex, age and height, or use a network that needs the image alone",
            )
        return np.asarray((values - np.asarray(self.mean)) / np.asarray(self.sd))
