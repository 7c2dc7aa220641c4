"""The official GLI tables: coefficients and age splines in, L, M and S of a person out."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from spiroct.types import BoolArray, Float64Array

SEXES = {"M": "male", "F": "female"}
STANDARDS = ("GLI2012", "GLI2017", "GLI2021", "GLI2022")
_GROUPS = ("african_american", "ne_asian", "se_asian", "other_mixed")


@dataclass(frozen=True)
class _Equation:
    """Terms of ln M, ln S and L, and the splines by age, of one measure and sex."""

    terms: dict[str, dict[str, float]]
    ages: Float64Array
    splines: dict[str, Float64Array]


def lms(
    standard: str,
    measure: str,
    sex: npt.ArrayLike,
    age: npt.ArrayLike,
    height_cm: npt.ArrayLike,
    ethnicity: npt.ArrayLike | None = None,
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Skewness, median and coefficient of variation of a healthy person's measure (LMS method, Cole 1992).

    ln M, ln S and L are sums of the table's coefficients times their terms (ln height in cm, height, ln age, age in
    decimal years, group indicators) plus the spline of the age, interpolated linearly between its quarter-year rows
    as the official calculator does.

    Parameters
    ----------
    standard : str
        ``"GLI2012"``, ``"GLI2017"``, ``"GLI2021"`` or ``"GLI2022"``.
    measure : str
        As the table names it: ``"FEV1"``, ``"FVC"``, ``"FEV1FVC"``, ``"TLCO"`` (mmol/min/kPa), ``"DLCO"``
        (mL/min/mmHg), ``"TLC"``, ...
    sex : "F" or "M", or array of them
    age : float or array
        Decimal years.
    height_cm : float or array
        Centimetres.
    ethnicity : str or array of str, optional
        GLI-2012 only: ``"caucasian"`` or one of its other groups; the other standards ignore it.

    Returns
    -------
    L, M, S : arrays of the broadcast shape
        NaN outside the ages of the table: the tables are never extrapolated.

    Raises
    ------
    KeyError
        If there is no such standard or measure.
    """
    sex_, age_, height_, group = np.broadcast_arrays(
        np.asarray(sex, dtype=object),
        np.asarray(age, dtype=np.float64),
        np.asarray(height_cm, dtype=np.float64),
        np.asarray("caucasian" if ethnicity is None else ethnicity, dtype=object),
    )
    result = np.full((3, *age_.shape), np.nan)
    for code, name in SEXES.items():
        equation = _equation(standard, measure, name)
        chosen: BoolArray = (sex_ == code) & (age_ >= equation.ages[0]) & (age_ <= equation.ages[-1])
        if np.any(chosen):
            result[:, chosen] = _evaluate(equation, age_[chosen], height_[chosen], group[chosen])
    return result[0], result[1], result[2]


def age_range(standard: str, measure: str) -> tuple[float, float]:
    """First and last age in years of a measure's table."""
    ages = _equation(standard, measure, "female").ages
    return float(ages[0]), float(ages[-1])


def _evaluate(
    equation: _Equation, age: Float64Array, height: Float64Array, group: npt.NDArray[np.object_]
) -> Float64Array:
    values = {
        "intercept": np.ones_like(age),
        "ln_height_cm": np.log(height),
        "height_cm": height,
        "ln_age": np.log(age),
        "age": age,
        **{name: (group == name).astype(np.float64) for name in _GROUPS},
    }
    sums = {}
    for parameter, terms in equation.terms.items():
        spline = np.interp(age, equation.ages, equation.splines[parameter])
        sums[parameter] = sum(c * (spline if term == "spline" else values[term]) for term, c in terms.items())
    return np.stack([sums["L"], np.exp(sums["M"]), np.exp(sums["S"])])


@cache
def _equation(standard: str, measure: str, sex: str) -> _Equation:
    terms: dict[str, dict[str, float]] = {"L": {}, "M": {}, "S": {}}
    for row in _coefficients():
        if (row["standard"], row["measure"], row["sex"]) == (standard, measure, sex):
            terms[row["parameter"]][row["term"]] = float(row["value"])
    ages, splines = _splines(standard, measure, sex) if standard in STANDARDS else (np.empty(0), {})
    if not terms["M"] or not len(ages):
        raise KeyError(f"{standard} has no equation for {measure}")
    return _Equation(terms, ages, splines)


@cache
def _coefficients() -> tuple[dict[str, str], ...]:
    return tuple(_rows("coefficients.csv"))


@cache
def _spline_rows(standard: str) -> tuple[dict[str, str], ...]:
    return tuple(_rows(f"splines_{standard}.csv"))


def _splines(standard: str, measure: str, sex: str) -> tuple[Float64Array, dict[str, Float64Array]]:
    rows = [row for row in _spline_rows(standard) if (row["measure"], row["sex"]) == (measure, sex)]
    ages = np.asarray([float(row["age"]) for row in rows])
    return ages, {p: np.asarray([float(row[f"{p}spline"]) for row in rows]) for p in "LMS"}


def _rows(name: str) -> list[dict[str, str]]:
    with (files("spiroct.pft") / "data" / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))
