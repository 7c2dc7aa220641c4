"""Wholeness: lung that a mask leaves out, holes in it, and what it took in that is no lung."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from spiroct.quality.coarse import CoarseScan
from spiroct.quality.verdict import Outcome, Verdict
from spiroct.segmentation.morphology import bounding_box, closed, dilate, erode, filled, filled_slices, opened
from spiroct.types import BoolArray

LUNG_HU = (-935.0, -600.0)  # aerated lung after smoothing; gas of the gut is darker, soft tissue brighter
WIDE_MM = 4.5  # half the width of what counts: skin, fissures and the rim of the lungs are thinner
SKIN_MM = 6.0
BEYOND_MM = 15.0  # above and below the mask
MISSED_SHARE, FAR_TOO_MUCH_MISSED = 0.05, 0.12
HOLE_MM2 = 2500.0
LEAST_HOLE_ML, HOLES_ML = 5.0, 15.0
GAS_HU = -920.0
GAS_ML = (2.0, 1500.0)
WALLED = 0.7  # share of a gas pocket's surroundings that is soft tissue: a bulla has lung around it
LEAK_ML, FAR_TOO_LEAKY_ML = 12.0, 100.0
SOLID_HU, SOLID_SHARE = -100.0, 0.05


def judge_wholeness(scan: CoarseScan) -> tuple[Verdict, ...]:
    """Judge whether the mask holds the lungs, all of them, and nothing else.

    Parameters
    ----------
    scan : CoarseScan
        The scan and its labels.

    Returns
    -------
    tuple of Verdict
        ``lung_left_out`` (aerated lung outside the mask: a lobe, a slice, a side), ``mask_holes``, ``mask_leak``
        (air of trachea, gut or room inside the mask) and ``solid_in_mask``.
    """
    return (_left_out(scan), _holes(scan), _leak(scan), _solid(scan))


def lung_left_out(scan: CoarseScan) -> BoolArray:
    """Find aerated lung outside the mask: wide pieces of lung density inside the chest."""
    aerated = (scan.smooth > LUNG_HU[0]) & (scan.smooth < LUNG_HU[1]) & ~scan.mask
    aerated &= erode(scan.body, SKIN_MM, scan.spacing) & ~dilate(scan.trunk, WIDE_MM, scan.spacing)
    # Nothing behind, in front of or far below the lungs: tables and stool have the density of lung, too.
    near = np.zeros_like(aerated)
    near[bounding_box(scan.mask, (round(BEYOND_MM / scan.spacing[0]), 0, scan.mask.shape[2]))] = True
    return opened(aerated & near, WIDE_MM, scan.spacing)


def mask_holes_ml(scan: CoarseScan) -> float:
    """Volume of what the mask encloses without holding it, mL: holes in slices and cavities, 5 mL at least each."""
    mask = scan.mask
    # The dome of the diaphragm is a larger hole of a slice.
    whole = filled(mask) | filled_slices(mask, HOLE_MM2 / (scan.spacing[1] * scan.spacing[2]))
    pieces, count = ndimage.label(whole & ~mask & ~scan.trunk)
    volumes = np.bincount(pieces.ravel(), minlength=count + 1)[1:] * scan.voxel_ml
    return float(volumes[volumes >= LEAST_HOLE_ML].sum())


def leaked(scan: CoarseScan) -> BoolArray:
    """Find air in the mask that is not the lungs': of trachea and main bronchi, of the gut, of the room."""
    foreign = scan.lumen | ~closed(scan.body, 2 * max(scan.spacing), scan.spacing)
    pockets, count = ndimage.label(scan.smooth < GAS_HU)
    sizes = np.bincount(pockets.ravel(), minlength=count + 1) * scan.voxel_ml
    for label, box in enumerate(ndimage.find_objects(pockets), start=1):
        if not GAS_ML[0] <= sizes[label] <= GAS_ML[1]:
            continue
        wide = tuple(slice(max(0, s.start - 4), s.stop + 4) for s in box)
        pocket = pockets[wide] == label
        if not (pocket & scan.mask[wide]).any():
            continue
        around = dilate(pocket, 9.0, scan.spacing) & ~dilate(pocket, 4.5, scan.spacing)
        if around.any() and float(np.mean(scan.smooth[wide][around] > -300.0)) > WALLED:
            foreign[wide] |= dilate(pocket, 3.0, scan.spacing)
    return foreign & scan.mask


def _left_out(scan: CoarseScan) -> Verdict:
    check, limit = "lung_left_out", f"at most {100 * MISSED_SHARE:g} % of the aerated lung outside the mask"
    missed, held = scan.litres(lung_left_out(scan)), scan.litres(scan.mask)
    share = missed / (missed + held)
    value = f"{100 * share:.1f} % ({missed:.2f} L)"
    if share <= MISSED_SHARE:
        return Verdict(check, Outcome.PASS, value, limit, "The mask holds the lungs")
    return Verdict(
        check,
        Outcome.FAIL if share > FAR_TOO_MUCH_MISSED else Outcome.WARN,
        value,
        limit if share <= FAR_TOO_MUCH_MISSED else f"at most {100 * FAR_TOO_MUCH_MISSED:g} %",
        "Aerated lung lies outside the mask, a lobe or more of it perhaps, so volumes and estimates would be too small",
        "Look at the mask; use another segmentation method or a corrected mask",
    )


def _holes(scan: CoarseScan) -> Verdict:
    check, limit, volume = "mask_holes", f"at most {HOLES_ML:g} mL of larger holes", mask_holes_ml(scan)
    if volume <= HOLES_ML:
        return Verdict(check, Outcome.PASS, f"{volume:.0f} mL", limit, "No larger holes in the mask")
    return Verdict(
        check,
        Outcome.WARN,
        f"{volume:.0f} mL",
        limit,
        "The mask has holes: a tumour or consolidation that was left out, or a mask that failed",
        "Look at the mask in the report before using any number",
    )


def _leak(scan: CoarseScan) -> Verdict:
    check, limit = "mask_leak", f"at most {LEAK_ML:g} mL of other air in the mask"
    volume = 1000.0 * scan.litres(leaked(scan))
    if volume <= LEAK_ML:
        return Verdict(check, Outcome.PASS, f"{volume:.0f} mL", limit, "The mask holds no air but the lungs'")
    far = volume > FAR_TOO_LEAKY_ML
    return Verdict(
        check,
        Outcome.FAIL if far else Outcome.WARN,
        f"{volume:.0f} mL",
        f"at most {FAR_TOO_LEAKY_ML:g} mL of other air in the mask" if far else limit,
        "The mask takes in air of the trachea, the gut or the room, so volume and low densities are too large",
        "Look at the mask; use another segmentation method or a corrected mask",
    )


def _solid(scan: CoarseScan) -> Verdict:
    check, limit = "solid_in_mask", f"at most {100 * SOLID_SHARE:g} % of the mask as dense as soft tissue"
    share = float(np.mean(scan.smooth[scan.mask] > SOLID_HU))
    if share <= SOLID_SHARE:
        return Verdict(check, Outcome.PASS, f"{100 * share:.1f} %", limit, "The mask is aerated")
    return Verdict(
        check,
        Outcome.WARN,
        f"{100 * share:.1f} %",
        limit,
        "Much of the mask is as dense as soft tissue: consolidation, effusion, tumour, or a mask that took in organs",
        "Look at the mask in the report before using any number",
    )
