"""spiroct's own coding scheme, and the UCUM codes of the units that it writes; no DICOM library is needed for them."""

from __future__ import annotations

from typing import Final

DESIGNATOR: Final = "99SPIROCT"
# An OID from a UUID (ISO/IEC 9834-8): UUID 5 of "spiroct:coding-scheme" under the name space of URLs.
SCHEME_UID: Final = "2.25.309630596063354122148345534262357034862"
SCHEME_NAME: Final = "spiroct: lung function from chest CT"
UNITS: Final = {
    "L": ("L", "liter"),
    "mmol/min/kPa": ("mmol/min/kPa", "mmol/min/kPa"),
    "%": ("%", "percent"),
    "% predicted": ("%", "percent"),
    "HU": ("[hnsf'U]", "Hounsfield unit"),
    "kg": ("kg", "kilogram"),
    "mm": ("mm", "millimeter"),
    "fraction": ("1", "no units"),
    "1": ("1", "no units"),
    "z-score": ("1", "no units"),
    "%predicted / %predicted": ("1", "no units"),
}
