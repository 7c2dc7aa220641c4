"""Lungs by any method, behind one contract: CTVolume in, LabelMap out (1 right, 2 left)."""

from __future__ import annotations

from collections.abc import Callable

from spiroct.errors import UsageError
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.segmentation.threshold_lungs import threshold_lungs

LUNG_METHODS: dict[str, Callable[[CTVolume], LabelMap]] = {"threshold": threshold_lungs}


def segment_lungs(volume: CTVolume, *, method: str = "threshold") -> LabelMap:
    """Segment the lungs.

    Parameters
    ----------
    volume : CTVolume
        A chest CT in any orientation.
    method : str
        One of ``LUNG_METHODS``.

    Returns
    -------
    LabelMap
        1 right, 2 left, in the scan's own geometry.

    Raises
    ------
    UsageError
        If the method is not known.
    ScanError
        If there are no lungs.
    """
    if method not in LUNG_METHODS:
        raise UsageError(f"lung method {method!r}", f"the known methods are {', '.join(LUNG_METHODS)}", "use one")
    return LUNG_METHODS[method](volume)
