"""DICOM folders as they come: nested, mixed, shuffled, tilted, doubled, compressed, broken."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from spiroct.errors import ScanError
from spiroct.imaging.dicom_header import age_years
from spiroct.imaging.orientation import to_canonical
from spiroct.imaging.reading import read_ct, series_of
from spiroct.imaging.volume import CTVolume
from spiroct.imaging.writing import write_dicom_series


def refused(path: Path, **options: str) -> str:
    with pytest.raises(ScanError) as refusal:
        read_ct(path, **options)
    assert str(path.name) in str(refusal.value)
    return str(refusal.value)


def slices_of(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


class TestFinding:
    def test_a_folder_as_hospitals_send_it(self, chest: CTVolume, series: Path, tmp_path: Path) -> None:
        """Nested, without endings, with a localizer, a report, a DICOMDIR and a stray text file."""
        folder = tmp_path / "export" / "A" / "B"
        folder.mkdir(parents=True)
        for number, file in enumerate(np.random.default_rng(1).permutation(slices_of(series))):
            shutil.copy(file, folder / f"IM{number:04d}")
        scout = pydicom.dcmread(slices_of(series)[0])
        scout.ImageType, scout.ImageOrientationPatient = ["ORIGINAL", "PRIMARY", "LOCALIZER"], [1, 0, 0, 0, 0, -1]
        scout.SOPInstanceUID = scout.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
        scout.save_as(folder / "SCOUT")
        report = pydicom.dcmread(slices_of(series)[0])
        for keyword in ("PixelData", "Rows", "Columns", "ImagePositionPatient", "ImageOrientationPatient"):
            delattr(report, keyword)
        report.Modality, report.SeriesInstanceUID = "SR", "1.2.4"
        report.save_as(tmp_path / "export" / "DOSE")
        (tmp_path / "export" / "DICOMDIR").write_bytes(b"not read")
        (tmp_path / "export" / "README.txt").write_text("hello")
        found = to_canonical(read_ct(tmp_path / "export"))
        assert np.array_equal(found.hu, chest.hu)
        assert found.acquisition.choice.startswith("The only CT series: 24 axial slices 2.5 mm apart")

    def test_the_best_series_is_chosen_and_the_others_named(self, chest: CTVolume, tmp_path: Path) -> None:
        from dataclasses import replace

        folder = tmp_path / "study"
        made = {
            "soft": replace(chest, acquisition=replace(chest.acquisition, manufacturer="SIEMENS", kernel="B30f")),
            "sharp": replace(chest, acquisition=replace(chest.acquisition, manufacturer="SIEMENS", kernel="B70f")),
        }
        for name, volume in made.items():
            write_dicom_series(volume, folder / name, patient_id="T", seed_uid=name)
        found = read_ct(folder)
        assert found.acquisition.kernel == "B30f"
        assert "Best suited of 2 CT series" in found.acquisition.choice
        assert "B70f" in found.acquisition.choice
        sharp_uid = pydicom.dcmread(slices_of(folder / "sharp")[0]).SeriesInstanceUID
        assert read_ct(folder, series=sharp_uid).acquisition.kernel == "B70f"
        assert series_of(folder) == found.acquisition.series_uid
        known = refused(folder, series="1.2.3")
        assert str(sharp_uid) in known

    def test_a_folder_of_several_patients_is_refused(self, chest: CTVolume, tmp_path: Path) -> None:
        """Or the page would show one of them without saying which; none is named, as in all messages."""
        for name in ("Anna", "Berta"):
            write_dicom_series(chest, tmp_path / "export" / name, patient_id=f"PATIENT-{name}", seed_uid=name)
        sentence = refused(tmp_path / "export")
        assert "CT series of 2 patients" in sentence
        assert "PATIENT" not in sentence
        anna = series_of(tmp_path / "export/Anna")
        assert read_ct(tmp_path / "export", series=anna).acquisition.series_uid == anna

    def test_one_file_stands_for_its_series(self, chest: CTVolume, series: Path) -> None:
        found = to_canonical(read_ct(slices_of(series)[3]))
        assert np.array_equal(found.hu, chest.hu)
        assert series_of(slices_of(series)[3]) == found.acquisition.series_uid

    def test_a_coronal_series_is_no_chest_ct(self, series: Path, edit: Callable) -> None:
        edit(series, lambda _, dataset: setattr(dataset, "ImageOrientationPatient", [1, 0, 0, 0, 0, -1]))
        assert "axial" in refused(series)

    def test_a_short_series_asked_for(self, series: Path) -> None:
        uid = pydicom.dcmread(slices_of(series)[0]).SeriesInstanceUID
        for file in slices_of(series)[:10]:
            file.unlink()
        assert "14 slices" in refused(series, series=uid)


class TestHeader:
    def test_facts_and_no_names(self, chest: CTVolume, series: Path, edit: Callable) -> None:
        edit(series, lambda _, dataset: setattr(dataset, "PatientName", "Somebody^Real"))
        facts = read_ct(series).acquisition
        assert (facts.sex, facts.age, facts.height_cm) == ("F", 58.0, 168.0)
        assert (facts.kernel, facts.kvp, facts.slice_thickness_mm, facts.slices) == ("B30f", 120.0, 2.5, 24)
        assert "Somebody" not in repr(facts)
        assert chest.acquisition.sex == facts.sex

    @pytest.mark.parametrize(
        ("age", "birth", "study", "years"),
        [
            ("058Y", None, None, 58.0),
            ("006M", None, None, 0.5),
            ("010D", None, None, pytest.approx(0.027, abs=1e-3)),
            (None, "19700615", "20200615", pytest.approx(50.0, abs=0.01)),
            ("", "19700631", "20200615", None),
            (None, "20200615", "19700615", None),
            ("abc", None, None, None),
        ],
    )
    def test_ages(self, age: str | None, birth: str | None, study: str | None, years: object) -> None:
        assert age_years(age, birth, study) == years

    def test_rescale_of_every_slice_is_its_own(self, chest: CTVolume, series: Path, edit: Callable) -> None:
        def rescale(number: int, dataset: pydicom.Dataset) -> None:
            if number % 2:
                stored = dataset.pixel_array.astype(np.int32)
                dataset.RescaleSlope, dataset.RescaleIntercept = "0.5", "-1024"
                dataset.PixelData = (stored * 2).astype(np.uint16).tobytes()
                dataset.BitsStored, dataset.HighBit = 16, 15

        edit(series, rescale)
        assert np.array_equal(to_canonical(read_ct(series)).hu, chest.hu)


class TestGeometry:
    def test_gantry_tilt_is_sheared_back(self, chest: CTVolume, series: Path, edit: Callable) -> None:
        """Slices whose positions drift in the plane by 0.5 mm each: the content moved with them, so nothing moves."""

        def lean(number: int, dataset: pydicom.Dataset) -> None:
            shift = 2 * (chest.geometry.shape[0] - 1 - number)  # rows, 1.25 mm each
            pixels = np.full_like(dataset.pixel_array, 24)
            kept = dataset.pixel_array[shift:] if shift else dataset.pixel_array
            pixels[: kept.shape[0]] = kept
            x, y, z = (float(v) for v in dataset.ImagePositionPatient)
            dataset.ImagePositionPatient = [x, y + shift * 1.25, z]
            dataset.PixelData = pixels.tobytes()

        edit(series, lean)
        found = read_ct(series)
        assert any("gantry tilt" in note for note in found.acquisition.notes)
        same = to_canonical(found).hu
        for index in range(chest.geometry.shape[0]):
            lost = 2 * index  # rows that left the slice when it was shifted
            np.testing.assert_allclose(same[index, lost:], chest.hu[index, lost:], atol=1e-3)

    def test_duplicates_are_dropped(self, chest: CTVolume, series: Path) -> None:
        for file in slices_of(series)[::5]:
            shutil.copy(file, file.with_name("copy-" + file.name))
        found = read_ct(series)
        assert np.array_equal(to_canonical(found).hu, chest.hu)
        assert any("5 slices were there twice" in note for note in found.acquisition.notes)

    def test_two_time_points_are_refused(self, series: Path) -> None:
        file = slices_of(series)[4]
        dataset = pydicom.dcmread(file)
        dataset.PixelData = (dataset.pixel_array + 5).astype(np.uint16).tobytes()
        dataset.save_as(file.with_name("later.dcm"))
        assert "two different slices at one place" in refused(series)

    def test_uneven_slices_are_interpolated(self, series: Path, edit: Callable) -> None:
        """A ramp along z on uneven slices is the same ramp on even ones."""
        places = np.cumsum(np.tile([2.2, 2.8], 12)) - 400.0

        def place(number: int, dataset: pydicom.Dataset) -> None:
            x, y, _ = (float(v) for v in dataset.ImagePositionPatient)
            z = places[-1 - number]
            dataset.ImagePositionPatient = [x, y, float(z)]
            ramp = np.full(dataset.pixel_array.shape, round(1024 + 10 * (z + 400) - 1000), np.uint16)
            dataset.PixelData = ramp.tobytes()

        edit(series, place)
        found = read_ct(series)
        assert any("interpolated to 2.5" in note for note in found.acquisition.notes)
        heights = found.geometry.point(np.stack([np.arange(24), np.zeros(24), np.zeros(24)], axis=1))[:, 2]
        np.testing.assert_allclose(found.hu[:, 3, 3], 10 * (heights + 400) - 1000, atol=0.6)

    def test_a_gap_is_refused_with_its_size_and_place(self, series: Path) -> None:
        for file in slices_of(series)[10:12]:
            file.unlink()
        sentence = refused(series)
        assert "2 slices are missing" in sentence
        assert "7.5 mm" in sentence

    @pytest.mark.parametrize("what", ["orientation", "matrix", "spacing", "colour", "frames"])
    def test_mixed_series_are_refused(self, series: Path, what: str) -> None:
        file = slices_of(series)[7]
        dataset = pydicom.dcmread(file)
        if what == "orientation":
            dataset.ImageOrientationPatient = [0, 1, 0, -1, 0, 0]
        elif what == "matrix":
            dataset.Rows = dataset.Rows // 2
            dataset.PixelData = dataset.PixelData[: len(dataset.PixelData) // 2]
        elif what == "spacing":
            dataset.PixelSpacing = [0.5, 0.5]
        elif what == "colour":
            dataset.SamplesPerPixel = 3
        else:
            dataset.NumberOfFrames = 4
        dataset.save_as(file)
        words = {"orientation": "orientations", "matrix": "matrix", "spacing": "pixel size", "colour": "colour"}
        assert words.get(what, "multi-frame") in refused_anywhere(series)


def refused_anywhere(path: Path) -> str:
    with pytest.raises(ScanError) as refusal:
        read_ct(path)
    return str(refusal.value)


class TestPixels:
    @pytest.mark.parametrize("padding", [-2000, -2048, -3024])
    def test_padding_becomes_air(self, chest: CTVolume, series: Path, edit: Callable, padding: int) -> None:
        corner = np.s_[:6, :8]

        def pad(_number: int, dataset: pydicom.Dataset) -> None:
            stored = dataset.pixel_array.astype(np.int32) + 3072 - 1024
            stored[corner] = padding + 3072
            dataset.RescaleIntercept = "-3072"
            dataset.BitsStored, dataset.HighBit = 16, 15
            dataset.PixelData = stored.astype(np.uint16).tobytes()

        edit(series, pad)
        found = read_ct(series)
        assert found.acquisition.padding_hu == padding
        expected = chest.hu.copy()
        expected[:, :6, :8] = -1000.0
        assert np.array_equal(to_canonical(found).hu, expected)

    def test_declared_padding_that_is_ordinary_air_stays(self, chest: CTVolume, series: Path, edit: Callable) -> None:
        edit(series, lambda _, d: d.add_new("PixelPaddingValue", "US", 0))
        found = read_ct(series)
        assert found.acquisition.padding_hu is None
        assert np.array_equal(to_canonical(found).hu, chest.hu)

    @pytest.mark.parametrize("kind", ["JPEG", "JPEG2000", "JPEGLS", "RLELossless"])
    def test_compressed_syntaxes(self, chest: CTVolume, series: Path, tmp_path: Path, kind: str) -> None:
        (tmp_path / "packed").mkdir()
        for file in slices_of(series):
            packed = tmp_path / "packed" / file.name
            if kind == "RLELossless":
                dataset = pydicom.dcmread(file)
                dataset.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
                dataset.save_as(packed)
                continue
            image = sitk.ReadImage(str(file))
            writer = sitk.ImageFileWriter()
            writer.KeepOriginalImageUIDOn()
            writer.SetFileName(str(packed))
            writer.UseCompressionOn()
            writer.SetCompressor(kind)
            try:
                writer.Execute(image)
            except RuntimeError as missing:
                pytest.skip(f"SimpleITK cannot write {kind} here: {missing}")
        syntax = pydicom.dcmread(tmp_path / "packed" / slices_of(series)[0].name, stop_before_pixels=True)
        assert syntax.file_meta.TransferSyntaxUID.is_compressed
        np.testing.assert_allclose(to_canonical(read_ct(tmp_path / "packed")).hu, chest.hu, atol=0.5)

    @pytest.mark.parametrize(
        "kind", ["signed", "unsigned", "twelve bits", "overlay in the upper bits", "big endian", "fine slope"]
    )
    def test_stored_pixels_are_as_gdcm_reads_them(self, series: Path, kind: str) -> None:
        for file in slices_of(series):
            _store(file, kind)
        found = to_canonical(read_ct(series)).hu
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(series)))
        reader.SetOutputPixelType(sitk.sitkFloat32)
        assert len(np.unique(found)) > 100
        np.testing.assert_array_equal(found, sitk.GetArrayFromImage(reader.Execute()))

    def test_a_slice_with_fewer_bytes_than_pixels_is_named(self, series: Path) -> None:
        """GDCM would fill it up with whatever lies in memory."""
        victim = slices_of(series)[9]
        dataset = pydicom.dcmread(victim)
        dataset.PixelData = dataset.PixelData[: len(dataset.PixelData) // 3]
        dataset.save_as(victim)
        assert victim.name in refused_anywhere(series)

    def test_a_truncated_slice_is_named(self, series: Path) -> None:
        victim = slices_of(series)[9]
        victim.write_bytes(victim.read_bytes()[:-700])
        assert victim.name in refused_anywhere(series)


def _store(file: Path, kind: str) -> None:
    """Store a slice's pixels in another of the ways that scanners and archives have."""
    dataset = pydicom.dcmread(file)
    hu = dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
    dataset.RescaleSlope, dataset.RescaleIntercept = (0.37, -1024.5) if kind == "fine slope" else (1, -1024)
    stored = np.clip((hu - float(dataset.RescaleIntercept)) / float(dataset.RescaleSlope), 0, 4095).round()
    signed = kind == "signed"
    if signed:
        dataset.RescaleIntercept, stored = 0, hu.clip(-1024, 3000).round()
    dataset.PixelRepresentation = int(signed)
    bits = 12 if kind in {"twelve bits", "overlay in the upper bits"} else 16
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    values = stored.astype(np.int16 if signed else np.uint16)
    if kind == "overlay in the upper bits":
        values[::3] |= 1 << 13
    big = kind == "big endian"
    dataset.PixelData = values.astype(values.dtype.newbyteorder(">" if big else "<")).tobytes()
    if big:
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRBigEndian
    pydicom.dcmwrite(file, dataset, little_endian=not big, implicit_vr=False)
