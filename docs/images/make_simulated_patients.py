"""Draw the figures of docs/concepts/simulated-patients.md: simulated patients beside a real scan.

Run from the checkout: ``python docs/images/make_simulated_patients.py ../shared/data/ct``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
from scipy import ndimage

from spiroct.imaging.orientation import to_canonical
from spiroct.imaging.reading import read_ct
from spiroct.phantom.patient import PhantomPatient
from spiroct.phantom.physiology import draw_patient
from spiroct.phantom.render import Phantom, render
from spiroct.segmentation.lungs import segment_lungs

mpl.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent
WINDOW = {"cmap": "gray", "vmin": -1350, "vmax": 250}
SCAN = {"kernel": "standard", "noise_hu": 18.0, "slice_thickness_mm": 1.5, "padding_hu": None, "fov_mm": 350.0}


def patients() -> dict[str, PhantomPatient]:
    """One woman five times: each time with one cause changed."""
    base = draw_patient(1, 1).changed(ild_extent=0.0, vasculopathy=0.0, chest_wall_stiffness=0.2, **SCAN)
    return {
        "healthy": base,
        "ground glass": base.changed(ild_extent=0.35, ild_ground_glass=1.0),
        "fibrosis, honeycombing": base.changed(ild_extent=0.4, ild_ground_glass=0.2, ild_honeycombing=0.4),
        "emphysema": base.changed(emphysema=0.35),
        "pulmonary hypertension": base.changed(vasculopathy=3.0, pah=True),
    }


def real(folder: Path, name: str) -> tuple[np.ndarray, tuple[float, float, float], np.ndarray]:
    """Canonical HU, spacing and lung mask of a real scan."""
    volume = read_ct(folder / name)
    canonical, lungs = to_canonical(volume), to_canonical(segment_lungs(volume))
    return canonical.hu, canonical.geometry.spacing, lungs.labels


def planes(hu: np.ndarray, spacing: tuple[float, float, float], lungs: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """Axial planes at 40 and 68 % of the lungs' height from the top, and a coronal plane, with aspect."""
    z = np.flatnonzero(lungs.any(axis=(1, 2)))
    y = np.flatnonzero(lungs.any(axis=(0, 2)))
    levels = [int(z[-1] - share * (z[-1] - z[0])) for share in (0.40, 0.68)]
    middle = int(y[0] + 0.58 * (y[-1] - y[0]))
    return [(hu[k], 1.0) for k in levels] + [(hu[::-1, middle], spacing[0] / spacing[2])]


def draw_patients(folder: Path) -> None:
    """Panel of simulated patients with a real scan at the end."""
    columns = {}
    for title, patient in patients().items():
        phantom = render(patient, spacing=(1.5, 0.85, 0.85))
        columns[title] = planes(phantom.hu, phantom.spacing, phantom.labels["lungs"])
    columns["real: LIDC-IDRI-1011"] = planes(*real(folder, "lidc_idri_1011"))
    figure, axes = plt.subplots(3, len(columns), figsize=(17, 8.6))
    for column, (title, pictures) in zip(axes.T, columns.items(), strict=True):
        column[0].set_title(title)
        for axis, (picture, aspect) in zip(column, pictures, strict=True):
            axis.imshow(picture, aspect=aspect, **WINDOW)
            axis.axis("off")
    figure.subplots_adjust(0, 0, 1, 0.96, 0.01, 0.01)
    figure.savefig(HERE / "simulated-patients.png", dpi=75)
    plt.close(figure)


def spectrum(hu: np.ndarray, spacing: tuple[float, float, float], inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Radial noise power (HU2 mm2) in even 40 mm squares of soft tissue; frequency in 1/mm."""
    side = int(40 / spacing[1])
    eligible = ndimage.uniform_filter(inside.astype(np.float32), (1, side, side)) > 0.999
    found = np.argwhere(eligible)
    rng = np.random.default_rng(0)
    power = []
    for k, j, i in found[rng.permutation(len(found))[:60]]:
        patch = hu[k, j - side // 2 : j - side // 2 + side, i - side // 2 : i - side // 2 + side].astype(float)
        patch = patch - ndimage.gaussian_filter(patch, 8)
        power.append(np.abs(np.fft.fft2(patch)) ** 2 * spacing[1] * spacing[2] / patch.size)
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(side, spacing[1]), np.fft.fftfreq(side, spacing[2])))
    bins = np.arange(0, 0.5 / spacing[1], 0.03)
    mean = np.mean(power, axis=0)
    return bins + 0.015, np.array([mean[(f >= low) & (f < low + 0.03)].mean() for low in bins])


def draw_histograms(folder: Path) -> None:
    """Histograms of lung density and spectra of noise, simulated and real."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4))
    bins = np.arange(-1024, 101, 8)
    simulated: dict[str, Phantom] = {t: render(p, spacing=1.5) for t, p in patients().items()}
    for title, phantom in simulated.items():
        left.hist(phantom.hu[phantom.labels["lungs"] > 0], bins, density=True, histtype="step", label=title)
    for name, kernel, style in (
        ("lidc_idri_1011", None, "k-"),
        ("lungpetctdx_A0001_kernelB", "soft", "C0-"),
        ("lungpetctdx_A0001_kernelL", "sharp", "C3-"),
    ):
        hu, spacing, lungs = real(folder, name)
        if kernel in (None, "soft"):
            left.hist(hu[lungs > 0], bins, density=True, histtype="step", color=style[:-1], lw=2, label=f"real: {name}")
        even = ndimage.uniform_filter(hu, (1, 9, 9))
        inside = (even > 20) & (even < 110) & (ndimage.uniform_filter(hu, (3, 15, 15)) > 20)
        frequency, power = spectrum(hu, spacing, inside)
        right.plot(frequency, power / power.max(), style, lw=2, label=f"real: {name}")
        if kernel:
            patient = patients()["healthy"].changed(kernel=kernel, slice_thickness_mm=5.0, spacing_mm=spacing[1])
            phantom = render(patient, spacing=spacing)
            tissue = phantom.labels["liver"] + phantom.labels["heart"] > 0
            frequency, power = spectrum(phantom.hu, spacing, tissue)
            right.plot(frequency, power / power.max(), style[:-1] + "--", label=f"simulated: {kernel}")
    left.set(xlabel="HU in the lungs", ylabel="density", xlim=(-1024, 100))
    right.set(xlabel="spatial frequency, 1/mm", ylabel="noise power / maximum")
    left.legend(fontsize=7)
    right.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(HERE / "simulated-patients-histograms.png", dpi=80)
    plt.close(figure)


if __name__ == "__main__":
    scans = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data/ct")
    draw_patients(scans)
    draw_histograms(scans)
