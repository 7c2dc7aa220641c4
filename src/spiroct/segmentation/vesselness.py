"""Multi-scale vesselness in millimetres and HU: strain energy after Xiao 2011, or Frangi 1998."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy import ndimage

from spiroct.types import BoolArray, Float32Array, Vector3

SCALES_MM = (0.75, 1.1, 1.6, 2.4, 3.6)
LEAST_SCALE_VOXELS = 0.6  # finer than this, differences on the grid no longer measure a second derivative
_CHUNK = 1_000_000
_FULL_WEIGHT = 1e-3

# Constants of the strain-energy filter (Xiao 2011, Med Image Anal 15:112); the values are our choice, seen to work.
STEP_EDGE = 0.3  # beta: how strongly step edges are suppressed
SHARPNESS = 0.8  # kappa: how sharply the suppression sets in
POISSON = 0.0  # nu: no preference for a shape


def vesselness(
    hu: Float32Array,
    mask: BoolArray,
    spacing: Vector3,
    *,
    method: str = "strain-energy",
    scales_mm: tuple[float, ...] = SCALES_MM,
    bright: bool = True,
) -> Float32Array:
    """Measure how much each voxel of a mask looks like part of a tube.

    The response is the largest over the scales of ``sigma**2`` times a function of the eigenvalues of the Hessian.
    It is scaled so that the axis of a bright line with a Gaussian profile of the height c HU gets c at the best
    scale: it is a contrast in HU. What lies outside the mask has no say (normalised convolution), so
    that pleura and chest wall make no ridges.

    Parameters
    ----------
    hu : array (z, y, x)
        Hounsfield units.
    mask : array (z, y, x)
        Where vesselness is wanted, such as the lungs.
    spacing : tuple of float
        Millimetres along (z, y, x); they may differ.
    method : {"strain-energy", "frangi"}
        Xiao 2011 (Med Image Anal 15:112) or Frangi 1998 (MICCAI, LNCS 1496:130).
    scales_mm : tuple of float
        Standard deviations of the Gaussians; those below ``LEAST_SCALE_VOXELS`` are raised to it.
    bright : bool
        Bright tubes (vessels), or else dark ones (bronchi).

    Returns
    -------
    array (z, y, x), float32
        HU, not negative; 0 outside the mask.

    Raises
    ------
    ValueError
        If the method is not known.
    """
    if method not in RESPONSES:
        raise ValueError(f"vesselness {method!r} is not one of {', '.join(RESPONSES)}")
    result = np.zeros(hu.shape, np.float32)
    inner = np.zeros(mask.shape, bool)
    inner[1:-1, 1:-1, 1:-1] = mask[1:-1, 1:-1, 1:-1]  # differences need neighbours
    wanted = np.flatnonzero(inner)
    flat = result.reshape(-1)
    least = LEAST_SCALE_VOXELS * min(spacing)
    for sigma in sorted({max(s, least) for s in scales_mm}):
        smooth = smoothed(hu if bright else -hu, mask, sigma, spacing)
        for place in _chunks(wanted):
            gradient, eigenvalues = _derivatives(smooth, place, sigma, spacing)
            flat[place] = np.maximum(flat[place], RESPONSES[method](gradient, *eigenvalues))
    return result


def smoothed(values: Float32Array, mask: BoolArray, sigma_mm: float, spacing: Vector3) -> Float32Array:
    """Gaussian mean (z, y, x) of what lies inside a mask; far outside it, the mean of the mask."""
    sigma = [sigma_mm / s for s in spacing]
    mean = float(values[mask].mean()) if mask.any() else 0.0
    kept = np.where(mask, values - np.float32(mean), np.float32(0))
    above = ndimage.gaussian_filter(kept, sigma, mode="nearest", truncate=3.5, output=np.float32)
    below = ndimage.gaussian_filter(mask.astype(np.float32), sigma, mode="nearest", truncate=3.5)
    np.maximum(below, _FULL_WEIGHT, out=below)
    above /= below
    mended: Float32Array = above + np.float32(mean)
    return mended


def symmetric_eigenvalues(
    zz: Float32Array, yy: Float32Array, xx: Float32Array, zy: Float32Array, zx: Float32Array, yx: Float32Array
) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Eigenvalues of symmetric 3 x 3 matrices in closed form, the smallest first (Smith 1961, Commun ACM 4:168).

    Parameters
    ----------
    zz, yy, xx, zy, zx, yx : array (n,)
        The six different elements.

    Returns
    -------
    tuple of three arrays (n,)
    """
    mean = (zz + yy + xx) / np.float32(3)
    a, b, c = zz - mean, yy - mean, xx - mean
    off = zy * zy + zx * zx + yx * yx
    radius = np.sqrt((a * a + b * b + c * c + 2 * off) / 6)
    determinant = a * (b * c - yx * yx) - zy * (zy * c - yx * zx) + zx * (zy * yx - b * zx)
    cube = np.maximum(radius**3, np.finfo(np.float32).tiny)
    angle = np.arccos(np.clip(determinant / (2 * cube), -1, 1)) / 3
    high = mean + 2 * radius * np.cos(angle)
    low = mean + 2 * radius * np.cos(angle + np.float32(2 * np.pi / 3))
    return low, 3 * mean - high - low, high


