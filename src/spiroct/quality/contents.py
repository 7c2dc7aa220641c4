"""What the voxels say of the scan: air and blood on the HU scale, contrast, and lung at the edge of the image."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from spiroct.imaging.acquisition import Acquisition
from spiroct.quality.acquisition import TrainingDomain
from spiroct.quality.blood import Blood, find_blood
from spiroct.quality.coarse import CoarseScan
from spiroct.quality.verdict import Outcome, Verdict
from spiroct.types import BoolArray, Float32Array

AIR_HU = (-1035.0, -945.0)  # what is called air is darker than -900, so partial volume brightens it on coarse grids
BLOOD_HU = (20.0, 80.0)  # unenhanced, from severe anaemia to polycythaemia
EDGE_FAILS_CM2, EDGE_WARNS_CM2 = 10.0, 1.0
EDGE_LUNG_HU = (-940.0, -500.0)
EDGE_DEEP_MM, EDGE_ROW_MM, EDGE_WALL_MM = 12.0, 40.0, 6.0


def judge_contents(scan: CoarseScan, facts: Acquisition, domain: TrainingDomain | None = None) -> tuple[Verdict, ...]:
    """Judge calibration, contrast and field of view by what the scan shows.

    Parameters
    ----------
    scan : CoarseScan
        The scan and its lungs.
    facts : Acquisition
        What the header says.
    domain : TrainingDomain, optional
        What the checkpoint was trained on.

    Returns
    -------
    tuple of Verdict
        ``air_calibration``: median of the air around the body and in the trachea; air is -1000 HU by definition, and
        scanners are kept within a few HU of it (AAPM report 39, 1993). ``contrast`` and ``blood_calibration``: the
        density of the aorta. ``lungs_cut_at_side``: lung at the edge of the field of view, whether the mask holds it
        or not: a mask that needs a closed chest loses all lung of a slice whose chest is open.
    """
    blood = find_blood(scan)
    return (_air(scan), *_blood(blood), _contrast(blood, facts), *_contrast_seen(blood, facts, domain), _edge(scan))


def air_hu(scan: CoarseScan) -> float | None:
    """Median HU of the air around the body and deep in the trachea; None where there is none.

    Padding is left out: it is constant, and says nothing of the scanner.
    """
    around = ~scan.body & (scan.hu < -900.0) & ~_padding(scan)[None]
    air = scan.hu[around | (scan.lumen & (scan.hu < -900.0))]
    return float(np.median(air)) if len(air) > 20 else None


def lung_at_edge_cm2(scan: CoarseScan) -> float:
    """Area of lung that touches the edge of the field of view, cm2.

    Looked for in the image and not in the mask: voxels of lung density at the edge of the image or of the
    reconstructed circle, that are part of a stretch at least 12 mm wide, with tissue in the same row and chest wall at
    the same edge both in front and behind. Tables and blankets have none. A lung that is cut at the front or the back
    of the image alone is not found.
    """
    padding = _padding(scan)
    outside = np.pad(padding, 1, constant_values=True)
    edge: BoolArray = np.asarray(ndimage.binary_dilation(outside) & ~outside)[1:-1, 1:-1]
    smooth = _smooth_inside(scan, ~padding)
    lung = (smooth > EDGE_LUNG_HU[0]) & (smooth < EDGE_LUNG_HU[1]) & ~padding[None]
    tissue = (smooth > -150.0) & (smooth < 250.0)
    through_body = tissue.sum(axis=2) >= round(EDGE_ROW_MM / scan.spacing[2])
    touching = lung & edge[None] & through_body[..., None] & _between_walls(tissue & edge[None], scan)
    for z in np.flatnonzero(touching.any(axis=(1, 2))):
        touching[z] &= _wide(lung[z], scan)
    side = float(np.sqrt(scan.spacing[1] * scan.spacing[2]))
    return float(np.count_nonzero(touching)) * scan.spacing[0] * side / 100.0


def _wide(lung: BoolArray, scan: CoarseScan) -> BoolArray:
    """Keep what lies in a disc of the least width (an opening): the skin, half air on a coarse grid, does not."""
    in_plane = scan.spacing[1:]
    radius = max(EDGE_DEEP_MM / 2, 2 * max(in_plane))
    depth = ndimage.distance_transform_edt(np.pad(lung, 1, mode="edge"), sampling=in_plane)[1:-1, 1:-1]
    if not (depth > radius).any():
        return np.zeros_like(lung)
    wide: BoolArray = ndimage.distance_transform_edt(depth <= radius, sampling=in_plane) <= radius
    return wide


def _smooth_inside(scan: CoarseScan, inside: BoolArray) -> Float32Array:
    """Smooth as ``scan.smooth``, without letting the padding in."""
    weights = ndimage.gaussian_filter(np.broadcast_to(inside, scan.hu.shape).astype(np.float32), 0.7)
    smooth: Float32Array = ndimage.gaussian_filter(scan.hu * inside, 0.7) / np.maximum(weights, 1e-3)
    return smooth


def _between_walls(wall: BoolArray, scan: CoarseScan) -> BoolArray:
    """Mark rows of either side of the image that lie between two stretches of chest wall at its edge."""
    needed = max(3, round(EDGE_WALL_MM / scan.spacing[1]))  # one row is the front or the back of the image itself
    between = np.zeros_like(wall)
    middle = wall.shape[2] // 2
    for half in (np.s_[:, :, :middle], np.s_[:, :, middle:]):
        rows: BoolArray = np.asarray(wall[half].any(axis=2))
        in_front = np.cumsum(rows, axis=1) >= needed
        behind = np.cumsum(rows[:, ::-1], axis=1)[:, ::-1] >= needed
        between[half] = np.asarray(in_front & behind)[..., None]
    return between


def _padding(scan: CoarseScan) -> BoolArray:
    """Mark columns (y, x) of air that are the same in every slice: outside the reconstructed circle."""
    still = np.ptp(scan.hu, axis=0) < 0.5
    padding: BoolArray = still & (scan.hu[0] < -900.0)
    return padding


def _air(scan: CoarseScan) -> Verdict:
    check, limit, median = "air_calibration", f"{AIR_HU[0]:g} to {AIR_HU[1]:g} HU", air_hu(scan)
    if median is None:
        return Verdict(
            check,
            Outcome.WARN,
            None,
            limit,
            "Nothing in the scan is as dark as air, so its calibration cannot be checked",
            "Check that the rescale slope and intercept were applied",
        )
    if AIR_HU[0] <= median <= AIR_HU[1]:
        return Verdict(check, Outcome.PASS, f"{median:.0f} HU", limit, "Air reads as air")
    return Verdict(
        check,
        Outcome.WARN,
        f"{median:.0f} HU",
        limit,
        "Air does not read as -1000 HU: every density is shifted",
        "Check the rescale slope and intercept, or the scanner's calibration",
    )


def _blood(blood: Blood | None) -> tuple[Verdict, ...]:
    check, limit = "blood_calibration", f"{BLOOD_HU[0]:g} to {BLOOD_HU[1]:g} HU without contrast agent"
    if blood is None or blood.hu > BLOOD_HU[1]:  # nothing to judge; ``contrast`` says why
        return ()
    if blood.hu >= BLOOD_HU[0]:
        return (Verdict(check, Outcome.PASS, f"{blood.hu:.0f} HU", limit, "Blood reads as blood"),)
    return (
        Verdict(
            check,
            Outcome.WARN,
            f"{blood.hu:.0f} HU",
            limit,
            "Blood reads too low: severe anaemia, or the HU scale is off",
            "Check the rescale slope and intercept, or the scanner's calibration",
        ),
    )


def _contrast(blood: Blood | None, facts: Acquisition) -> Verdict:
    check, limit = "contrast", f"blood in the aorta at most {BLOOD_HU[1]:g} HU"
    named = f"the header names {facts.contrast}" if facts.contrast else "the header names none"
    if blood is None:
        return Verdict(
            check,
            Outcome.WARN,
            f"aorta not found; {named}",
            limit,
            "Whether contrast agent was given cannot be judged",
            "Look at the scan: contrast agent raises the density of vessels and lung",
        )
    value = f"aorta {blood.hu:.0f} HU; {named}"
    if blood.hu <= BLOOD_HU[1]:
        return Verdict(check, Outcome.PASS, value, limit, "The blood is not enhanced")
    return Verdict(
        check,
        Outcome.WARN,
        value,
        limit,
        "The blood is enhanced by contrast agent, which raises the density of vessels and lung, and lung mass",
        "Do not compare densities with scans without contrast agent",
    )


def _contrast_seen(blood: Blood | None, facts: Acquisition, domain: TrainingDomain | None) -> tuple[Verdict, ...]:
    given = blood.hu > BLOOD_HU[1] if blood is not None else bool(facts.contrast)
    if domain is None or domain.contrast is not False or not given:
        return ()
    return (
        Verdict(
            "contrast_in_training_domain",
            Outcome.WARN,
            "contrast agent" if blood is None else f"aorta {blood.hu:.0f} HU",
            "no contrast agent",
            "The checkpoint was trained without contrast agent, which brightens vessels and lung",
            "Read densities and estimates with more doubt",
        ),
    )


def _edge(scan: CoarseScan) -> Verdict:
    check, limit = "lungs_cut_at_side", f"at most {EDGE_WARNS_CM2:g} cm2 of lung at the edge of the field of view"
    area = lung_at_edge_cm2(scan)
    if area <= EDGE_WARNS_CM2:
        return Verdict(check, Outcome.PASS, f"{area:.1f} cm2", limit, "The field of view holds both lungs")
    fails = area > EDGE_FAILS_CM2
    return Verdict(
        check,
        Outcome.FAIL if fails else Outcome.WARN,
        f"{area:.1f} cm2",
        f"at most {EDGE_FAILS_CM2:g} cm2 of lung at the edge of the field of view" if fails else limit,
        "The field of view cuts the lungs, so volumes and estimates would be too small",
        "Use a reconstruction with a larger field of view",
    )
