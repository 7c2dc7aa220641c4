"""How strong a correlation or a reliability is in words, by the guidelines that Jia 2023 cites."""

from __future__ import annotations

import math

# Schober, Boer and Schwarte 2018, Anesth Analg 126:1763, as section II.D of Jia 2023 gives them.
_CORRELATION = ((0.1, "negligible"), (0.4, "weak"), (0.7, "moderate"), (0.9, "strong"))
# Koo and Li 2016, J Chiropr Med 15:155, as section II.D of Jia 2023 gives them.
_RELIABILITY = ((0.5, "poor"), (0.75, "moderate"), (0.9, "good"))


def correlation_strength(r: float) -> str:
    """Name the strength of a correlation.

    Parameters
    ----------
    r : float
        Its sign does not matter.

    Returns
    -------
    str
        ``negligible`` below 0.1, ``weak`` below 0.4, ``moderate`` below 0.7, ``strong`` below 0.9, ``very strong``
        from there; ``undefined`` for NaN. Schober 2018 gives the classes with two decimals (0.10 to 0.39, ...); what
        lies between two printed limits belongs to the lower class.
    """
    return _name(abs(r), _CORRELATION, "very strong")


def reliability_strength(icc: float) -> str:
    """Name the strength of an intraclass correlation.

    Returns
    -------
    str
        ``poor`` below 0.5, ``moderate`` below 0.75, ``good`` up to 0.9, ``excellent`` above (Koo and Li 2016);
        ``undefined`` for NaN. They classify the interval, not the value alone: name both limits.
    """
    if icc == 0.9:
        return "good"
    return _name(icc, _RELIABILITY, "excellent")


def _name(value: float, classes: tuple[tuple[float, str], ...], above: str) -> str:
    if math.isnan(value):
        return "undefined"
    return next((name for limit, name in classes if value < limit), above)
