"""JSON documents as the contracts want them: UTF-8, sorted keys, full precision, never NaN."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any


def to_json(document: Any) -> str:
    """Serialise plain data; the same data always give the same bytes.

    Parameters
    ----------
    document : plain data
        Dictionaries, lists, strings, numbers, booleans and None.

    Returns
    -------
    str
        Indented JSON with sorted keys and a final newline.

    Raises
    ------
    ValueError
        If a number is NaN or infinite: the caller owes ``None`` and a reason instead.
    """
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path, document: Any) -> None:
    """Write plain data as a JSON document (see :func:`to_json`)."""
    path.write_text(to_json(document), encoding="utf-8")


def finite_or_none(value: float | None) -> float | None:
    """Return the number as a plain float, or None where it is missing, NaN or infinite."""
    if value is None or not math.isfinite(value):
        return None
    return float(value)
