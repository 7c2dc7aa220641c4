"""All DICOM objects: valid, of the scan's own study, the same UIDs every time, nothing private in them."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from scipy import ndimage

from spiroct.errors import InputError
from spiroct.imaging.label_files import read_label_map
from spiroct.imaging.volume import LabelMap
from spiroct.inference.prediction_reading import read_prediction
from spiroct.interchange.dicom import write_dicom
from spiroct.interchange.documents import page_pictures
from spiroct.interchange.number_map import NumberMap
from spiroct.interchange.source import read_source
from spiroct.workflows.explain import explain
from spiroct.workflows.predict import predict

from .conftest import frame_points

KINDS = {
    "report.dcm": "Comprehensive3DSR",
    "segmentation-lungs.dcm": "Segmentation",
    "segmentation-vessels.dcm": "Segmentation",
    "report-pdf.dcm": "EncapsulatedPDF",
    "report-page-1.dcm": "SCImage",
    "map-ram_DLCO.dcm": "ParametricMap",
}


@pytest.fixture(scope="module")
def objects(result: Path, scan: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of every kind of object, a map among them, written anew from the files of the result."""
    return write(result, scan, tmp_path_factory.mktemp("objects"))


def write(result: Path, scan: Path, folder: Path) -> Path:
    prediction = read_prediction(result / "prediction.json")
    lungs = read_label_map(result / "lungs.nii.gz", onto=prediction.geometry)
    vessels = LabelMap(ndimage.binary_erosion(lungs.labels, iterations=4).astype(np.uint8), lungs.geometry)
    numbers = np.where(lungs.labels > 0, 0.01, 0).astype(np.float32)
    pdf = pydicom.dcmread(result / "dicom/report-pdf.dcm").EncapsulatedDocument
    ram = NumberMap("ram_DLCO", "Share of each voxel in the estimate of DLCO", "mmol/min/kPa", numbers, lungs.geometry)
    source = read_source(scan, prediction.acquisition.series_uid)
    write_dicom(prediction, source, folder, lungs=lungs, vessels=vessels, maps=[ram], pdf=pdf)
    return folder


def validator_errors(file: Path) -> list[str]:
    if shutil.which("dciodvfy") is None:
        pytest.skip("needs dciodvfy (Debian package dicom3tools)")
    told = subprocess.run(["dciodvfy", file], capture_output=True, text=True, check=False)
    lines = (told.stdout + told.stderr).splitlines()
    assert any(line in KINDS.values() for line in lines), lines[:5]  # it knew what it was looking at
    return [line for line in lines if line.startswith(("Error", "Abort"))]


@pytest.mark.parametrize("name", KINDS)
def test_dciodvfy_finds_no_error(name: str, objects: Path) -> None:
    assert validator_errors(objects / name) == []


def test_dciodvfy_would_find_one(objects: Path, tmp_path: Path) -> None:
    spoiled = pydicom.dcmread(objects / "report.dcm")
    del spoiled.CompletionFlag
    spoiled.save_as(tmp_path / "spoiled.dcm")
    assert validator_errors(tmp_path / "spoiled.dcm")


