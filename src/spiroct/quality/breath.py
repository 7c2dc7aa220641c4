"""Breath: whether small lungs are small because of the breath or because of disease, by trachea and density."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from spiroct.imaging.orientation import to_canonical
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.quality.coarse import CoarseScan
from spiroct.quality.verdict import Outcome, Verdict
from spiroct.segmentation.morphology import erode
from spiroct.types import BoolArray, Float64Array, Vector3

SMALL_SHARE = 0.75  # of the predicted TLC
SMALL_L = 3.0  # where sex, age or height is not known
# The posterior membrane bows backward in inspiration and forward in expiration (Stern 1993, Radiology 187:27);
# the figures are ours: a round lumen has 0.1, a flat back wall 0.
BOWED_OUT, BOWED_IN = 0.03, 0.0
FINEST_MM = 1.5  # pixels across must be finer than this to show the wall
LUMEN_MM2 = (60.0, 500.0)
ABOVE_CARINA_MM = 15.0
LEAST_LEVELS = 3
WALL_HU = -500.0
UPSAMPLED_MM = 0.3
BAND = (0.40, 0.75)  # of the lungs' height: disease of the bases is below
# Density of the front third and step to the back quarter, both at the 25th percentile, which spares patches of disease.
DENSE_FRONT_HU, STEEP_HU = -870.0, 50.0


@dataclass(frozen=True)
class BreathSigns:
    """What trachea and lung tell of the breath.

    Parameters
    ----------
    bow : float or None
        Median bow of the posterior tracheal wall over the width of the lumen: positive backward. None where it cannot
        be seen.
    front_hu, step_hu : float or None
        Density of the lung in front and how much denser it is behind, HU.
    """

    bow: float | None
    front_hu: float | None
    step_hu: float | None

    @property
    def shallow(self) -> bool | None:
        """True for a shallow breath, False for a full one, None where the signs do not tell or contradict."""
        if self.bow is not None and self.bow < BOWED_IN:
            return True
        if self.front_hu is None or self.step_hu is None:
            return None
        # A stiff chest wall makes the lung as dense and as steep as a shallow breath does: density alone never tells
        # a shallow breath, it only tells a full one.
        dense, steep = self.front_hu > DENSE_FRONT_HU, self.step_hu > STEEP_HU
        full = not (dense and steep) if self.bow is not None and self.bow > BOWED_OUT else not (dense or steep)
        return False if full else None


def judge_breath(
    volume: CTVolume, lungs: LabelMap, scan: CoarseScan, *, predicted_tlc_l: float | None = None
) -> Verdict:
    """Judge whether the scan was taken at full inspiration.

    Parameters
    ----------
    volume : CTVolume
        The scan at its own resolution, for the trachea.
    lungs : LabelMap
        1 right, 2 left, on its grid.
    scan : CoarseScan
        The same on the coarse grid.
    predicted_tlc_l : float, optional
        Predicted total lung capacity, L.

    Returns
    -------
    Verdict
        ``breath``: small lungs warn if the signs speak for a shallow breath or do not tell; they pass, and are called
        restricted, if the breath was full. A posterior tracheal wall that bows inward warns whatever the volume.
    """
    signs, litres = breath_signs(volume, scan), lungs.volume_l()
    least = SMALL_L if predicted_tlc_l is None else SMALL_SHARE * predicted_tlc_l
    rule = "sex, age or height unknown" if predicted_tlc_l is None else f"{100 * SMALL_SHARE:g} % of the predicted TLC"
    limit = f"at least {least:.1f} L ({rule}), tracheal wall not bowed inward"
    value = f"{litres:.2f} L; {_words(signs)}"
    inward = signs.bow is not None and signs.bow < BOWED_IN
    if litres >= least and not inward:
        return Verdict("breath", Outcome.PASS, value, limit, "Nothing speaks for a shallow breath")
    if signs.shallow is False:
        meaning = "Small lungs at what looks like a full breath: restriction rather than poor breath"
        return Verdict("breath", Outcome.PASS, value, limit, meaning)
    if signs.shallow:
        return Verdict(
            "breath",
            Outcome.WARN,
            value,
            limit,
            "A shallow breath: volumes and estimates are too small, and the lung looks denser than it is",
            "Repeat the scan at full inspiration if it can be repeated; do not read the numbers as disease",
        )
    return Verdict(
        "breath",
        Outcome.WARN,
        value,
        limit,
        "The lungs are small, and whether by a shallow breath or by disease cannot be told",
        "Ask how the patient breathed before reading the numbers as disease",
    )


def breath_signs(volume: CTVolume, scan: CoarseScan) -> BreathSigns:
    """Look for the signs of the breath."""
    front, step = dependent_density(scan)
    return BreathSigns(tracheal_bow(volume, scan), front, step)


def dependent_density(scan: CoarseScan) -> tuple[float | None, float | None]:
    """Measure how dense the lung is in front, and how much denser behind, in the supine patient.

    Returns
    -------
    front, step : float or None
        25th percentile in the front third, and the back quarter's minus it, HU.
    """
    band = slice(scan.level(BAND[0]), scan.level(BAND[1]) + 1)
    core = erode(scan.mask, 6.0, scan.spacing)[band]
    rows = np.nonzero(core)[1]
    if len(rows) < 200:
        return None, None
    low, high = np.quantile(rows, (0.02, 0.98))
    hu = ndimage.median_filter(scan.hu[band], 3)
    depth = ((np.arange(core.shape[1]) - low) / max(high - low, 1.0))[None, :, None]
    in_front, behind = hu[core & (depth < 0.33)], hu[core & (depth > 0.75)]
    if min(len(in_front), len(behind)) < 50:
        return None, None
    front = float(np.percentile(in_front, 25))
    return front, float(np.percentile(behind, 25)) - front


def tracheal_bow(volume: CTVolume, scan: CoarseScan) -> float | None:
    """Measure the bow of the posterior tracheal wall over the lumen's width: 0.1 if round, 0 if flat.

    Taken where the trachea is one lumen, 15 mm and more above the carina; the median of all slices.

    Returns
    -------
    float or None
        None where pixels are too coarse or fewer than three slices show the lumen.
    """
    canonical = to_canonical(volume)
    geometry = canonical.geometry
    slices = np.flatnonzero(scan.lumen.any(axis=(1, 2)))
    if max(geometry.spacing[1:]) > FINEST_MM or not len(slices):
        return None
    ratio = np.asarray(scan.spacing) / np.asarray(geometry.spacing)
    middle, coarse_middle = ((np.asarray(shape) - 1) / 2 for shape in (geometry.shape, scan.hu.shape))
    bows, carina = [], None
    for z in slices:
        spot = scan.lumen[z]
        if ndimage.label(spot)[1] != 1 or spot.sum() * scan.spacing[1] * scan.spacing[2] > 2 * LUMEN_MM2[1]:
            continue
        carina = int(z) if carina is None else carina
        if (z - carina) * scan.spacing[0] < ABOVE_CARINA_MM:
            continue
        # The coarse grid has the same centre as the native one.
        y, x = (float(np.mean(i)) for i in np.nonzero(spot))
        native = (np.asarray((z, y, x)) - coarse_middle) * ratio + middle
        k, j, i = (int(n) for n in np.clip(np.rint(native), 0, np.asarray(geometry.shape) - 1))
        bow = _bow_of(canonical.hu[k], (j, i), geometry.spacing)
        if bow is not None:
            bows.append(bow)
    return float(np.median(bows)) if len(bows) >= LEAST_LEVELS else None


def _bow_of(plane: Float64Array, centre: tuple[int, int], spacing: Vector3) -> float | None:
    """Bow of the back of the lumen at one level, over its width."""
    reach = int(20.0 / max(spacing[1:]))
    (y, x), factor = centre, max(1, round(max(spacing[1:]) / UPSAMPLED_MM))
    window = plane[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
    pieces, _ = ndimage.label(ndimage.zoom(window, factor, order=1) < WALL_HU)
    label = pieces[(y - max(0, y - reach)) * factor, (x - max(0, x - reach)) * factor]
    lumen: BoolArray = np.asarray(pieces == label)
    height, width = spacing[1] / factor, spacing[2] / factor
    area = float(np.count_nonzero(lumen)) * height * width
    if label == 0 or not LUMEN_MM2[0] < area < LUMEN_MM2[1]:
        return None
    columns = np.flatnonzero(lumen.any(axis=0))
    back = (lumen.shape[0] - 1 - np.argmax(lumen[::-1, columns], axis=0)) * height
    across = np.abs(np.linspace(-1.0, 1.0, len(columns)))
    middle, shoulders = back[across < 0.2], back[(across > 0.5) & (across < 0.7)]
    if not len(middle) or not len(shoulders):
        return None
    return float(middle.mean() - shoulders.mean()) / (len(columns) * width)


def _words(signs: BreathSigns) -> str:
    if signs.bow is None:
        wall = "trachea not told"
    elif signs.bow < BOWED_IN:
        wall = "back wall of the trachea bowed inward"
    else:
        wall = f"back wall of the trachea bowed {'outward' if signs.bow > BOWED_OUT else 'little'}"
    if signs.front_hu is None or signs.step_hu is None:
        return wall
    return f"{wall}, lung {signs.front_hu:.0f} HU in front and {signs.step_hu:+.0f} HU behind"
