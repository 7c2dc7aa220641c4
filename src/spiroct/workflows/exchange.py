"""Results of one scan handed to other systems: DICOM objects in its study, a FHIR bundle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spiroct.attribution.method import Subject as NetworkSubject
from spiroct.attribution.methods import make_method
from spiroct.documents import write_json
from spiroct.errors import InputError, UsageError
from spiroct.imaging.volume import LabelMap
from spiroct.imaging.writing import write_nifti
from spiroct.inference.prediction import Prediction
from spiroct.inference.predictor import Predictor
from spiroct.interchange.fhir import Subject, fhir_bundle
from spiroct.interchange.number_map import NumberMap
from spiroct.interchange.source import SourceSeries, read_source
from spiroct.log import logger
from spiroct.optional import require
from spiroct.segmentation.vessels import segment_vessels
from spiroct.workflows.estimate import SeenScan
from spiroct.workflows.stages import Stage, begin

DICOM_FOLDER = "dicom"
FHIR_FILE = "fhir.json"


@dataclass(frozen=True)
class Exchange:
    """Which other systems are written for.

    Parameters
    ----------
    dicom : bool
        Write ``dicom/*.dcm``, which carry the patient's name and number as the scan does.
    fhir : bool
        Write ``fhir.json``.
    vessels : bool
        Segment the vessels for DICOM, which takes longer than all the rest; False leaves their object out.
    explain : bool
        Make parametric maps of where the estimates come from; False leaves them out.
    """

    dicom: bool = False
    fhir: bool = False
    vessels: bool = True
    explain: bool = True

    def require_extras(self) -> None:
        """Refuse what this installation cannot write, before anything is read.

        Raises
        ------
        MissingExtraError
            If DICOM is wanted and the extra [dicom] is not installed.
        """
        for module in ("highdicom", "pypdfium2") if self.dicom else ():
            require(module, extra="dicom", feature="writing DICOM results")

    def require_series(self, scan: Path, series_uid: str | None) -> None:
        """Refuse what cannot be written of a scan, before any work is done on it.

        Raises
        ------
        InputError
            If DICOM is wanted of a scan that is no DICOM series.
        """
        if self.dicom and series_uid is None:
            raise InputError(
                f"--dicom with {scan}, which is no DICOM series",
                "DICOM results join the study of the scan that they come from",
                "name the DICOM folder or zip of this scan, or leave --dicom out",
            )


def write_exchange(
    wanted: Exchange,
    prediction: Prediction,
    seen: SeenScan,
    scan: Path,
    folder: Path,
    *,
    predictor: Predictor,
    vessels: LabelMap | None = None,
) -> Sequence[Path]:
    """Write what other systems read beside the other files of one scan.

    Parameters
    ----------
    wanted : Exchange
        What to write; nothing is written where nothing is wanted.
    prediction, seen
        The result, and the scan that it is of.
    scan : Path
        Where the scan was read from; its headers are read again for patient and study.
    folder : Path
        Folder of the result.
    predictor : Predictor
        Whose estimates they are.
    vessels : LabelMap, optional
        Segmented here for DICOM where it is not given; also written as ``vessels.nii.gz``.

    Returns
    -------
    sequence of Path
        The DICOM files, in the order they should be sent; empty without DICOM.
    """
    if not wanted.dicom and not wanted.fhir:
        return ()
    from spiroct.reporting.pdf import render_pdf

    begin(Stage.EXCHANGE)
    examined = seen.examined
    facts = examined.volume.acquisition
    source = read_source(scan, facts.series_uid) if facts.series_uid is not None else None
    pdf = render_pdf(prediction, volume=examined.volume, lungs=examined.lungs)
    if wanted.fhir:
        write_json(folder / FHIR_FILE, fhir_bundle(prediction, _subject(source), pdf=pdf))
    if not wanted.dicom or source is None:
        return ()
    from spiroct.interchange.dicom import write_dicom

    if vessels is None and wanted.vessels:
        vessels = segment_vessels(examined.volume, examined.lungs)
        write_nifti(vessels, folder / "vessels.nii.gz")
    maps = attribution_maps(predictor, seen.subject) if wanted.explain else ()
    return write_dicom(
        prediction, source, folder / DICOM_FOLDER, lungs=examined.lungs, vessels=vessels, maps=maps, pdf=pdf
    )


def attribution_maps(predictor: Predictor, subject: NetworkSubject) -> tuple[NumberMap, ...]:
    """Map where each estimate comes from (RAM-3D), on the network's own grid: no finer than the network sees.

    Whether a map deserves belief is judged by ``spiroct explain``, not here.

    Returns
    -------
    tuple of NumberMap
        One a measure; none, with a warning, where the network has no head that RAM can be read from.
    """
    try:
        found = make_method("ram", layer=None)(predictor).explain(subject)
    except UsageError as unsuited:
        logger.warning("warning: no parametric maps were written: %s", unsuited)
        return ()
    return tuple(
        NumberMap(
            name=f"ram_{measure}",
            meaning=f"Where the estimate of {measure} comes from (RAM-3D)",
            unit=one.unit,
            values=one.values,
            geometry=subject.geometry,
        )
        for measure, one in found.items()
    )


def _subject(source: SourceSeries | None) -> Subject:
    if source is None:
        return Subject()
    first = source.first
    return Subject(
        patient_id=str(first.PatientID) or None,
        study_uid=str(first.StudyInstanceUID),
        study_date=str(first.StudyDate) or None,
    )
