"""Predicted value, %predicted, z-score and limits of normal from the GLI reference equations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NewType

from spiroct.errors import DemographicsError, UsageError
from spiroct.pft.demographics import Demographics
from spiroct.pft.measures import Measure
from spiroct.pft.tables import age_range, lms
from spiroct.pft.units import TRADITIONAL

Percent = NewType("Percent", float)
"""A share of the predicted value in percent: never litres."""

DEFAULT_EQUATIONS = "gli-global-2022"
# 5th and 95th percentile as the official calculator computes them, with 1.645 and not 1.644854.
LIMIT_Z = 1.645


@dataclass(frozen=True)
class ReferenceEquation:
    """One equation: which table, and what people call it.

    Parameters
    ----------
    standard, measure : str
        Names in the tables of :mod:`spiroct.pft.tables`.
    title : str
        Name with its year.
    needs_ethnicity : bool
        True for GLI-2012 spirometry.
    """

    standard: str
    measure: str
    title: str
    needs_ethnicity: bool = False


_DLCO = ReferenceEquation("GLI2017", "TLCO", "GLI-2017 (2020 correction)")
_DLCO_TRADITIONAL = ReferenceEquation("GLI2017", "DLCO", "GLI-2017 (2020 correction)")
_TLC = ReferenceEquation("GLI2021", "TLC", "GLI-2021")
RATIO = "FEV1/FVC"
_SETS: dict[str, dict[str, ReferenceEquation]] = {
    "gli-global-2022": {
        Measure.DLCO: _DLCO,
        Measure.TLC: _TLC,
        Measure.FEV1: ReferenceEquation("GLI2022", "FEV1", "GLI Global 2022"),
        Measure.FVC: ReferenceEquation("GLI2022", "FVC", "GLI Global 2022"),
        RATIO: ReferenceEquation("GLI2022", "FEV1FVC", "GLI Global 2022"),
    },
    "gli-2012": {
        Measure.DLCO: _DLCO,
        Measure.TLC: _TLC,
        Measure.FEV1: ReferenceEquation("GLI2012", "FEV1", "GLI-2012", needs_ethnicity=True),
        Measure.FVC: ReferenceEquation("GLI2012", "FVC", "GLI-2012", needs_ethnicity=True),
        RATIO: ReferenceEquation("GLI2012", "FEV1FVC", "GLI-2012", needs_ethnicity=True),
    },
}


@dataclass(frozen=True)
class Interpretation:
    """A value beside its reference; every number is None, with ``reason``, where it cannot be known.

    Parameters
    ----------
    value, predicted, lln, uln : float or None
        In ``unit``.
    percent_predicted : Percent or None
        100 value / predicted.
    z_score : float or None
        Standard deviations from the median of healthy people.
    unit : str
        Unit of value, predicted, LLN and ULN.
    equation : str or None
        Title of the reference equation.
    reason : str or None
        Why something is None.
    """

    value: float | None
    predicted: float | None
    percent_predicted: Percent | None
    z_score: float | None
    lln: float | None
    uln: float | None
    unit: str
    equation: str | None
    reason: str | None = None


def equation_sets() -> tuple[str, ...]:
    """Names of the sets of equations, the default first."""
    return tuple(_SETS)


def require_equations(name: str) -> None:
    """Refuse a set of equations that does not exist.

    Raises
    ------
    UsageError
        If it is not one of :func:`equation_sets`.
    """
    if name not in _SETS:
        raise UsageError.unknown("equations", name, _SETS, plural="known sets")


def interpret(
    measure: Measure,
    value: float | None,
    demographics: Demographics,
    *,
    equations: str = DEFAULT_EQUATIONS,
    unit: str | None = None,
) -> Interpretation:
    """Interpret one value of a measure, or give its reference alone.

    Parameters
    ----------
    measure : Measure
        What the value is of.
    value : float or None
        In ``unit``; None gives predicted value and limits alone.
    demographics : Demographics
        Whose it is.
    equations : str
        One of :func:`equation_sets`.
    unit : str, optional
        ``"mL/min/mmHg"`` uses GLI's own equation in that unit, so that nothing is converted.

    Returns
    -------
    Interpretation
        In the given unit.

    Raises
    ------
    UsageError
        If the set is not known.
    DemographicsError
        If the set needs an ethnicity and none is given: unknown is not "other".
    """
    equation = _find(measure, equations)
    if unit == TRADITIONAL and measure is Measure.DLCO:
        equation = _DLCO_TRADITIONAL
    return _interpret(equation, value, demographics, unit or measure.unit, measure)


def interpret_ratio(
    fev1_fvc: float | None, demographics: Demographics, *, equations: str = DEFAULT_EQUATIONS
) -> Interpretation:
    """Interpret FEV1/FVC, a fraction, by its own equation (see :func:`interpret`)."""
    return _interpret(_find(RATIO, equations), fev1_fvc, demographics, "fraction", RATIO)


def z_score(value: float, L: float, M: float, S: float) -> float:
    """Z-score of a value by the LMS method (Cole 1992); ln(value / M) / S where L is zero."""
    if value <= 0:
        return math.nan
    return math.log(value / M) / S if abs(L) < 1e-12 else ((value / M) ** L - 1) / (L * S)


def percentile(z: float, L: float, M: float, S: float) -> float:
    """Value at a z-score: the inverse of :func:`z_score`."""
    return M * math.exp(S * z) if abs(L) < 1e-12 else M * (1 + L * S * z) ** (1 / L)


def _find(measure: str, equations: str) -> ReferenceEquation:
    require_equations(equations)
    return _SETS[equations][measure]


def _interpret(
    equation: ReferenceEquation, value: float | None, person: Demographics, unit: str, name: str
) -> Interpretation:
    if equation.needs_ethnicity and person.ethnicity is None:
        raise DemographicsError(
            "no ethnicity",
            f"{equation.title} has an equation for each group, and unknown is not 'other_mixed'",
            "give it by --ethnicity or the column of a cohort, or use the race-neutral gli-global-2022",
        )
    reason = _why_not(equation, person, name)
    if reason is not None:
        return Interpretation(value, None, None, None, None, None, unit, equation.title, reason)
    found = lms(equation.standard, equation.measure, person.sex, person.age, person.height_cm, person.ethnicity)  # type: ignore[arg-type]
    L, M, S = (float(x) for x in found)
    return Interpretation(
        value=value,
        predicted=M,
        percent_predicted=None if value is None else Percent(100 * value / M),
        z_score=None if value is None or value <= 0 else z_score(value, L, M, S),
        lln=percentile(-LIMIT_Z, L, M, S),
        uln=percentile(LIMIT_Z, L, M, S),
        unit=unit,
        equation=equation.title,
    )


def _why_not(equation: ReferenceEquation, person: Demographics, name: str) -> str | None:
    if person.missing:
        return f"{' and '.join(person.missing)} missing: the reference equations need sex, age and height"
    first, last = age_range(equation.standard, equation.measure)
    if person.age is not None and not first <= person.age <= last:
        return f"age {person.age:g}: the {equation.title} equation for {name} covers {first:g} to {last:g} years"
    return None
