"""Values of lung function beside their reference equations, in the shape of a prediction."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from spiroct.checkpoints.checkpoint import Checkpoint
from spiroct.checkpoints.intervals import LEVEL
from spiroct.errors import DemographicsError
from spiroct.inference.prediction import Derived, Interpreted
from spiroct.inference.predictor import Estimates
from spiroct.pft.demographics import Demographics
from spiroct.pft.measures import Measure
from spiroct.pft.patterns import pattern, severity
from spiroct.pft.reference import interpret, interpret_ratio
from spiroct.types import Float64Array

NO_RESIDUALS = "this checkpoint carries no residuals to make an interval from"
TOO_FEW = f"this checkpoint carries too few residuals for a {100 * LEVEL:g} % interval"
NO_PATTERN = "without an interval nobody can say on which side of the lower limit of normal an estimate lies"


def absolute_estimates(
    estimates: Estimates, checkpoint: Checkpoint, demographics: Demographics, equations: str
) -> Estimates:
    """Turn an ensemble's %predicted into litres and mmol/min/kPa; absolute estimates stay as they are.

    Raises
    ------
    DemographicsError
        If there is no reference value to multiply with.
    """
    if checkpoint.quantity == "absolute":
        return estimates
    members: dict[Measure, Float64Array] = {}
    intervals: dict[str, tuple[float, float]] = {}
    for measure, values in estimates.members.items():
        found = interpret(measure, None, demographics, equations=equations)
        if found.predicted is None:
            raise DemographicsError(
                f"no reference value of {measure} ({found.reason})",
                "this network estimates %predicted, which needs one",
                "give sex, age and height, or use a network that estimates absolute values",
            )
        members[measure] = values * found.predicted / 100.0
        if measure.value in estimates.intervals:
            lower, upper = estimates.intervals[measure.value]
            intervals[measure.value] = (lower * found.predicted / 100.0, upper * found.predicted / 100.0)
    return replace(estimates, members=members, intervals=intervals)


def interpret_values(
    values: Mapping[Measure, float],
    demographics: Demographics,
    equations: str,
    *,
    interval_reason: str,
    intervals: Mapping[str, tuple[float, float]] | None = None,
) -> dict[Measure, Interpreted]:
    """Interpret absolute values, each in its measure's unit.

    Parameters
    ----------
    values : mapping of Measure to float
        Absolute values.
    demographics : Demographics
        Whose they are.
    equations : str
        Set of reference equations.
    interval_reason : str
        Why there is no interval, where there is none.
    intervals : mapping of str to tuple of two floats, optional
        Lower and upper end by measure.
    """
    interpreted = {}
    for measure, value in values.items():
        found = interpret(measure, value, demographics, equations=equations)
        lower, upper = (intervals or {}).get(measure.value, (None, None))
        interpreted[measure] = Interpreted(
            value=value,
            lower=lower,
            upper=upper,
            level=None if lower is None else LEVEL,
            predicted=found.predicted,
            percent_predicted=found.percent_predicted,
            z_score=found.z_score,
            lln=found.lln,
            uln=found.uln,
            equation=found.equation,
            against_lln=against_lln(lower, upper, found.lln),
            reason=found.reason,
            interval_reason=interval_reason if lower is None else None,
        )
    return interpreted


def against_lln(lower: float | None, upper: float | None, lln: float | None) -> str | None:
    """Say on which side of the lower limit of normal an interval lies; None where either is missing."""
    if lower is None or upper is None or lln is None:
        return None
    return "above" if lower >= lln else "below" if upper < lln else "indeterminate"


@dataclass(frozen=True)
class Classified:
    """Pattern of impairment and its severity, where the intervals allow them.

    Parameters
    ----------
    pattern, severity : str or None
        None where the intervals leave more than one.
    reason : str or None
        Why something is None.
    """

    pattern: str | None
    severity: str | None
    reason: str | None


def classify(
    estimates: Mapping[Measure, Interpreted],
    derived: Mapping[str, Derived],
    demographics: Demographics,
    equations: str,
) -> Classified:
    """Name pattern (ERS/ATS 2022) and severity of DLCO only where every value in the intervals gives the same.

    The pattern rests on FEV1/FVC, FVC, FEV1 and TLC; the severity is that of DLCO's z-score, which systemic sclerosis
    lowers first.
    """
    ratio = derived.get("FEV1/FVC")
    sides = {
        "FEV1/FVC": against_lln(ratio.lower, ratio.upper, ratio.lln) if ratio is not None else None,
        **{m.value: e.against_lln for m in (Measure.FVC, Measure.FEV1, Measure.TLC) if (e := estimates.get(m))},
    }
    needed = ("FEV1/FVC", "FVC", "FEV1", "TLC")
    unknown = [name for name in needed if sides.get(name) is None]
    open_ = [name for name in needed if sides.get(name) == "indeterminate"]
    severity_, reason = _severity(estimates.get(Measure.DLCO), demographics, equations)
    if unknown or open_:
        why = (
            f"no interval or no limit of normal for {', '.join(unknown)}"
            if unknown
            else f"the interval of {', '.join(open_)} reaches across the lower limit of normal"
        )
        return Classified(None, severity_, why if reason is None else f"{why}; {reason}")
    below = {name: sides[name] == "below" for name in needed}
    found = pattern(
        fev1_fvc_below=below["FEV1/FVC"], fvc_below=below["FVC"], fev1_below=below["FEV1"], tlc_below=below["TLC"]
    )
    return Classified(found.value, severity_, reason)


def _severity(
    estimate: Interpreted | None, demographics: Demographics, equations: str
) -> tuple[str | None, str | None]:
    if estimate is None or estimate.lower is None or estimate.upper is None or estimate.lln is None:
        return None, "no interval or no limit of normal for DLCO"
    ends = [interpret(Measure.DLCO, v, demographics, equations=equations) for v in (estimate.lower, estimate.upper)]
    # a value of zero or less, which an interval's end can be, has no z-score: severe it is
    grades = {severity(-math.inf if not v.z_score or math.isnan(v.z_score) else v.z_score) for v in ends}
    if len(grades) == 1:
        return grades.pop().value, None
    return None, "the interval of DLCO spans several grades of severity"


def derived_ratios(
    values: Mapping[Measure, float],
    demographics: Demographics,
    equations: str,
    intervals: Mapping[str, tuple[float, float]] | None = None,
) -> dict[str, Derived]:
    """FEV1/FVC (a fraction) with its reference, and FVC %predicted over DLCO %predicted.

    Their intervals come from residuals of the ratios themselves (``intervals``: FEV1/FVC, and FVC/DLCO in L per
    mmol/min/kPa), since numerator and denominator err together.

    The second ratio, when high, points to pulmonary vascular disease in systemic sclerosis (Vallejos 2020, doi
    10.1183/13993003.congress-2020.302); it needs sex, age and height.
    """
    fev1, fvc, dlco = (values.get(m) for m in (Measure.FEV1, Measure.FVC, Measure.DLCO))
    derived = {}
    if fev1 is not None and fvc is not None:
        quotient = fev1 / fvc if fvc > 0 else None
        found = interpret_ratio(quotient, demographics, equations=equations)
        lower, upper = (intervals or {}).get("FEV1/FVC", (None, None))
        derived["FEV1/FVC"] = Derived(
            value=quotient,
            unit="fraction",
            lower=lower,
            upper=upper,
            level=None if lower is None else LEVEL,
            lln=found.lln,
            z_score=found.z_score,
            equation=found.equation,
            reason=found.reason if quotient is not None else "FVC is not positive",
        )
    if fvc is not None and dlco is not None:
        above = interpret(Measure.FVC, fvc, demographics, equations=equations)
        below = interpret(Measure.DLCO, dlco, demographics, equations=equations)
        known = above.percent_predicted is not None and below.percent_predicted is not None and dlco > 0
        ends = (intervals or {}).get("FVC/DLCO")
        scale = below.predicted / above.predicted if known else 0.0  # type: ignore[operator]
        derived["FVC/DLCO"] = Derived(
            value=above.percent_predicted / below.percent_predicted if known else None,  # type: ignore[operator]
            unit="%predicted / %predicted",
            lower=ends[0] * scale if known and ends else None,
            upper=ends[1] * scale if known and ends else None,
            level=LEVEL if known and ends else None,
            reason=None if known else above.reason or below.reason or "DLCO is not positive",
        )
    return derived
