"""The training domain: what the scans of a cohort tell of how they were made, and nothing that they do not tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from spiroct.imaging.acquisition import Acquisition
from spiroct.imaging.kernels import is_sharp
from spiroct.quality.acquisition import TrainingDomain, effective_thickness

# Formats whose header has a place for the contrast agent: there, silence means none. Elsewhere it means nothing.
_TELLS_CONTRAST = ("DICOM",)


def collect_training_domain(
    acquisitions: Sequence[Acquisition], slice_spacings_mm: Sequence[float] | None = None
) -> TrainingDomain:
    """Collect what a checkpoint's training scans were, from their headers.

    A range spans the scans that tell; it is None if none does. A "no" needs every scan: a cohort of which one
    kernel is unknown and no other is sharp is unknown, not soft; one sharp kernel is enough for a "yes".

    Parameters
    ----------
    acquisitions : sequence of Acquisition
        One for each training scan; NIfTI, MHA and NRRD tell nothing.
    slice_spacings_mm : sequence of float, optional
        Distance of the slices of each scan, from its geometry, which every format tells. Without them, only
        headers with a nominal thickness count.

    Returns
    -------
    TrainingDomain
        With None for what is unknown.

    Raises
    ------
    ValueError
        If there are no scans, or not one spacing for each.
    """
    if not acquisitions:
        raise ValueError("a training domain needs at least one scan")
    if slice_spacings_mm is None:
        thicknesses = [facts.slice_thickness_mm for facts in acquisitions]
    elif len(slice_spacings_mm) != len(acquisitions):
        raise ValueError(f"{len(acquisitions)} scans need as many slice spacings, not {len(slice_spacings_mm)}")
    else:
        pairs = zip(acquisitions, slice_spacings_mm, strict=True)
        thicknesses = [effective_thickness(facts, spacing) for facts, spacing in pairs]
    return TrainingDomain(
        slice_thickness_mm=_range(thicknesses),
        kvp=_range(facts.kvp for facts in acquisitions),
        sharp_kernels=_any(is_sharp(facts.manufacturer, facts.kernel) for facts in acquisitions),
        contrast=_any(_contrast(facts) for facts in acquisitions),
    )


def _contrast(facts: Acquisition) -> bool | None:
    if facts.contrast:
        return True
    return False if facts.format in _TELLS_CONTRAST else None


def _range(values: Iterable[float | None]) -> tuple[float, float] | None:
    known = [v for v in values if v is not None]
    return (min(known), max(known)) if known else None


def _any(values: Iterable[bool | None]) -> bool | None:
    """Whether any is true; None where none is and some are unknown."""
    found = list(values)
    if True in found:
        return True
    return None if None in found else False
