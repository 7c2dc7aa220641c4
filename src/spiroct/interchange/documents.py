"""The report as DICOM: an encapsulated PDF, and pictures of its pages for viewers that show neither SR nor PDF."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import UID, EncapsulatedPDFStorage, ExplicitVRLittleEndian

from spiroct.interchange.identity import BODY_PART, Identity
from spiroct.interchange.source import SourceSeries

TITLE = "Lung function from chest CT"
PAGE_DPI = 110  # 910 x 1287 pixels of an A4 page: text of 8 points can be read
_PATIENT_AND_STUDY = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientAge", "PatientSize", "PatientWeight",
    "StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "StudyDescription", "AccessionNumber",
    "ReferringPhysicianName",
)  # fmt: skip


def encapsulated_pdf(pdf: bytes, source: SourceSeries, identity: Identity, *, number: int) -> Dataset:
    """Wrap a PDF into an Encapsulated PDF object (PS3.3 A.45.1); highdicom has none, so that pydicom makes it.

    Parameters
    ----------
    pdf : bytes
        The document.
    source : SourceSeries
        Whose study it joins.
    identity : Identity
        UIDs and maker.
    number : int
        Series number.
    """
    kind, now = identity.equipment("pdf", number), datetime.now()  # noqa: DTZ005 - DICOM's times are local
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = EncapsulatedPDFStorage
    made.file_meta.MediaStorageSOPInstanceUID = UID(kind["sop_instance_uid"])
    made.SOPInstanceUID = kind["sop_instance_uid"]
    if "SpecificCharacterSet" in source.first:
        made.SpecificCharacterSet = source.first.SpecificCharacterSet
    for keyword in _PATIENT_AND_STUDY:
        if keyword in source.first:
            setattr(made, keyword, source.first[keyword].value)
    made.Modality, made.ConversionType = "DOC", "SYN"
    made.SeriesInstanceUID, made.SeriesNumber, made.InstanceNumber = kind["series_instance_uid"], number, 1
    made.SeriesDescription = identity.described("spiroct report")
    made.Manufacturer, made.ManufacturerModelName = kind["manufacturer"], kind["manufacturer_model_name"]
    made.SoftwareVersions, made.DeviceSerialNumber = kind["software_versions"], kind["device_serial_number"]
    made.ContentDate = made.InstanceCreationDate = now.strftime("%Y%m%d")
    made.ContentTime = made.InstanceCreationTime = now.strftime("%H%M%S")
    made.AcquisitionDateTime = ""
    made.BurnedInAnnotation = "NO"  # the report names nobody
    made.DocumentTitle = TITLE
    made.ConceptNameCodeSequence = [hd.sr.CodedConcept.from_code(codes.DCM.ImagingMeasurementReport)]
    made.SourceInstanceSequence = [_reference(d) for d in source.slices]
    made.MIMETypeOfEncapsulatedDocument = "application/pdf"
    made.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    made.EncapsulatedDocumentLength = len(pdf)
    return made


def page_captures(pdf: bytes, source: SourceSeries, identity: Identity, *, number: int) -> list[Any]:
    """Draw each page of a PDF as a Secondary Capture image; parameters as for :func:`encapsulated_pdf`."""
    captures = []
    for page, pixels in enumerate(page_pictures(pdf), start=1):
        kind = identity.equipment("captures", number)
        kind["sop_instance_uid"], kind["instance_number"] = identity.uid("instance", "capture", page), page
        capture = hd.sc.SCImage.from_ref_dataset(
            source.first,
            pixel_array=pixels,
            photometric_interpretation="RGB",
            bits_allocated=8,
            coordinate_system="PATIENT",
            patient_orientation=("L", "P"),
            transfer_syntax_uid=ExplicitVRLittleEndian,
            series_description=identity.described("spiroct report, page pictures"),
            **kind,
        )
        capture.BurnedInAnnotation, capture.BodyPartExamined = "NO", BODY_PART
        captures.append(capture)
    return captures


def page_pictures(pdf: bytes) -> list[np.ndarray]:
    """Draw the pages of a PDF: (height, width, 3) uint8 each."""
    import pypdfium2

    document = pypdfium2.PdfDocument(io.BytesIO(pdf))
    try:
        pages = [page.render(scale=PAGE_DPI / 72).to_pil().convert("RGB") for page in document]
    finally:
        document.close()
    return [np.asarray(page) for page in pages]


def _reference(dataset: Any) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    return item