def test_the_command_writes_the_same_kinds_as_are_tested_here(result: Path, objects: Path) -> None:
    made = {re.sub(r"\d(?=\.)", "1", f.name) for f in (result / "dicom").iterdir()}
    maps = {f"map-ram_{measure}.dcm" for measure in ("DLCO", "FEV1", "FVC", "TLC")}
    assert made - maps == set(KINDS) - {"map-ram_DLCO.dcm", "segmentation-vessels.dcm"}
    assert {f"map-ram_{m}.dcm" for m in ("DLCO", "FVC", "TLC")} < made
    assert {re.sub(r"\d(?=\.)", "1", f.name) for f in objects.iterdir()} == set(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_every_object_joins_the_study_of_the_scan(name: str, objects: Path, scan: Path) -> None:
    made = pydicom.dcmread(objects / name)
    source = pydicom.dcmread(next(scan.iterdir()))
    for keyword in ("StudyInstanceUID", "PatientID", "PatientName", "PatientSex", "StudyDate", "AccessionNumber"):
        assert made[keyword].value == source[keyword].value, keyword
    assert made.SeriesInstanceUID != source.SeriesInstanceUID
    if "FrameOfReferenceUID" in made:
        assert made.FrameOfReferenceUID == source.FrameOfReferenceUID
    assert not [e for e in made.iterall() if e.tag.is_private]


def test_images_lie_in_the_frame_of_reference_of_the_scan(objects: Path, scan: Path) -> None:
    frame = pydicom.dcmread(next(scan.iterdir())).FrameOfReferenceUID
    for name in ("segmentation-lungs.dcm", "segmentation-vessels.dcm", "map-ram_DLCO.dcm"):
        assert pydicom.dcmread(objects / name, stop_before_pixels=True).FrameOfReferenceUID == frame


def test_the_same_result_has_the_same_uids_and_another_one_others(
    objects: Path, result: Path, scan: Path, tmp_path: Path
) -> None:
    def uids(folder: Path) -> dict[str, tuple[str, str]]:
        read = {f.name: pydicom.dcmread(f, stop_before_pixels=True) for f in folder.iterdir()}
        return {name: (d.SOPInstanceUID, d.SeriesInstanceUID) for name, d in read.items()}

    first = uids(objects)
    assert uids(write(result, scan, tmp_path / "again")) == first
    assert len({uid for pair in first.values() for uid in pair}) == 2 * len(first) - (len(first) - len(KINDS))
    changed = tmp_path / "changed"
    shutil.copytree(result, changed)
    text = (changed / "prediction.json").read_text(encoding="utf-8")
    (changed / "prediction.json").write_text(text.replace('"spiroct": "', '"spiroct": "9'), encoding="utf-8")
    other = uids(write(changed, scan, tmp_path / "other"))
    assert not {u for pair in first.values() for u in pair} & {u for pair in other.values() for u in pair}


def test_the_pdf_comes_out_as_it_went_in_and_its_pages_are_the_captures(result: Path) -> None:
    made = pydicom.dcmread(result / "dicom/report-pdf.dcm")
    pdf = made.EncapsulatedDocument[: made.EncapsulatedDocumentLength]
    assert pdf.startswith(b"%PDF-")
    pages = page_pictures(pdf)
    captures = sorted((result / "dicom").glob("report-page-*.dcm"))
    assert len(pages) == len(captures) >= 2
    for page, file in zip(pages, captures, strict=True):
        assert np.array_equal(pydicom.dcmread(file).pixel_array, page)
        assert page.std() > 10  # something is drawn on it


def test_headers_that_lack_what_every_object_needs_are_completed(
    stored_along: Callable[..., Any], tmp_path: Path
) -> None:
    folder, volume, _ = stored_along("oblique")
    for file in folder.iterdir():
        d = pydicom.dcmread(file)
        for keyword in ("FrameOfReferenceUID", "AccessionNumber", "StudyID", "ReferringPhysicianName", "StudyTime"):
            del d[keyword]
        d.ReferencedStudySequence = [pydicom.Dataset()]  # emptied by de-identification
        d.save_as(file)
    (folder / "readme.txt").write_text("not DICOM")
    source = read_source(folder, volume.acquisition.series_uid)
    assert len(source.slices) == volume.hu.shape[0]
    assert source.frame_of_reference == read_source(folder, volume.acquisition.series_uid).frame_of_reference
    assert source.first.AccessionNumber == ""
    assert "ReferencedStudySequence" not in source.first


def test_a_zip_gives_the_headers_too(scan: Path, tmp_path: Path) -> None:
    packed = Path(shutil.make_archive(str(tmp_path / "scan"), "zip", scan))
    uid = str(pydicom.dcmread(next(scan.iterdir())).SeriesInstanceUID)
    assert [d.SOPInstanceUID for d in read_source(packed, uid).slices] == [
        d.SOPInstanceUID for d in read_source(scan, uid).slices
    ]


def test_a_scan_that_is_no_dicom_is_refused_before_any_work(tmp_path: Path, stored_along: Callable[..., Any]) -> None:
    from spiroct.imaging.writing import write_nifti

    _, volume, _ = stored_along("prone")
    write_nifti(volume, tmp_path / "chest.nii.gz")
    with pytest.raises(InputError, match=r"no DICOM series.*leave --dicom out"):
        predict(tmp_path / "chest.nii.gz", out=tmp_path / "out", dicom=True)
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="join the study"):
        read_source(tmp_path / "chest.nii.gz", None)
    with pytest.raises(InputError, match="is not in"):
        read_source(tmp_path, "1.2.3")


