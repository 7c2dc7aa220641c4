"""How close is close enough: what repeated lung function tests of one person are allowed to differ by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from spiroct.evaluation.calibration import share
from spiroct.evaluation.limits import Interval
from spiroct.pft.measures import Measure
from spiroct.pft.units import TRADITIONAL_PER_SI
from spiroct.types import BoolArray, Float64Array

Period = Literal["within session", "week to week", "year to year"]
_ARTP = "Sylvester 2020, BMJ Open Respir Res 7:e000575, as cited by Jia 2023"
_SPIROMETRY = "Graham 2019, Am J Respir Crit Care Med 200:e70 (ATS/ERS spirometry)"
_DLCO = "Graham 2017, Eur Respir J 49:1600016 (ERS/ATS DLCO): 2 mL/min/mmHg"
_INTERPRETATION = "Pellegrino 2005, Eur Respir J 26:948, Table 12, normal subjects"


@dataclass(frozen=True)
class Criterion:
    """A largest acceptable difference between two tests of one person.

    Parameters
    ----------
    measure : Measure
    period : str
        ``within session``: two manoeuvres of one sitting; ``week to week`` and ``year to year``: what healthy people
        differ by without anything having changed. A CT and a lung function test lie days apart.
    limit : float
        In ``unit``; a percentage is of the measured value.
    unit : str
        ``"%"`` or the measure's own.
    source : str
    in_paper : bool
        Whether Table 5 of Jia 2023 uses it.
    """

    measure: Measure
    period: Period
    limit: float
    unit: str
    source: str
    in_paper: bool = False

    def met(self, measured: Float64Array, estimated: Float64Array) -> BoolArray:
        """Tell for each pair (n,) whether the estimate lies within the limit of the measurement."""
        allowed = self.limit * (np.abs(measured) / 100 if self.unit == "%" else np.ones_like(measured))
        # 3.15 - 3.00 is 0.15 and a hair in binary
        return np.asarray(np.abs(estimated - measured) <= allowed * (1 + 1e-9), dtype=np.bool_)

    def share(self, measured: Float64Array, estimated: Float64Array) -> Interval:
        """Give the share of pairs (n,) within the limit, in percent, with Wilson's interval."""
        return share(int(self.met(measured, estimated).sum()), len(measured))

    def percent(self, measured: Float64Array) -> float:
        """Express the limit in percent of the mean measured value, as Table 5 of Jia 2023 does with 0.15 L."""
        return self.limit if self.unit == "%" else float(100 * self.limit / np.mean(measured))


CRITERIA = (
    Criterion(Measure.DLCO, "within session", 10.0, "%", _ARTP, in_paper=True),
    Criterion(Measure.DLCO, "within session", 0.67, Measure.DLCO.unit, _DLCO),
    Criterion(Measure.FEV1, "within session", 0.15, "L", _SPIROMETRY, in_paper=True),
    Criterion(Measure.FVC, "within session", 0.15, "L", _SPIROMETRY, in_paper=True),
    Criterion(Measure.TLC, "within session", 10.0, "%", _ARTP, in_paper=True),
    Criterion(
        Measure.DLCO, "week to week", 6 / TRADITIONAL_PER_SI, Measure.DLCO.unit, f"{_INTERPRETATION}: 6 mL/min/mmHg"
    ),
    Criterion(Measure.FEV1, "week to week", 12.0, "%", _INTERPRETATION),
    Criterion(Measure.FVC, "week to week", 11.0, "%", _INTERPRETATION),
    Criterion(Measure.DLCO, "year to year", 10.0, "%", _INTERPRETATION.removesuffix(", normal subjects")),
    Criterion(Measure.FEV1, "year to year", 15.0, "%", _INTERPRETATION.removesuffix(", normal subjects")),
    Criterion(Measure.FVC, "year to year", 15.0, "%", _INTERPRETATION.removesuffix(", normal subjects")),
)
NO_BETWEEN_SESSION_TLC = "The sources give no limit between sessions for TLC"


def criteria_of(measure: Measure) -> tuple[Criterion, ...]:
    """List the criteria of a measure, within one session first."""
    return tuple(c for c in CRITERIA if c.measure is measure)
