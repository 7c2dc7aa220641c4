"""Units of lung function: litres, mmol/min/kPa, mL/min/mmHg; and values that are plausible in them."""

from __future__ import annotations

import math

from spiroct.errors import InputError
from spiroct.pft.measures import Measure

# 22.4 mL/mmol over 7.50062 mmHg/kPa (Stanojevic 2017, doi 10.1183/13993003.00010-2017, and its 2020 correction).
TRADITIONAL_PER_SI = 2.98642
SI = "mmol/min/kPa"
TRADITIONAL = "mL/min/mmHg"
# Nobody's lungs are larger or smaller: the limits catch unit mistakes, not disease.
_PLAUSIBLE = {
    Measure.DLCO: (0.2, 30.0),
    Measure.FEV1: (0.1, 10.0),
    Measure.FVC: (0.1, 12.0),
    Measure.TLC: (0.4, 15.0),
}


def dlco_to_traditional(mmol_min_kpa: float) -> float:
    """Convert DLCO from mmol/min/kPa to mL/min/mmHg."""
    return mmol_min_kpa * TRADITIONAL_PER_SI


def dlco_to_si(ml_min_mmhg: float) -> float:
    """Convert DLCO from mL/min/mmHg to mmol/min/kPa."""
    return ml_min_mmhg / TRADITIONAL_PER_SI


def absolute_value(measure: Measure, value: float, unit: str | None = None) -> float:
    """Check a measured value and return it in spiroct's unit.

    Parameters
    ----------
    measure : Measure
        What was measured.
    value : float
        In ``unit``.
    unit : str, optional
        The measure's own unit by default; DLCO may be in ``"mL/min/mmHg"``.

    Returns
    -------
    float
        Litres, or mmol/min/kPa for DLCO.

    Raises
    ------
    InputError
        If the unit is not known, or the value is not plausible in it.
    """
    unit = unit or measure.unit
    known = (SI, TRADITIONAL) if measure is Measure.DLCO else ("L",)
    if unit not in known:
        raise InputError(f"unit {unit!r} of {measure}", f"{measure} is in {' or '.join(known)}", "use one of these")
    if not math.isfinite(value) or value <= 0:
        raise InputError(f"{measure} {value:g} {unit}", "a measured value is a positive number", "leave it out")
    inside = dlco_to_si(value) if unit == TRADITIONAL else value
    low, high = _PLAUSIBLE[measure]
    if low <= inside <= high:
        return inside
    looks = ""
    if measure is Measure.DLCO and unit == SI and low <= dlco_to_si(value) <= high:
        looks = f", which looks like {TRADITIONAL}"
    elif measure is not Measure.DLCO and low <= value / 1000 <= high:
        looks = ", which looks like mL"
    factor = TRADITIONAL_PER_SI if unit == TRADITIONAL else 1.0
    raise InputError(
        f"{measure} {value:g} {unit}{looks}",
        f"{measure} lies between {low * factor:.3g} and {high * factor:.3g} {unit}",
        f"give it in {unit}" + (f" or name the unit {TRADITIONAL}" if measure is Measure.DLCO else ""),
    )
