"""Repeatability criteria against hand calculation and their sources' other unit."""

import numpy as np
import pytest

from spiroct.evaluation.repeatability import CRITERIA, criteria_of
from spiroct.pft.measures import Measure
from spiroct.pft.units import dlco_to_traditional


def test_within_a_limit_in_litres() -> None:
    fvc = next(c for c in criteria_of(Measure.FVC) if c.period == "within session")
    measured = np.array([3.0, 3.0, 3.0, 3.0])
    estimated = np.array([3.15, 2.85, 3.16, 2.0])  # 3.15 - 3.0 is more than 0.15 in binary
    assert fvc.met(measured, estimated).tolist() == [True, True, False, False]
    assert fvc.share(measured, estimated).value == 50
    assert fvc.percent(np.array([3.32])) == pytest.approx(4.518, abs=0.001)


def test_within_a_share_of_the_measurement() -> None:
    tlc = next(c for c in criteria_of(Measure.TLC))
    assert tlc.met(np.array([5.0, 5.0]), np.array([5.5, 5.51])).tolist() == [True, False]
    assert tlc.percent(np.array([5.0])) == 10


def test_sources_of_dlco_are_in_the_traditional_unit() -> None:
    absolute = {c.period: c.limit for c in criteria_of(Measure.DLCO) if c.unit != "%"}
    assert dlco_to_traditional(absolute["within session"]) == pytest.approx(2.0, abs=0.005)
    assert dlco_to_traditional(absolute["week to week"]) == pytest.approx(6.0, abs=1e-9)


def test_every_measure_has_the_papers_criterion_once() -> None:
    assert sorted(c.measure for c in CRITERIA if c.in_paper) == sorted(Measure)
    assert all(c.source and c.limit > 0 for c in CRITERIA)
