"""Numbers on a voxel grid that are to become a Parametric Map."""

from __future__ import annotations

from dataclasses import dataclass

from spiroct.imaging.volume import Geometry
from spiroct.types import Float32Array


@dataclass(frozen=True, eq=False)
class NumberMap:
    """Numbers on a voxel grid.

    Parameters
    ----------
    name : str
        Stable name, such as ``"ram_DLCO"``; part of the UIDs.
    meaning : str
        What the numbers are, in at most 64 characters.
    unit : str
        Unit of the numbers, as :data:`spiroct.interchange.vocabulary.UNITS` has it.
    values : array (z, y, x), float32
        Zero where there is nothing.
    geometry : Geometry
        Where the array lies in the patient, in the scan's frame of reference.
    """

    name: str
    meaning: str
    unit: str
    values: Float32Array
    geometry: Geometry
