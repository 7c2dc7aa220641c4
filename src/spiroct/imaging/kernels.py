"""Reconstruction kernels: which of the vendors' names are sharp."""

from __future__ import annotations

import re

# Vendors' own naming, from their DICOM conformance statements and the kernel tables of Mackin 2019
# (doi 10.1002/mp.13562) and the QIBA lung density profile (2020): what is edge-enhancing or "lung/bone".
_SHARP = {
    "siemens": r"^[bhiu]\D?(5[5-9]|6\d|7\d|8\d|9\d)|^br(5[5-9]|6\d|7\d)|^bl(5[5-9]|6\d|7\d)",
    "ge": r"lung|bone|edge|ultra|chst\+|detail\+",
    "philips": r"^(l|d|yd|yc|yb|ya|e|y-sharp)$|lung|bone|sharp",
    "canon": r"^fc(5[0-9]|8[0-9]|3[0-9])|^fl|lung|bone",
    "hitachi": r"lung|bone|^7\d|^8\d",
    "spiroct": r"sharp",
}
_VENDORS = {"toshiba": "canon", "canon": "canon", "ge ": "ge", "general electric": "ge"}


def is_sharp(manufacturer: str | None, kernel: str | None) -> bool | None:
    """Tell whether a kernel is edge-enhancing, from its vendor's naming.

    Parameters
    ----------
    manufacturer, kernel : str or None
        As the DICOM header names them.

    Returns
    -------
    bool or None
        None where vendor or kernel is not known.
    """
    if not kernel or not manufacturer:
        return None
    name = manufacturer.lower() + " "
    vendor = next((v for word, v in _VENDORS.items() if word in name), None) or next(
        (v for v in _SHARP if v in name), None
    )
    if vendor is None:
        return None
    return re.search(_SHARP[vendor], kernel.strip().lower()) is not None