def strain_energy(gradient: Float32Array, low: Float32Array, middle: Float32Array, high: Float32Array) -> Float32Array:
    """Shape-tuned strain energy of bright tubes (Xiao 2011), scaled to the contrast of a Gaussian line.

    The Hessian is read as a stress. Its isotropic part says bright or dark, its deviator how unlike a ball
    (the anisotropy: 0 for a ball, 1 for a tube, more for a sheet), and the deviator's mode parts tubes from sheets.

    Parameters
    ----------
    gradient : array (n,)
        Magnitude of the gradient times sigma, HU.
    low, middle, high : array (n,)
        Eigenvalues of the Hessian times sigma squared, HU, in rising order.
    """
    tiny = np.float32(1e-6)
    mean = (low + middle + high) / np.float32(3)
    d = (low - mean, middle - mean, high - mean)
    deviator = d[0] ** 2 + d[1] ** 2 + d[2] ** 2
    isotropic = 3 * mean**2
    energy = np.sqrt((1 - 2 * POISSON) * isotropic + (1 + POISSON) * deviator)
    anisotropy = np.sqrt(3 * deviator / np.maximum(isotropic + deviator, tiny))
    # sqrt(2) * mean cube over (mean square)**1.5, which is 3 sqrt(6) det of the unit deviator
    mode = np.sqrt(np.float32(6)) * (d[0] ** 3 + d[1] ** 3 + d[2] ** 3) / np.maximum(deviator, tiny) ** 1.5
    tube = np.clip((mode + 1) / 2, 0, 1)
    shape = np.where(anisotropy > 1, tube**SHARPNESS, anisotropy ** (SHARPNESS / 2))
    largest = np.maximum(np.maximum(np.abs(low), np.abs(high)), tiny)
    inner = np.exp(-STEP_EDGE * gradient / largest)
    response: Float32Array = np.where(mean < 0, 4 / np.sqrt(np.float32(2)) * energy * shape * inner, 0)
    return response


def frangi(gradient: Float32Array, low: Float32Array, middle: Float32Array, high: Float32Array) -> Float32Array:
    """Vesselness of bright tubes (Frangi 1998, alpha = beta = 0.5), times the strength of the Hessian.

    In place of its term 1 - exp(-S^2 / 2 c^2), whose c depends on the image, stands the strength S itself, scaled to
    the contrast of a Gaussian line, so that responses are comparable between scans.

    Parameters
    ----------
    gradient : array (n,)
        Not used; the same arguments as :func:`strain_energy`.
    low, middle, high : array (n,)
        Eigenvalues of the Hessian times sigma squared, HU, in rising order.
    """
    del gradient
    tiny = np.float32(1e-6)
    stacked = np.stack([low, middle, high])
    order = np.argsort(np.abs(stacked), axis=0)
    small, medium, large = np.take_along_axis(stacked, order, axis=0)
    sheet = np.abs(medium) / np.maximum(np.abs(large), tiny)
    blob = np.abs(small) / np.maximum(np.sqrt(np.abs(medium * large)), tiny)
    strength = 4 / np.sqrt(np.float32(2)) * np.sqrt(small**2 + medium**2 + large**2)
    shape = (1 - np.exp(-2 * sheet**2)) / (1 - np.exp(np.float32(-2))) * np.exp(-2 * blob**2)
    response: Float32Array = np.where((medium < 0) & (large < 0), strength * shape, 0)
    return response


RESPONSES: dict[str, Callable[[Float32Array, Float32Array, Float32Array, Float32Array], Float32Array]] = {
    "strain-energy": strain_energy,
    "frangi": frangi,
}


def _chunks(wanted: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Iterator[np.ndarray[tuple[int], np.dtype[np.intp]]]:
    for first in range(0, len(wanted), _CHUNK):
        yield wanted[first : first + _CHUNK]


def _derivatives(
    smooth: Float32Array, place: np.ndarray[tuple[int], np.dtype[np.intp]], sigma: float, spacing: Vector3
) -> tuple[Float32Array, tuple[Float32Array, Float32Array, Float32Array]]:
    """Gradient magnitude times sigma, and eigenvalues of the Hessian times sigma squared, at flat indices.

    Differences of neighbours on the smoothed grid are the derivatives of discrete scale space (Lindeberg 1993).
    """
    flat = smooth.reshape(-1)
    steps = (smooth.shape[1] * smooth.shape[2], smooth.shape[2], 1)
    centre = flat[place]
    slope = np.zeros(len(place), np.float32)
    second = []
    for step, size in zip(steps, spacing, strict=True):
        ahead, behind = flat[place + step], flat[place - step]
        slope += ((ahead - behind) * np.float32(sigma / (2 * size))) ** 2
        second.append((ahead - 2 * centre + behind) * np.float32((sigma / size) ** 2))
    for one, other in ((0, 1), (0, 2), (1, 2)):
        a, b = steps[one], steps[other]
        mixed = flat[place + a + b] - flat[place + a - b] - flat[place - a + b] + flat[place - a - b]
        second.append(mixed * np.float32(sigma**2 / (4 * spacing[one] * spacing[other])))
    return np.sqrt(slope), symmetric_eigenvalues(*second)
