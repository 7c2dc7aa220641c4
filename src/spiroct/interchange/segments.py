"""Lungs and vessels as DICOM Segmentation objects, in the scan's own frame of reference."""

from __future__ import annotations

from typing import Any

import highdicom as hd
import numpy as np
from pydicom.sr.codedict import codes

from spiroct.imaging.volume import LabelMap
from spiroct.interchange.identity import Identity
from spiroct.interchange.source import SourceSeries, affine_of

_LUNGS = {1: ("Right lung", "Right", (255, 176, 0)), 2: ("Left lung", "Left", (86, 180, 233))}


def lung_segmentation(lungs: LabelMap, source: SourceSeries, identity: Identity, *, number: int) -> Any:
    """Make the Segmentation object of the lungs.

    Parameters
    ----------
    lungs : LabelMap
        1 right, 2 left; on any grid in the scan's frame of reference.
    source : SourceSeries
        Whose study it joins.
    identity : Identity
        UIDs and maker.
    number : int
        Series number.

    Returns
    -------
    highdicom.seg.Segmentation
        Segment 1 right lung, 2 left lung; planes without a label are left out.
    """
    descriptions = []
    for label, (name, side, colour) in _LUNGS.items():
        described = _description(label, name, codes.SCT.Lung, colour, identity)
        described.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [
            hd.sr.CodedConcept.from_code(getattr(codes.SCT, side))
        ]
        descriptions.append(described)
    return _segmentation(lungs, descriptions, source, identity, kind="lungs", number=number)


def vessel_segmentation(vessels: LabelMap, source: SourceSeries, identity: Identity, *, number: int) -> Any:
    """Make the Segmentation object of the vessels inside the lungs (see :func:`lung_segmentation`)."""
    described = _description(1, "Vessels in the lungs", codes.SCT.BloodVessel, (213, 94, 0), identity)
    described.AnatomicRegionSequence = [hd.sr.CodedConcept.from_code(codes.SCT.Lung)]
    return _segmentation(vessels, [described], source, identity, kind="vessels", number=number)


def _description(number: int, name: str, kind: Any, colour: tuple[int, int, int], identity: Identity) -> Any:
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=name,
        segmented_property_category=codes.SCT.AnatomicalStructure,
        segmented_property_type=kind,
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name="spiroct", family=codes.DCM.ImageProcessing, version=identity.version, source="spiroct"
        ),
        tracking_uid=identity.uid("tracking", name),
        tracking_id=name,
        display_color=hd.color.CIELabColor.from_rgb(*colour),
    )


def _segmentation(
    labels: LabelMap, descriptions: list[Any], source: SourceSeries, identity: Identity, *, kind: str, number: int
) -> Any:
    volume = hd.Volume(
        labels.labels.astype(np.uint8),
        affine=affine_of(labels.geometry),
        coordinate_system="PATIENT",
        frame_of_reference_uid=source.frame_of_reference,
    )
    return hd.seg.Segmentation(
        source_images=source.slices,
        pixel_array=volume,
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=descriptions,
        content_label=kind.upper(),
        content_description=f"{kind.capitalize()} found by spiroct, not checked by a person",
        series_description=f"spiroct {kind}",
        **identity.equipment(f"segmentation-{kind}", number),
    )
