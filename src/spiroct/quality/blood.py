"""Blood: the density of the descending aorta tells contrast and the calibration of soft tissue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from spiroct.quality.coarse import CoarseScan
from spiroct.types import BoolArray, Float32Array

RADIUS_MM, HEIGHT_MM = 7.0, 24.0  # a cylinder that fits into any adult aorta
BELOW_CARINA_MM = (15.0, 75.0)
# The descending aorta lies behind and to the left of the carina; what else is blood there (left atrium, veins)
# serves as well.
BEHIND_MM, ASIDE_MM = (-2.0, 55.0), (-12.0, 50.0)
CARINA_SHARE = 0.62  # of the lungs' height, where no trachea was found
BLOOD_HU = (-20.0, 650.0)
MOST_SD_HU = 45.0  # marrow, or a cylinder half outside a vessel


@dataclass(frozen=True)
class Blood:
    """Where blood was measured and what was found.

    Parameters
    ----------
    hu, sd : float
        Mean and SD in the cylinder, HU.
    place : tuple of int
        Its centre on the coarse grid (z, y, x).
    """

    hu: float
    sd: float
    place: tuple[int, int, int]


def find_blood(scan: CoarseScan) -> Blood | None:
    """Measure the blood in the descending aorta, or next to it.

    Among all upright cylinders of 14 mm diameter and 24 mm height below the carina, between the lungs and where the
    aorta usually lies, the most even one is taken: neither vertebrae nor oesophagus are as even as blood.

    Parameters
    ----------
    scan : CoarseScan
        The scan and its lungs.

    Returns
    -------
    Blood or None
        None where nothing even was found.
    """
    carina, y, x = carina_of(scan)
    top = carina - round(BELOW_CARINA_MM[0] / scan.spacing[0])
    bottom = max(scan.level(0.0), carina - round(BELOW_CARINA_MM[1] / scan.spacing[0]))
    if top <= bottom:
        return None
    margin = int(np.ceil(HEIGHT_MM / 2 / scan.spacing[0])) + 1
    start, stop = max(0, bottom - margin), min(scan.hu.shape[0], top + margin)
    disc = _disc(scan)
    height = max(1, round(HEIGHT_MM / scan.spacing[0]))
    clipped = np.clip(scan.hu[start:stop], -300.0, 700.0)
    mean = _over_cylinder(clipped, disc, height)
    spread = np.sqrt(np.maximum(_over_cylinder(clipped**2, disc, height) - mean**2, 0.0))
    allowed = ndimage.binary_erosion(_between_the_lungs(scan.mask[start:stop]), disc[None])
    allowed &= (mean > BLOOD_HU[0]) & (mean < BLOOD_HU[1]) & (spread < MOST_SD_HU)
    allowed[: bottom - start], allowed[top - start :] = False, False
    allowed &= _near(allowed.shape, (y, x), scan)
    if not allowed.any():
        return None
    place = np.unravel_index(int(np.argmin(np.where(allowed, spread, np.inf))), spread.shape)
    return Blood(float(mean[place]), float(spread[place]), (int(place[0]) + start, int(place[1]), int(place[2])))


def carina_of(scan: CoarseScan) -> tuple[int, float, float]:
    """Find where the trachea ends: the last slice, from the head, in which its lumen is one piece; else a guess."""
    slices = np.flatnonzero(scan.lumen.any(axis=(1, 2)))
    if not len(slices):
        rows = np.nonzero(scan.mask[scan.level(CARINA_SHARE)])[0]
        middle = float(np.median(rows)) if len(rows) else scan.mask.shape[1] / 2
        return scan.level(CARINA_SHARE), middle, scan.middle
    carina = int(slices[-1])
    for z in slices[::-1]:
        pieces, count = ndimage.label(scan.lumen[z])
        areas = np.bincount(pieces.ravel(), minlength=count + 1)[1:] * scan.spacing[1] * scan.spacing[2]
        if np.count_nonzero(areas > 30.0) > 1:
            break
        carina = int(z)
    y, x = (float(np.mean(i)) for i in np.nonzero(scan.lumen[carina]))
    return carina, y, x


def _disc(scan: CoarseScan) -> BoolArray:
    reach_y, reach_x = (int(RADIUS_MM / s) + 1 for s in scan.spacing[1:])
    y, x = np.mgrid[-reach_y : reach_y + 1, -reach_x : reach_x + 1]
    return np.asarray(np.hypot(y * scan.spacing[1], x * scan.spacing[2]) <= RADIUS_MM)


def _over_cylinder(values: Float32Array, disc: BoolArray, height: int) -> Float32Array:
    """Mean of an array over a cylinder about each voxel."""
    slabs = ndimage.uniform_filter1d(values, height, axis=0)
    weights = (disc / disc.sum()).astype(np.float32)
    averaged: Float32Array = ndimage.convolve(slabs, weights[None])
    return averaged


def _between_the_lungs(lungs: BoolArray) -> BoolArray:
    """Mark what lies between the right and the left lung of the same row."""
    columns = np.flatnonzero(lungs.any(axis=(0, 1)))
    if not len(columns):
        return np.zeros_like(lungs)
    middle = int(columns[0] + columns[-1]) // 2
    right, left = lungs[:, :, :middle], lungs[:, :, middle:]
    start = middle - np.argmax(right[:, :, ::-1], axis=2)
    stop = middle + np.argmax(left, axis=2)
    both: BoolArray = np.asarray(right.any(axis=2) & left.any(axis=2))
    x = np.arange(lungs.shape[2])
    between: BoolArray = both[..., None] & (x >= start[..., None]) & (x < stop[..., None])
    return between


def _near(shape: tuple[int, ...], carina: tuple[float, float], scan: CoarseScan) -> BoolArray:
    y = (np.arange(shape[1]) - carina[0]) * scan.spacing[1]
    x = (np.arange(shape[2]) - carina[1]) * scan.spacing[2]
    rows = (y >= BEHIND_MM[0]) & (y <= BEHIND_MM[1])
    columns = (x >= ASIDE_MM[0]) & (x <= ASIDE_MM[1])
    return np.broadcast_to((rows[:, None] & columns[None, :])[None], shape)
