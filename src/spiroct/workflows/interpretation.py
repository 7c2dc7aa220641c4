"""Values of lung function beside their reference equations, in the shape of a prediction."""

from __future__ import annotations

from collections.abc import Mapping

from spiroct.inference.prediction import Derived, Interpreted
from spiroct.pft.demographics import Demographics
from spiroct.pft.measures import Measure
from spiroct.pft.reference import interpret, interpret_ratio


def interpret_values(
    values: Mapping[Measure, float], demographics: Demographics, equations: str, *, interval_reason: str
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
        Why there is no interval around them.
    """
    interpreted = {}
    for measure, value in values.items():
        found = interpret(measure, value, demographics, equations=equations)
        interpreted[measure] = Interpreted(
            value=value,
            predicted=found.predicted,
            percent_predicted=found.percent_predicted,
            z_score=found.z_score,
            lln=found.lln,
            uln=found.uln,
            equation=found.equation,
            reason=found.reason,
            interval_reason=interval_reason,
        )
    return interpreted


def derived_ratios(values: Mapping[Measure, float], demographics: Demographics, equations: str) -> dict[str, Derived]:
    """FEV1/FVC (a fraction) with its reference, and FVC %predicted over DLCO %predicted.

    The second ratio, when high, points to pulmonary vascular disease in systemic sclerosis (Vallejos 2020, doi
    10.1183/13993003.congress-2020.302); it needs sex, age and height.
    """
    fev1, fvc, dlco = (values.get(m) for m in (Measure.FEV1, Measure.FVC, Measure.DLCO))
    derived = {}
    if fev1 is not None and fvc is not None:
        quotient = fev1 / fvc if fvc > 0 else None
        found = interpret_ratio(quotient, demographics, equations=equations)
        derived["FEV1/FVC"] = Derived(
            value=quotient,
            unit="fraction",
            lln=found.lln,
            z_score=found.z_score,
            equation=found.equation,
            reason=found.reason if quotient is not None else "FVC is not positive",
        )
    if fvc is not None and dlco is not None:
        above = interpret(Measure.FVC, fvc, demographics, equations=equations)
        below = interpret(Measure.DLCO, dlco, demographics, equations=equations)
        known = above.percent_predicted is not None and below.percent_predicted is not None and dlco > 0
        derived["FVC/DLCO"] = Derived(
            value=above.percent_predicted / below.percent_predicted if known else None,  # type: ignore[operator]
            unit="%predicted / %predicted",
            reason=None if known else above.reason or below.reason or "DLCO is not positive",
        )
    return derived
