"""The training domain: what is known is kept, what is unknown stays unknown."""

from __future__ import annotations

import pytest

from spiroct.imaging.acquisition import Acquisition
from spiroct.quality.acquisition import TrainingDomain
from spiroct.quality.training_domain import collect_training_domain

NIFTI = Acquisition(format="NIfTI")


def dicom(**facts: object) -> Acquisition:
    known = {"manufacturer": "SIEMENS", "kernel": "B30f", "kvp": 120.0, "slice_thickness_mm": 1.0, **facts}
    return Acquisition(format="DICOM", **known)


def test_ranges_span_the_scans_and_one_yes_is_enough() -> None:
    scans = [dicom(), dicom(kvp=100.0, slice_thickness_mm=2.5), dicom(kernel="B70f", contrast="Iomeron")]
    assert collect_training_domain(scans) == TrainingDomain((1.0, 2.5), (100.0, 120.0), True, True)
    assert collect_training_domain(scans[:2]) == TrainingDomain((1.0, 2.5), (100.0, 120.0), False, False)


def test_converted_images_tell_nothing_but_their_slices() -> None:
    assert collect_training_domain([NIFTI, NIFTI]) == TrainingDomain(None, None, None, None)
    found = collect_training_domain([NIFTI, NIFTI], [1.5, 3.0])
    assert found == TrainingDomain((1.5, 3.0), None, None, None)
    assert found.unknown == ("tube voltage", "kernel", "contrast")


def test_the_distance_of_slices_counts_where_it_is_larger() -> None:
    assert collect_training_domain([dicom(), dicom()], [0.7, 5.0]).slice_thickness_mm == (1.0, 5.0)


def test_a_no_needs_every_scan() -> None:
    mixed = collect_training_domain([dicom(), NIFTI])
    assert mixed.sharp_kernels is None
    assert mixed.contrast is None
    assert mixed.kvp == (120.0, 120.0)
    assert collect_training_domain([dicom(kernel="B70f"), NIFTI]).sharp_kernels is True
    assert collect_training_domain([dicom(manufacturer="Somebody")]).sharp_kernels is None


def test_no_scans_or_a_wrong_number_of_spacings() -> None:
    with pytest.raises(ValueError, match="at least one"):
        collect_training_domain([])
    with pytest.raises(ValueError, match="as many"):
        collect_training_domain([NIFTI], [1.0, 2.0])
