"""Extent of interstitial lung disease from density and texture, and the staging rule of Goh 2008 on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from spiroct.segmentation.morphology import dilate, erode
from spiroct.types import BoolArray, Float32Array, Vector3

# Of three sets that were tried on four simulated patients and three scans without ILD the first was kept; figures on
# others stand in docs/concepts/biomarkers.md.
DENSE_HU = -700.0  # lung at full inspiration is darker; ground glass is brighter
DENSE_WINDOW_MM, TEXTURE_WINDOW_MM = 8.0, 12.0
MIXED_HU = 150.0  # standard deviation of HU where air and septa alternate
CLIPPED_HU = (-1000.0, -500.0)  # a vessel counts by its share of the surroundings, not by its brightness
RIM_MM, WALL_MM = 3.0, 3.0  # of the lungs' surface and around airways: partly chest wall, or airway wall

LIMITED_BELOW, EXTENSIVE_ABOVE, THRESHOLD, FVC_PERCENT = 10.0, 30.0, 20.0, 70.0


@dataclass(frozen=True)
class GohStage:
    """Limited or extensive disease after Goh 2008, from a computed extent in place of the visual score.

    Parameters
    ----------
    stage : str or None
        ``"limited"``, ``"extensive"``, or None where the extent is indeterminate and there is no FVC.
    decided_by : str
        ``"extent"``, ``"fvc"`` or ``"nothing"``.
    circular : bool
        True when an estimated FVC decided: such a stage must not be set against lung function.
    meaning : str
        One sentence without a full stop: what the stage rests on, and that it is a surrogate.
    """

    stage: str | None
    decided_by: str
    circular: bool
    meaning: str


def ild_maps(
    hu: Float32Array, lungs: BoolArray, airways: BoolArray, spacing: Vector3
) -> tuple[BoolArray, BoolArray, BoolArray]:
    """Map where the lung looks diseased.

    Dense is where most of the 8 mm around is above -700 HU; vessels are too few of it to matter. The texture's map
    takes the 12 mm around: their mean, HU clipped to -1000 to -500, is above -700 HU, or they mix air and tissue so
    that its standard deviation is above 150 HU, as reticulation and honeycombing do.

    Parameters
    ----------
    hu : array (z, y, x)
    lungs, airways : array (z, y, x)
    spacing : tuple of float
        Millimetres.

    Returns
    -------
    judged : array (z, y, x)
        Lung away from its surface and from airways: what extents are shares of.
    dense, mixed : array (z, y, x)
        Diseased by density, and by texture.
    """
    judged = erode(lungs, RIM_MM, spacing) & ~dilate(airways, WALL_MM, spacing)
    near, wide = _window(DENSE_WINDOW_MM, spacing), _window(TEXTURE_WINDOW_MM, spacing)
    dense = judged & (_mean((hu > DENSE_HU).astype(np.float32), judged, near) > 0.5)
    above = np.clip(hu, *CLIPPED_HU) - np.float32(DENSE_HU)
    mean = _mean(above, judged, wide)
    variance = _mean(above * above, judged, wide) - mean * mean
    return judged, dense, judged & ((mean > 0) | (variance > MIXED_HU**2))


def goh_stage(extent: float, fvc_percent_predicted: float | None = None, *, fvc_estimated: bool = False) -> GohStage:
    """Stage disease after Goh 2008 (AJRCCM 177:1248): limited below 20 %, extensive above.

    Extents of 10 to 30 % are indeterminate: there FVC decides, below 70 % predicted being extensive. Goh scored
    extent by eye; a computed one stands in for it and is no replacement.

    Parameters
    ----------
    extent : float
        Percent of the lungs.
    fvc_percent_predicted : float, optional
        Percent.
    fvc_estimated : bool
        Whether the FVC was estimated, from this very CT say, and not measured.
    """
    surrogate = f"computed extent {extent:.0f} %, a surrogate for the visual score"
    if not LIMITED_BELOW <= extent <= EXTENSIVE_ABOVE:
        stage = "limited" if extent < THRESHOLD else "extensive"
        return GohStage(stage, "extent", circular=False, meaning=surrogate)
    if fvc_percent_predicted is None:
        return GohStage(None, "nothing", circular=False, meaning=f"{surrogate}, is indeterminate and there is no FVC")
    stage = "extensive" if fvc_percent_predicted < FVC_PERCENT else "limited"
    told = f"{surrogate}, is indeterminate; FVC of {fvc_percent_predicted:.0f} % predicted decides"
    if fvc_estimated:
        told += "; circular, as that FVC is an estimate and no measurement"
    return GohStage(stage, "fvc", circular=fvc_estimated, meaning=told)


def _window(size_mm: float, spacing: Vector3) -> tuple[int, int, int]:
    """Odd number of voxels that a cube of this size has along each axis."""
    z, y, x = (max(1, 2 * round((size_mm / s - 1) / 2) + 1) for s in spacing)
    return (z, y, x)


def _mean(values: Float32Array, mask: BoolArray, window: tuple[int, int, int]) -> Float32Array:
    """Mean (z, y, x) over what lies inside the mask, in the box around each voxel."""
    weight = ndimage.uniform_filter(mask.astype(np.float32), window, mode="constant")
    total = ndimage.uniform_filter(np.where(mask, values, np.float32(0)), window, mode="constant")
    mean: Float32Array = total / np.maximum(weight, np.float32(1e-3))
    return mean
