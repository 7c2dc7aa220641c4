"""Laterality: whether right is right, told by the labels themselves, by the liver and by the heart."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from spiroct.quality.coarse import CoarseScan
from spiroct.quality.verdict import Outcome, Verdict
from spiroct.types import Float64Array

CHECK, LIMIT = "laterality", "right lung, liver on the right; left lung, heart on the left"
MISLABELLED = 0.10  # share of a lung's voxels that may lie on the other side's ground
ACROSS_MM = 25.0  # lungs reach this far across the midline, in front of the heart and behind the oesophagus
SOLID_HU = (-20.0, 250.0)
DEEP_MM = 18.0  # deeper inside solid tissue than in chest wall and diaphragm: liver, spleen, a full stomach
BASE_SHARE = 0.35  # of the lungs' height: above it, depth is heart
LEAST_ORGAN_ML = 40.0
LIVER_SIDED, HEART_SIDED_MM = 0.3, 6.0


def judge_laterality(scan: CoarseScan, *, one_sided: bool = False) -> Verdict:
    """Judge whether the lung called right lies on the right of the body.

    Three witnesses: on which side of the image each label lies; on which side of the body the deep solid tissue
    under the lungs lies (the liver is most of it); and to which side the heart leans. The labels alone tell that
    they are swapped; liver and heart tell that the whole scan is mirrored (or the patient has situs inversus).

    Parameters
    ----------
    scan : CoarseScan
        The scan and its labels.
    one_sided : bool
        True when a single lung is asked for: then a wrong or unknown side fails; otherwise it warns.

    Returns
    -------
    Verdict
        ``laterality``.
    """
    wrong = _on_the_wrong_side(scan)
    liver, top = liver_side(scan)
    heart = heart_lean_mm(scan, top)
    found = f"{_liver_words(liver)}, {_heart_words(heart)}"
    grave = Outcome.FAIL if one_sided else Outcome.WARN
    if wrong > MISLABELLED:
        return Verdict(
            CHECK,
            grave,
            f"{100 * wrong:.0f} % of a lung on the other side; {found}",
            f"at most {100 * MISLABELLED:g} % of a lung on the other side",
            "The mask calls left what is right, at least in part, so every number of one lung is wrong",
            "Use a mask with 1 = right and 2 = left, or segment the lungs anew",
        )
    if liver is not None and liver >= LIVER_SIDED:  # even if a collapsed lung pulls the heart across
        return _right_is_right(found)
    told, lean = _told(liver), heart or 0.0
    # A scan that ends above the liver shows the heart's apex in its place: then the two contradict each other.
    if lean < 0 if told else lean <= -HEART_SIDED_MM:
        return Verdict(
            CHECK,
            grave,
            found,
            LIMIT,
            "The scan is mirrored, or the patient has situs inversus: left and right lung change places",
            "Check the orientation in the file; convert the scan again from DICOM",
        )
    if not told and lean >= HEART_SIDED_MM:
        return _right_is_right(found)
    return Verdict(
        CHECK,
        grave,
        found,
        LIMIT,
        "Liver and heart do not tell the side, so a mirrored scan would go unnoticed",
        "Use a scan that shows the upper abdomen, or check the orientation by eye",
    )


def _right_is_right(found: str) -> Verdict:
    return Verdict(CHECK, Outcome.PASS, found, LIMIT, "Labels, liver and heart agree on which side is right")


def liver_side(scan: CoarseScan) -> tuple[float | None, int]:
    """Tell where the deep solid tissue at the level of the lung bases lies.

    Returns
    -------
    asymmetry : float or None
        (right - left) / (right + left) of its volume beside the midline: about +0.7 to +1 with the liver on the
        right; None where there is too little.
    top : int
        Slice of its upper end: above it there is no liver between the lungs.
    """
    first = scan.level(0.0)
    low, high = max(0, first - round(20.0 / scan.spacing[0])), scan.level(BASE_SHARE)
    part = np.s_[low : high + 1]
    smooth = scan.smooth[part]
    solid = (smooth > SOLID_HU[0]) & (smooth < SOLID_HU[1]) & scan.body[part] & ~scan.mask[part]
    # The last slices count as borders of the tissue: an organ cut by the scan is shallow there.
    deep = ndimage.distance_transform_edt(solid, sampling=scan.spacing) > DEEP_MM
    aside = (np.arange(solid.shape[2]) - scan.middle) * scan.spacing[2]
    deep &= np.abs(aside) > ACROSS_MM
    right, left = (float(np.count_nonzero(deep[..., beside])) * scan.voxel_ml for beside in (aside < 0, aside > 0))
    slices = np.flatnonzero(deep.any(axis=(1, 2)))
    top = low + int(slices[-1]) if len(slices) else first
    if right + left < LEAST_ORGAN_ML:
        return None, top
    return (right - left) / (right + left), top


def heart_lean_mm(scan: CoarseScan, above: int) -> float | None:
    """Measure how far to the left the gap between the lungs lies, above the liver.

    Returns
    -------
    float or None
        Mean distance of the gap's middle from the midline, mm, weighted by its width; positive to the left, where
        the heart leans; None where no slice has two lungs.
    """
    last = max(scan.level(0.55), above + int(0.2 * (scan.level(1.0) - scan.level(0.0))))
    lungs = scan.mask[above + 1 : last + 1]
    column = int(scan.middle)
    right, left = lungs[:, :, :column], lungs[:, :, column:]
    both = right.any(axis=2) & left.any(axis=2)
    start: Float64Array = column - np.argmax(right[:, :, ::-1], axis=2).astype(np.float64)
    stop: Float64Array = column + np.argmax(left, axis=2).astype(np.float64)
    width = np.where(both, stop - start, 0.0)
    if width.sum() <= 0:
        return None
    centre = (start + stop - 1) / 2
    return float(np.average(centre, weights=width) - scan.middle) * scan.spacing[2]


def _on_the_wrong_side(scan: CoarseScan) -> float:
    """Return the larger share of the two lungs that lies well beyond the midline."""
    aside = (np.arange(scan.lungs.shape[2]) - scan.middle) * scan.spacing[2]
    right = (scan.lungs == 1).sum(axis=(0, 1))
    left = (scan.lungs == 2).sum(axis=(0, 1))
    shares = [
        float(voxels[beyond].sum()) / float(voxels.sum())
        for voxels, beyond in ((right, aside > ACROSS_MM), (left, aside < -ACROSS_MM))
        if voxels.sum()
    ]
    return max(shares, default=0.0)


def _told(liver: float | None) -> bool:
    return liver is not None and abs(liver) >= LIVER_SIDED


def _liver_words(liver: float | None) -> str:
    if liver is None or abs(liver) < LIVER_SIDED:
        return "liver not told"
    return "liver on the right" if liver > 0 else "liver on the left"


def _heart_words(heart: float | None) -> str:
    if heart is None:
        return "heart not told"
    return f"heart {abs(heart):.0f} mm to the {'left' if heart >= 0 else 'right'}"
