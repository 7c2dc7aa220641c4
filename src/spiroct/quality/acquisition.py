"""The acquisition gate: slices, kernel, voltage and contrast, against general limits and the training domain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from spiroct.imaging.kernels import is_sharp
from spiroct.imaging.orientation import to_canonical
from spiroct.imaging.volume import CTVolume
from spiroct.quality.verdict import Outcome, Verdict

THICK_MM = 3.0
TOO_THICK_MM = 6.0


@dataclass(frozen=True)
class TrainingDomain:
    """Acquisitions that a checkpoint has seen; anything else warns.

    Parameters
    ----------
    slice_thickness_mm, kvp : tuple of two floats
        Smallest and largest.
    sharp_kernels, contrast : bool
        Whether such scans were among them.
    """

    slice_thickness_mm: tuple[float, float]
    kvp: tuple[float, float]
    sharp_kernels: bool
    contrast: bool


def judge_acquisition(volume: CTVolume, domain: TrainingDomain | None = None) -> tuple[Verdict, ...]:
    """Judge how a scan was made.

    Parameters
    ----------
    volume : CTVolume
        The scan with its acquisition facts.
    domain : TrainingDomain, optional
        What the checkpoint was trained on.

    Returns
    -------
    tuple of Verdict
        Slices above 6 mm fail (a judgement: ``--force``), above 3 mm warn; a kernel, voltage, thickness or contrast
        that the checkpoint has not seen warns. A sharp kernel never refuses: the paper's own is sharp.
    """
    spacing = to_canonical(volume).geometry.spacing[0]
    thickness = max(spacing, volume.acquisition.slice_thickness_mm or 0.0)
    return (_thickness(thickness), *_kernel(volume, domain), *_domain(volume, thickness, domain))


def _thickness(thickness: float) -> Verdict:
    check = "slice_thickness"
    if thickness > TOO_THICK_MM:
        return Verdict(
            check,
            Outcome.FAIL,
            f"{thickness:g} mm",
            f"at most {TOO_THICK_MM:g} mm",
            "Thicker slices blur vessels, fissures and the lung border too much for volumes and estimates",
            "Use a reconstruction with thinner slices",
        )
    if thickness > THICK_MM:
        return Verdict(
            check,
            Outcome.WARN,
            f"{thickness:g} mm",
            f"best at most {THICK_MM:g} mm",
            "Partial volume at the lung border and in small vessels shifts densities",
            "Prefer a thinner reconstruction where there is one",
        )
    return Verdict(check, Outcome.PASS, f"{thickness:g} mm", f"at most {THICK_MM:g} mm", "Thin enough")


def _kernel(volume: CTVolume, domain: TrainingDomain | None) -> Iterator[Verdict]:
    facts = volume.acquisition
    sharp = is_sharp(facts.manufacturer, facts.kernel)
    check, limit = "kernel", "a soft or standard kernel for densitometry"
    if sharp is None:
        yield Verdict(
            check,
            Outcome.WARN,
            facts.kernel or "unknown",
            limit,
            "The kernel is not known, so densities may not be comparable with other scans",
            "Read the DICOM series rather than a converted image, or look the kernel up",
        )
    elif sharp:
        yield Verdict(
            check,
            Outcome.WARN,
            facts.kernel,
            limit,
            "A sharp kernel widens the histogram: LAA-950, Perc15 and Perc85 cannot be compared with other scans",
            "Use the soft reconstruction for densities; volumes are hardly affected",
        )
    else:
        yield Verdict(check, Outcome.PASS, facts.kernel, limit, "Not an edge-enhancing kernel")
    if domain is not None and sharp and not domain.sharp_kernels:
        yield Verdict(
            "kernel_in_training_domain",
            Outcome.WARN,
            facts.kernel,
            "kernels that the checkpoint was trained on",
            "The checkpoint has seen no sharp kernel; its estimates may shift",
            "Prefer the soft reconstruction of the same scan",
        )


def _domain(volume: CTVolume, thickness: float, domain: TrainingDomain | None) -> Iterator[Verdict]:
    if domain is None:
        return
    facts = volume.acquisition
    for check, value, (low, high), unit in (
        ("thickness_in_training_domain", thickness, domain.slice_thickness_mm, "mm"),
        ("tube_voltage_in_training_domain", facts.kvp, domain.kvp, "kV"),
    ):
        limit = f"{low:g} to {high:g} {unit}"
        if value is None:  # nothing to judge: converted images tell no voltage
            continue
        if low <= value <= high:
            yield Verdict(check, Outcome.PASS, f"{value:g} {unit}", limit, "The checkpoint was trained on such scans")
        else:
            yield Verdict(
                check,
                Outcome.WARN,
                f"{value:g} {unit}",
                limit,
                "The checkpoint was not trained on such scans; its estimates may shift",
                "Read the estimates with more doubt",
            )
    if facts.contrast and not domain.contrast:
        yield Verdict(
            "contrast_in_training_domain",
            Outcome.WARN,
            facts.contrast,
            "no contrast agent",
            "The checkpoint was trained without contrast, which brightens vessels and lung",
            "Read densities and estimates with more doubt",
        )
