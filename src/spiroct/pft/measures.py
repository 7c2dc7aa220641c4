"""The four lung function measures, each with its unit."""

from __future__ import annotations

from enum import StrEnum

from spiroct.errors import InputError


class Measure(StrEnum):
    """A lung function measure; its value is the abbreviation used in every file and option.

    DLCO is in mmol/min/kPa inside spiroct (GLI calls it TLCO); see :mod:`spiroct.pft.units` for mL/min/mmHg.
    """

    DLCO = "DLCO"
    FEV1 = "FEV1"
    FVC = "FVC"
    TLC = "TLC"

    @property
    def unit(self) -> str:
        """Unit of the absolute value, as written in every file."""
        return "mmol/min/kPa" if self is Measure.DLCO else "L"

    @property
    def plain_name(self) -> str:
        """Name in plain words."""
        return _PLAIN_NAMES[self]

    @classmethod
    def from_name(cls, name: str) -> Measure:
        """Find a measure by its abbreviation, or list the known ones.

        Raises
        ------
        InputError
            If there is no such measure.
        """
        try:
            return cls(name.strip().upper())
        except ValueError:
            known = ", ".join(cls)
            raise InputError(f"measure {name!r}", f"the measures are {known}", "use one of these") from None


_PLAIN_NAMES = {
    Measure.DLCO: "diffusing capacity of the lung for carbon monoxide",
    Measure.FEV1: "forced expiratory volume in one second",
    Measure.FVC: "forced vital capacity",
    Measure.TLC: "total lung capacity",
}
