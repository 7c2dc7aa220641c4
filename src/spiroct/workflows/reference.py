"""``spiroct reference``: measured lung function beside its reference values."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from spiroct.pft.demographics import Demographics, check_person
from spiroct.pft.measures import Measure
from spiroct.pft.patterns import pattern, severity
from spiroct.pft.reference import DEFAULT_EQUATIONS, RATIO, Interpretation, interpret, interpret_ratio
from spiroct.pft.units import SI, absolute_value

SCHEMA = "spiroct.reference"
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class ReferenceResult:
    """Reference values of one person, and what the measured values mean beside them.

    Parameters
    ----------
    demographics : Demographics
        Whose.
    measures : dict of Measure to Interpretation
        All four measures; DLCO in the unit that was asked for.
    ratio : Interpretation
        FEV1/FVC, a fraction.
    pattern, pattern_reason : str or None
        ERS/ATS 2022 pattern, or why there is none.
    severities : dict of str to str
        Severity by z-score of each measured value.
    """

    demographics: Demographics
    measures: dict[Measure, Interpretation]
    ratio: Interpretation
    pattern: str | None
    pattern_reason: str | None
    severities: dict[str, str]

    def to_document(self) -> dict[str, Any]:
        """Plain data of ``spiroct reference --json``."""
        return {
            "schema": SCHEMA,
            "schema_version": SCHEMA_VERSION,
            "demographics": asdict(self.demographics),
            "measures": {m.value: asdict(i) for m, i in self.measures.items()},
            "derived": {RATIO: asdict(self.ratio)},
            "pattern": self.pattern,
            "pattern_reason": self.pattern_reason,
            "severity": self.severities,
        }

    def to_table(self) -> str:
        """Print the same as a table for people."""
        head = f"{'':<9}{'measured':>10}{'predicted':>11}{'%pred':>8}{'z':>8}{'LLN':>8}{'ULN':>8}  unit"
        lines = [head, *(_line(m.value, i) for m, i in self.measures.items()), _line(RATIO, self.ratio)]
        titles = dict.fromkeys(i.equation for i in (*self.measures.values(), self.ratio) if i.equation)
        reasons = dict.fromkeys(i.reason for i in (*self.measures.values(), self.ratio) if i.reason)
        lines.append("equations: " + ", ".join(titles))
        lines += [f"note: {reason}" for reason in reasons]
        if self.pattern:
            graded = ", ".join(f"{name} {grade}" for name, grade in self.severities.items())
            lines.append(f"pattern (ERS/ATS 2022): {self.pattern}; severity: {graded}")
        return "\n".join(lines)


def reference(
    *,
    sex: str | None = None,
    age: float | None = None,
    height: float | None = None,
    ethnicity: str | None = None,
    dlco: float | None = None,
    fev1: float | None = None,
    fvc: float | None = None,
    tlc: float | None = None,
    dlco_unit: str = SI,
    equations: str = DEFAULT_EQUATIONS,
) -> ReferenceResult:
    """Give the reference values of a person, and interpret what was measured.

    Parameters
    ----------
    sex : str, optional
        ``"F"`` or ``"M"``.
    age, height : float, optional
        Years and centimetres.
    ethnicity : str, optional
        For GLI-2012 only.
    dlco, fev1, fvc, tlc : float, optional
        Measured values: DLCO in ``dlco_unit``, the others in litres.
    dlco_unit : str
        ``"mmol/min/kPa"`` or ``"mL/min/mmHg"``; DLCO is answered in the same unit, by GLI's equation for it.
    equations : str
        Set of reference equations.

    Raises
    ------
    SpiroctError
        If a value is not plausible, or the set of equations is not known.
    """
    person = check_person(sex=sex, age=age, height_cm=height, ethnicity=ethnicity)
    given = {Measure.DLCO: dlco, Measure.FEV1: fev1, Measure.FVC: fvc, Measure.TLC: tlc}
    units = {m: dlco_unit if m is Measure.DLCO else m.unit for m in Measure}
    for measure, value in given.items():
        absolute_value(measure, 1.0 if value is None else value, units[measure])
    measures = {m: interpret(m, v, person, equations=equations, unit=units[m]) for m, v in given.items()}
    quotient = fev1 / fvc if fev1 is not None and fvc is not None else None
    ratio = interpret_ratio(quotient, person, equations=equations)
    found, why_not = _pattern(measures, ratio)
    grades = {m.value: str(severity(i.z_score)) for m, i in measures.items() if i.z_score is not None}
    return ReferenceResult(person, measures, ratio, found, why_not, grades)


def _pattern(measures: dict[Measure, Interpretation], ratio: Interpretation) -> tuple[str | None, str | None]:
    below = {m: _below(i) for m, i in measures.items()}
    ratio_below, fev1, fvc = _below(ratio), below[Measure.FEV1], below[Measure.FVC]
    if ratio_below is None or fev1 is None or fvc is None:
        return None, "a pattern needs FEV1 and FVC with their lower limits of normal"
    found = pattern(fev1_fvc_below=ratio_below, fvc_below=fvc, fev1_below=fev1, tlc_below=below[Measure.TLC])
    return str(found), None


def _below(found: Interpretation) -> bool | None:
    return None if found.value is None or found.lln is None else found.value < found.lln


def _line(name: str, found: Interpretation) -> str:
    numbers = ((found.value, 10, 2), (found.predicted, 11, 2), (found.percent_predicted, 8, 0), (found.z_score, 8, 2))
    limits = ((found.lln, 8, 2), (found.uln, 8, 2))
    shown = "".join(f"{'-':>{w}}" if v is None else f"{v:>{w}.{d}f}" for v, w, d in (*numbers, *limits))
    return f"{name:<9}{shown}  {found.unit}"
