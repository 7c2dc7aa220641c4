"""Who the patient is, as far as reference equations ask: sex, age, height and (GLI-2012 only) ethnicity."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from spiroct.errors import DemographicsError

_E = TypeVar("_E", bound=StrEnum)


class Sex(StrEnum):
    """Sex as the reference equations know it."""

    FEMALE = "F"
    MALE = "M"


class Ethnicity(StrEnum):
    """Groups of the GLI-2012 equations (Quanjer 2012); unknown is None, never ``other_mixed``."""

    CAUCASIAN = "caucasian"
    AFRICAN_AMERICAN = "african_american"
    NE_ASIAN = "ne_asian"
    SE_ASIAN = "se_asian"
    OTHER_MIXED = "other_mixed"


@dataclass(frozen=True)
class Demographics:
    """Sex, age and height of one person; None where unknown.

    Parameters
    ----------
    sex : Sex or None
        ``"F"`` or ``"M"``.
    age : float or None
        Age in decimal years.
    height_cm : float or None
        Standing height in centimetres.
    ethnicity : Ethnicity or None
        Used by GLI-2012 only.

    Raises
    ------
    DemographicsError
        If a value is not one a person can have. What an equation's table covers is the equation's business.
    """

    sex: Sex | None = None
    age: float | None = None
    height_cm: float | None = None
    ethnicity: Ethnicity | None = None

    def __post_init__(self) -> None:
        """Accept plain strings for the enumerations and refuse impossible values."""
        object.__setattr__(self, "sex", _member(Sex, "sex", self.sex))
        object.__setattr__(self, "ethnicity", _member(Ethnicity, "ethnicity", self.ethnicity))
        for name in ("age", "height_cm"):  # 168 and 168.0 are one person, also in the bytes of a document
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else float(value))
        if self.age is not None and not (math.isfinite(self.age) and 0 < self.age <= 120):
            raise DemographicsError(f"age {self.age:g}", "ages are 0 to 120 years", "give the age in years, as 53.4")
        if self.height_cm is not None and not (math.isfinite(self.height_cm) and self.height_cm > 0):
            raise DemographicsError(
                f"height {self.height_cm:g}", "heights are positive", "give the height in centimetres, as 168"
            )

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of what reference equations need and this person lacks."""
        values = {"sex": self.sex, "age": self.age, "height": self.height_cm}
        return tuple(name for name, value in values.items() if value is None)


def check_person(
    *,
    sex: str | None = None,
    age: float | None = None,
    height_cm: float | None = None,
    ethnicity: str | None = None,
) -> Demographics:
    """Take what a user typed as a person, catching mistakes of unit.

    Parameters
    ----------
    sex : str, optional
        ``"F"`` or ``"M"``.
    age : float, optional
        Decimal years.
    height_cm : float, optional
        100 to 230 cm: a door's limit, narrower than what the equations accept.
    ethnicity : str, optional
        A group of GLI-2012.

    Raises
    ------
    DemographicsError
        If a value is impossible, or looks like another unit.
    """
    if height_cm is not None and not 100 <= height_cm <= 230:
        looks, example = "", "168"
        if 1.0 <= height_cm <= 2.3:
            looks, example = ", which looks like metres", f"{100 * height_cm:.0f}"
        elif 39 <= height_cm <= 91:
            looks, example = ", which looks like inches", f"{2.54 * height_cm:.0f}"
        raise DemographicsError(
            f"height {height_cm:g}{looks}", "heights are 100 to 230 cm", f"give the height in centimetres, as {example}"
        )
    return Demographics(sex=sex, age=age, height_cm=height_cm, ethnicity=ethnicity)  # type: ignore[arg-type]


def _member(kind: type[_E], name: str, value: str | None) -> _E | None:
    if value is None:
        return None
    try:
        return kind(value)
    except ValueError:
        known = " or ".join(kind)
        raise DemographicsError(f"{name} {value!r}", f"{name} is {known}", f"use {known}, or leave it out") from None
