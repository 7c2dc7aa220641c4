"""What the scanner does to the image: point spread, noise, field of view, padding and calibration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

from spiroct.phantom.patient import PhantomPatient
from spiroct.types import Float32Array, Float64Array, Int16Array


@dataclass(frozen=True)
class Kernel:
    """A reconstruction kernel.

    Parameters
    ----------
    blur_mm : float
        SD of the in-plane point spread: 0.187 / f50 for a Gaussian whose MTF is one half at f50 (lp/mm).
    boost, boost_mm : float
        Edge enhancement: strength and width of the unsharp mask.
    noise_peak : float
        Spatial frequency (lp/mm) where the noise power peaks.
    noise_rise : float
        How steeply the power rises to it: f^rise * exp(-rise / 2 * (f / peak)^2), the ramp of filtered
        back-projection times a roll-off (Riederer 1978, Phys Med Biol 23:446); fitted by eye to both kernels of
        Lung-PET-CT-Dx A0001.
    """

    blur_mm: float
    boost: float
    boost_mm: float
    noise_peak: float
    noise_rise: float


# f50 of about 0.33 (soft tissue), 0.42 (standard), 0.7 lp/mm (lung, with overshoot)
KERNELS = {
    "soft": Kernel(0.56, 0.0, 1.0, 0.15, 1.0),
    "standard": Kernel(0.44, 0.12, 1.1, 0.26, 1.2),
    "sharp": Kernel(0.28, 0.55, 0.9, 0.47, 2.0),
}


def blurred(hounsfield: Float32Array, spacing: Float64Array, patient: PhantomPatient) -> Float32Array:
    """Apply the point spread of kernel and slice thickness; widths below a quarter voxel are skipped."""
    kernel = KERNELS[patient.kernel]
    thick = max(patient.slice_thickness_mm**2 - spacing[0] ** 2, 0.0) ** 0.5 / np.sqrt(12)
    image = _gaussian(hounsfield, (thick, kernel.blur_mm, kernel.blur_mm), spacing)
    if kernel.boost > 0:
        wide = _gaussian(image, (0.0, kernel.boost_mm, kernel.boost_mm), spacing)
        image = image + np.float32(kernel.boost) * (image - wide)
    return image


def _gaussian(image: Float32Array, sigma_mm: tuple[float, float, float], spacing: Float64Array) -> Float32Array:
    for axis, sigma in enumerate(sigma_mm):
        if sigma / spacing[axis] >= 0.25:
            image = ndimage.gaussian_filter1d(image, sigma / spacing[axis], axis=axis, mode="nearest", truncate=3.0)
    return image


def noise(shape: tuple[int, ...], spacing: Float64Array, patient: PhantomPatient) -> Float32Array:
    """Draw correlated noise with the SD that the record's native noise leaves on this grid, HU.

    The record gives the SD at the native grid; a coarser grid averages over its voxels, which costs a sharp
    kernel's high-frequency noise most.
    """
    kernel = KERNELS[patient.kernel]
    fy = np.fft.fftfreq(shape[1], spacing[1])
    fx = np.fft.rfftfreq(shape[2], spacing[2])
    f = np.hypot(fy[:, None], fx[None, :])
    power = _power(f, kernel) * (np.sinc(fy * spacing[1])[:, None] * np.sinc(fx * spacing[2])[None, :]) ** 2
    filter_ = np.sqrt(power).astype(np.float32)
    rng = np.random.default_rng((patient.noise_seed, 5))
    white = rng.standard_normal(shape, dtype=np.float32)
    spectrum = fft.rfft2(white, axes=(1, 2))
    spectrum *= filter_
    coloured = fft.irfft2(spectrum, s=shape[1:], axes=(1, 2)).astype(np.float32)
    coloured *= np.float32(noise_sd(spacing, patient) / max(float(coloured.std()), 1e-6))
    result: Float32Array = coloured
    return result


def _power(f: Float64Array, kernel: Kernel) -> Float64Array:
    power: Float64Array = f**kernel.noise_rise * np.exp(-kernel.noise_rise / 2 * (f / kernel.noise_peak) ** 2)
    return power


def noise_sd(spacing: Float64Array, patient: PhantomPatient) -> float:
    """SD of the noise on a grid, HU, from its SD on the native grid."""
    kernel = KERNELS[patient.kernel]
    axis = np.linspace(-2.5, 2.5, 161)  # lp/mm
    f = np.hypot(axis[:, None], axis[None, :])
    power = _power(f, kernel)
    native = np.abs(axis) <= 0.5 / patient.spacing_mm
    kept = (np.sinc(axis * spacing[1])[:, None] * np.sinc(axis * spacing[2])[None, :]) ** 2
    ratio = (power * kept).sum() / max(float(power[np.ix_(native, native)].sum()), 1e-12)
    slices = min(1.0, patient.slice_thickness_mm / spacing[0])
    return float(patient.noise_hu * np.sqrt(min(ratio, 1.0) * slices))


def scanned(
    hounsfield: Float32Array, spacing: Float64Array, patient: PhantomPatient, shadow: Float64Array
) -> Int16Array:
    """Turn true HU into the scanner's image: blur, noise, calibration, padding, rounding.

    Parameters
    ----------
    hounsfield : array (n_z, n_y, n_x)
        True HU on the output grid.
    spacing : array (3,)
        mm.
    patient : PhantomPatient
    shadow : array (n_z,)
        Factor on the noise of each slice: shoulders attenuate more.
    """
    image = blurred(hounsfield, spacing, patient)
    if patient.noise_hu > 0:
        image = image + noise(image.shape, spacing, patient) * shadow.astype(np.float32)[:, None, None]
    # the HU scale is anchored at -1000 in air, so that a wrong slope shows in soft tissue
    image = (image + 1000.0) * np.float32(patient.calibration_slope) - np.float32(
        1000.0 - patient.calibration_offset_hu
    )
    shown: Int16Array = np.clip(np.rint(image), -1024, 3071).astype(np.int16)
    if patient.padding_hu is not None:
        ny, nx = shown.shape[1:]
        y = (np.arange(ny) - (ny - 1) / 2) * spacing[1]
        x = (np.arange(nx) - (nx - 1) / 2) * spacing[2]
        outside = np.hypot(y[:, None], x[None, :]) > 0.5 * min(ny * spacing[1], nx * spacing[2])
        shown[:, outside] = int(patient.padding_hu)
    return shown
