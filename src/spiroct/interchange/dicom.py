"""All DICOM objects of one result, in the order that a PACS should get them."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spiroct.imaging.volume import LabelMap
from spiroct.inference.prediction import Prediction
from spiroct.interchange.documents import encapsulated_pdf, page_captures
from spiroct.interchange.identity import Identity
from spiroct.interchange.number_map import NumberMap
from spiroct.interchange.parametric_map import parametric_map
from spiroct.interchange.segments import lung_segmentation, vessel_segmentation
from spiroct.interchange.source import SourceSeries
from spiroct.interchange.structured_report import structured_report

FIRST_SERIES_NUMBER = 9100  # above what scanners number, so that results stand last in a viewer's list


def write_dicom(
    prediction: Prediction,
    source: SourceSeries,
    folder: Path,
    *,
    lungs: LabelMap,
    vessels: LabelMap | None,
    maps: Iterable[NumberMap],
    pdf: bytes,
) -> Sequence[Path]:
    """Write the DICOM objects of one result.

    Parameters
    ----------
    prediction : Prediction
        What is reported.
    source : SourceSeries
        The series it comes from; the objects join its study and carry its patient's name and number.
    folder : Path
        Made if missing.
    lungs : LabelMap
        1 right, 2 left.
    vessels : LabelMap or None
        1 in vessels; None leaves their object out.
    maps : iterable of NumberMap
        Each becomes a Parametric Map.
    pdf : bytes
        The report.

    Returns
    -------
    sequence of Path
        The files: what others refer to comes first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _without_names():
        objects = _objects(prediction, source, lungs=lungs, vessels=vessels, maps=maps, pdf=pdf)
    paths = []
    for name, made in objects:
        path = folder / f"{name}.dcm"
        made.save_as(path, enforce_file_format=True)
        paths.append(path)
    return tuple(paths)


def _objects(
    prediction: Prediction,
    source: SourceSeries,
    *,
    lungs: LabelMap,
    vessels: LabelMap | None,
    maps: Iterable[NumberMap],
    pdf: bytes,
) -> list[tuple[str, Any]]:
    identity, number = Identity.of(prediction), FIRST_SERIES_NUMBER
    lung_object = lung_segmentation(lungs, source, identity, number=number + 1)
    objects = [("segmentation-lungs", lung_object)]
    if vessels is not None and vessels.labels.any():
        objects.append(("segmentation-vessels", vessel_segmentation(vessels, source, identity, number=number + 2)))
    objects.append(("report", structured_report(prediction, source, identity, lung_object, number=number)))
    objects.append(("report-pdf", encapsulated_pdf(pdf, source, identity, number=number + 3)))
    for page, capture in enumerate(page_captures(pdf, source, identity, number=number + 4), start=1):
        objects.append((f"report-page-{page}", capture))
    for place, numbers in enumerate(maps):
        objects.append((f"map-{numbers.name}", parametric_map(numbers, source, identity, number=number + 5 + place)))
    return objects


@contextmanager
def _without_names() -> Iterator[None]:
    """Keep highdicom from telling names: it warns of those with one part, or odd ones, by quoting them."""
    log = logging.getLogger("highdicom")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The string .* is unlikely to represent", UserWarning)
            yield
    finally:
        log.setLevel(level)