def test_the_maps_of_the_result_say_what_explain_says_at_the_same_places(
    result: Path, scan: Path, tmp_path: Path
) -> None:
    explain(scan, out=tmp_path / "out", vessels="none", sex="F", age=53.4, height=168.0)
    made = pydicom.dcmread(result / "dicom/map-ram_FVC.dcm")
    assert validator_errors(result / "dicom/map-ram_FVC.dcm") == []
    unit = made.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0].MeasurementUnitsCodeSequence[0]
    assert unit.CodeValue == "L"
    found = frame_points(made, np.frombuffer(made.FloatPixelData, np.float32).reshape(-1, made.Rows, made.Columns))
    told = sitk.ReadImage(str(tmp_path / "out/ram_FVC.nii.gz"), sitk.sitkFloat64)
    pairs = []
    for point, value in found.items():
        place = told.TransformPhysicalPointToIndex([float(c) for c in point])
        if all(0 <= i < n for i, n in zip(place, told.GetSize(), strict=True)):
            pairs.append((value, told.GetPixel(place)))
    ours, theirs = np.array(pairs).T
    assert len(pairs) > 10_000
    assert np.corrcoef(ours, theirs)[0, 1] > 0.98


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lidc_idri_1011", "lungpetctdx_A0001_kernelB", "cip_copd_ct64/ct-64Dicom"])
def test_objects_of_real_scans_are_valid(
    name: str, shared: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    scan, vessels = shared / "data/ct" / name, name.startswith("cip")
    person = {"sex": "M", "age": 59.0, "height": 175.0}
    predict(scan, out=tmp_path / "out", dicom=True, vessels=vessels, force=True, **person)
    files = sorted((tmp_path / "out/dicom").iterdir())
    assert ("segmentation-vessels.dcm" in {f.name for f in files}) == vessels
    name_told = str(pydicom.dcmread(next(scan.iterdir())).PatientName)
    assert not name_told or name_told not in "".join(capfd.readouterr())  # some are de-identified to nothing
    assert {f.name: validator_errors(f) for f in files} == {f.name: [] for f in files}


def test_a_pdf_of_odd_length_is_padded_and_told(result: Path, scan: Path) -> None:
    from spiroct.interchange.documents import encapsulated_pdf
    from spiroct.interchange.identity import Identity

    prediction = read_prediction(result / "prediction.json")
    source = read_source(scan, prediction.acquisition.series_uid)
    made = encapsulated_pdf(b"%PDF-1.4 odd", source, Identity.of(prediction), number=1)
    odd = encapsulated_pdf(b"%PDF-1.4 odd!", source, Identity.of(prediction), number=1)
    assert (len(made.EncapsulatedDocument), made.EncapsulatedDocumentLength) == (12, 12)
    assert (len(odd.EncapsulatedDocument), odd.EncapsulatedDocumentLength) == (14, 13)
    odd.save_as(io.BytesIO(), enforce_file_format=True)
