"""The scanner: noise with the right SD and colour, blur that keeps the mean, padding and rounding."""

import numpy as np
import pytest

from spiroct.phantom.patient import PhantomPatient
from spiroct.phantom.scanner import KERNELS, blurred, noise, noise_sd, scanned


def patient(**causes):
    return PhantomPatient(patient_id="P", seed=0, index=0, **causes)


def test_noise_on_the_native_grid_has_its_recorded_sd():
    native = patient(kernel="standard", noise_hu=20.0, spacing_mm=0.7, slice_thickness_mm=1.0)
    assert noise_sd(np.array([1.0, 0.7, 0.7]), native) == pytest.approx(20, rel=0.25)  # less what voxels average
    shown = noise((6, 128, 128), np.array([1.0, 0.7, 0.7]), native)
    assert shown.std() == pytest.approx(noise_sd(np.array([1.0, 0.7, 0.7]), native), rel=0.02)
    assert abs(shown.mean()) < 0.5


def test_coarse_grids_average_noise_away_and_most_of_a_sharp_kernels():
    loss = {}
    for kernel in KERNELS:
        p = patient(kernel=kernel, noise_hu=30.0, slice_thickness_mm=1.0)
        fine, coarse = (noise_sd(np.full(3, s), p) for s in (1.0, 3.0))
        loss[kernel] = coarse / fine
        assert coarse < fine
    assert loss["sharp"] < loss["standard"] < loss["soft"]


def test_noise_spectrum_peaks_where_the_kernel_says():
    p = patient(kernel="soft", noise_hu=20.0)
    shown = noise((12, 200, 200), np.array([1.0, 0.6, 0.6]), p)
    power = (np.abs(np.fft.fft2(shown)) ** 2).mean(axis=0)
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(200, 0.6), np.fft.fftfreq(200, 0.6)))
    bins = np.arange(0, 0.8, 0.05)
    radial = [power[(f >= low) & (f < low + 0.05)].mean() for low in bins]
    assert bins[int(np.argmax(radial))] + 0.025 == pytest.approx(KERNELS["soft"].noise_peak, abs=0.06)


def test_noise_depends_on_its_seed_only():
    shape, spacing = (3, 32, 32), np.ones(3)
    one = noise(shape, spacing, patient(noise_seed=1))
    np.testing.assert_array_equal(one, noise(shape, spacing, patient(noise_seed=1, texture_seed=9)))
    assert not np.array_equal(one, noise(shape, spacing, patient(noise_seed=2)))


@pytest.mark.parametrize("kernel", sorted(KERNELS))
def test_blur_keeps_the_mean_and_widens_an_edge(kernel):
    image = np.full((5, 80, 80), -800.0, dtype=np.float32)
    image[:, :, 40:] = 50.0
    shown = blurred(image, np.full(3, 0.7), patient(kernel=kernel, slice_thickness_mm=1.0))
    assert shown.mean() == pytest.approx(image.mean(), abs=1)
    overshoot = shown.max() - 50.0
    assert (overshoot > 20) == (kernel == "sharp")


def test_sharp_edges_are_steeper_than_soft_ones():
    image = np.full((3, 60, 60), -800.0, dtype=np.float32)
    image[:, :, 30:] = 50.0
    steep = {k: np.diff(blurred(image, np.full(3, 0.7), patient(kernel=k))[1, 30]).max() for k in KERNELS}
    assert steep["sharp"] > steep["standard"] > steep["soft"]


def test_calibration_padding_and_rounding():
    image = np.zeros((2, 40, 40), dtype=np.float32)
    p = patient(
        noise_hu=0.0, calibration_offset_hu=5.0, calibration_slope=1.02, padding_hu=-2048.0, slice_thickness_mm=1.0
    )
    shown = scanned(image, np.ones(3), p, np.ones(2))
    assert shown.dtype == np.int16
    assert shown[0, 20, 20] == 25  # (0 + 1000) * 1.02 - 1000 + 5
    assert shown[0, 0, 0] == -2048
    assert np.count_nonzero(shown[0] == -2048) == pytest.approx(1600 - np.pi * 400, rel=0.1)
