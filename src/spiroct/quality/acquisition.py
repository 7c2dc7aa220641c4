"""The acquisition gate: slices, kernel and voltage, against general limits and the training domain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from spiroct.imaging.acquisition import Acquisition
from spiroct.imaging.kernels import is_sharp
from spiroct.imaging.orientation import to_canonical
from spiroct.imaging.volume import CTVolume
from spiroct.quality.verdict import Outcome, Verdict

THICK_MM = 3.0
TOO_THICK_MM = 6.0
KVP = (100.0, 140.0)  # adult chest CT; densities were standardised at 120 kV


@dataclass(frozen=True)
class TrainingDomain:
    """Acquisitions that a checkpoint has seen; anything else warns. None where no training scan tells.

    Parameters
    ----------
    slice_thickness_mm, kvp : tuple of two floats, or None
        Smallest and largest.
    sharp_kernels, contrast : bool or None
        Whether such scans were among them.
    """

    slice_thickness_mm: tuple[float, float] | None
    kvp: tuple[float, float] | None
    sharp_kernels: bool | None
    contrast: bool | None

    @property
    def unknown(self) -> tuple[str, ...]:
        """Names, in words, of what no training scan tells."""
        told = {
            "slice thickness": self.slice_thickness_mm,
            "tube voltage": self.kvp,
            "kernel": self.sharp_kernels,
            "contrast": self.contrast,
        }
        return tuple(name for name, value in told.items() if value is None)

    def read_at(self, spacing_mm: float) -> TrainingDomain:
        """Domain of a network that reads every scan on a grid of this spacing.

        Resampling averages thin slices over a voxel of the grid, in training as in prediction, so that all slices up
        to the spacing reach the network alike: having seen one of these thicknesses is having seen them all.
        """
        if self.slice_thickness_mm is None or self.slice_thickness_mm[0] > spacing_mm:
            return self
        return replace(self, slice_thickness_mm=(0.0, max(self.slice_thickness_mm[1], spacing_mm)))


def judge_acquisition(volume: CTVolume, domain: TrainingDomain | None = None) -> tuple[Verdict, ...]:
    """Judge how a scan was made, by its header and its slices.

    Parameters
    ----------
    volume : CTVolume
        The scan with its acquisition facts.
    domain : TrainingDomain, optional
        What the checkpoint was trained on.

    Returns
    -------
    tuple of Verdict
        Slices above 6 mm fail (a judgement: ``--force``), above 3 mm warn; a kernel, voltage or thickness that the
        checkpoint has not seen warns, and so does a checkpoint that does not know what it has seen. A sharp kernel
        never refuses: the paper's own is sharp.
    """
    thickness = effective_thickness(volume.acquisition, to_canonical(volume).geometry.spacing[0])
    return (
        _thickness(thickness),
        *_kernel(volume, domain),
        *_voltage(volume.acquisition.kvp),
        *_domain(volume, thickness, domain),
    )


def effective_thickness(facts: Acquisition, slice_spacing_mm: float) -> float:
    """Larger of nominal thickness and distance of the slices, mm: overlap hides thick slices, gaps hide lung."""
    return max(slice_spacing_mm, facts.slice_thickness_mm or 0.0)


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
    if domain is not None and sharp and domain.sharp_kernels is False:
        yield Verdict(
            "kernel_in_training_domain",
            Outcome.WARN,
            facts.kernel,
            "kernels that the checkpoint was trained on",
            "The checkpoint has seen no sharp kernel; its estimates may shift",
            "Prefer the soft reconstruction of the same scan",
        )


def _voltage(kvp: float | None) -> Iterator[Verdict]:
    check, limit = "tube_voltage", f"{KVP[0]:g} to {KVP[1]:g} kV"
    if kvp is None:  # nothing to judge: converted images tell no voltage
        return
    if KVP[0] <= kvp <= KVP[1]:
        yield Verdict(check, Outcome.PASS, f"{kvp:g} kV", limit, "A usual tube voltage")
    else:
        yield Verdict(
            check,
            Outcome.WARN,
            f"{kvp:g} kV",
            limit,
            "An unusual tube voltage shifts the density of blood, bone and contrast agent, that of lung much less",
            "Do not compare densities with scans at 120 kV",
        )


def _domain(volume: CTVolume, thickness: float, domain: TrainingDomain | None) -> Iterator[Verdict]:
    if domain is None:
        return
    if domain.unknown:
        yield Verdict(
            "training_domain",
            Outcome.WARN,
            f"unknown: {', '.join(domain.unknown)}",
            "known for the scans that the checkpoint was trained on",
            "Nobody can tell whether this scan is like those that the checkpoint was trained on",
            "Read the estimates with more doubt; train from DICOM, whose headers tell",
        )
    for check, value, seen, unit in (
        ("thickness_in_training_domain", thickness, domain.slice_thickness_mm, "mm"),
        ("tube_voltage_in_training_domain", volume.acquisition.kvp, domain.kvp, "kV"),
    ):
        if value is None or seen is None:
            continue
        low, high = seen
        limit = f"{low:g} to {high:g} {unit}" if low else f"at most {high:g} {unit}"
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
