"""Codes and units of results: standard ones where they say the same thing, spiroct's own where none does.

An estimate from a CT is no spirometry, so that it never carries the code of a measured FEV1: a chart that gathers
values by code would mix the two (decision 0004).
"""

from __future__ import annotations

from highdicom.sr import CodedConcept
from pydicom.sr.codedict import codes

from spiroct.interchange.coding import DESIGNATOR, UNITS
from spiroct.pft.measures import Measure


def own(value: str, meaning: str) -> CodedConcept:
    """Make a code of spiroct's own scheme; the meaning is cut to DICOM's 64 characters."""
    return CodedConcept(value, DESIGNATOR, meaning if len(meaning) <= 64 else meaning[:61] + "...")


def unit(name: str) -> CodedConcept:
    """Find the UCUM code of a unit as spiroct writes it.

    Raises
    ------
    KeyError
        If a new unit has not been given its UCUM code.
    """
    value, meaning = UNITS[name]
    return CodedConcept(value, "UCUM", meaning)


def estimated(measure: Measure) -> CodedConcept:
    """Name a measure as estimated from a CT."""
    return own(f"{measure}-CT", f"{measure} estimated from chest CT")


def supplied(measure: Measure) -> CodedConcept:
    """Name a measured value that the user supplied."""
    return own(f"{measure}-SUPPLIED", f"{measure} measured, as supplied")


INTERVAL_LOWER = own("INTERVAL-LOWER", "Lower end of the interval")
INTERVAL_UPPER = own("INTERVAL-UPPER", "Upper end of the interval")
INTERVAL_LEVEL = own("INTERVAL-LEVEL", "Share of patients that such intervals hold")
PREDICTED = own("PREDICTED", "Predicted by the reference equation")
PERCENT_PREDICTED = own("PERCENT-PREDICT", "Percent of predicted")
Z_SCORE = own("Z-SCORE", "z-score against the reference equation")
LLN = CodedConcept.from_code(codes.SCT.NormalRangeLowerLimit)
ULN = CodedConcept.from_code(codes.SCT.NormalRangeUpperLimit)
INTENDED_USE = own("INTENDED-USE", "What the estimates may be used for")
DEMONSTRATION = own("DEMONSTRATION", "Demonstration only: says nothing about this patient")
RESEARCH = own("RESEARCH", "Research use only")
AGAINST_LLN = own("AGAINST-LLN", "Estimate and interval against the lower limit of normal")
REASON = own("REASON", "Why something is missing")
MODEL = own("MODEL", "Model and what it was trained on")
EQUATION = own("EQUATION", "Reference equation")
PATTERN = own("PATTERN", "Pattern of the estimates (ERS/ATS 2022)")
OVERRIDE = own("OVERRIDE", "Check that the user let pass")
NETWORK_METHOD = own("CT-NETWORK", "Estimation from a chest CT by a neural network")
SUPPLIED_METHOD = own("SUPPLIED", "Supplied by the user, not measured on the CT")
CT_METHOD = own("CT-MEASUREMENT", "Measured on the chest CT inside the lung outlines")
