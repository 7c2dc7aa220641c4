"""Normalisation layers by name, for batches too small for batch statistics."""

from __future__ import annotations

from typing import Literal

from torch import nn

Normalisation = Literal["batch", "group", "instance"]
NORMALISATIONS = ("batch", "group", "instance")
GROUPS = 8


def normalisation(kind: Normalisation, width: int) -> nn.Module:
    """Build a normalisation of volumes (batch, width, z, y, x), with a learned scale and shift for each channel.

    Parameters
    ----------
    kind : {"batch", "group", "instance"}
        Over the batch (Ioffe 2015), over groups of channels of one patient (Wu 2018), or over one channel of one
        patient (Ulyanov 2016). The latter two do not depend on the batch; they also take away, layer by layer, what a
        patient's mean brightness and contrast say.
    width : int
        Channels; ``group`` uses as many groups as divide them, eight at most.

    Raises
    ------
    ValueError
        If there is no such normalisation.
    """
    if kind == "batch":
        return nn.BatchNorm3d(width)
    if kind == "group":
        return nn.GroupNorm(max(n for n in range(1, GROUPS + 1) if width % n == 0), width)
    if kind == "instance":
        return nn.GroupNorm(width, width)
    raise ValueError(f"normalisation {kind!r} must be one of {', '.join(NORMALISATIONS)}")
