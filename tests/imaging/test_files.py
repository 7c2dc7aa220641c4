"""Single files and archives: what is read, and what is refused with which words."""

from __future__ import annotations

import gzip
import re
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from spiroct.errors import ScanError
from spiroct.imaging.archives import MAXIMUM_FILES, unpacked
from spiroct.imaging.hounsfield import replace_padding, require_hounsfield
from spiroct.imaging.image_files import stem_of
from spiroct.imaging.orientation import to_canonical
from spiroct.imaging.reading import read_ct, series_of
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.imaging.writing import write_dicom_series, write_nifti


def refusal(path: Path, **options: str) -> str:
    with pytest.raises(ScanError) as found:
        read_ct(path, **options)
    return str(found.value)


@pytest.fixture
def nifti(chest: CTVolume, tmp_path: Path) -> Path:
    write_nifti(chest, tmp_path / "chest.nii.gz")
    return tmp_path / "chest.nii.gz"


class TestWriting:
    def test_nifti_round_trip_and_same_bytes(self, chest: CTVolume, nifti: Path, tmp_path: Path) -> None:
        again = tmp_path / "other-name.nii.gz"
        write_nifti(chest, again)
        assert again.read_bytes() == nifti.read_bytes()
        found = to_canonical(read_ct(nifti))
        assert np.array_equal(found.hu, chest.hu)
        np.testing.assert_allclose(found.geometry.origin, chest.geometry.origin, atol=1e-4)
        assert found.acquisition.format == "NIfTI"

    def test_plain_nifti_and_labels(self, chest: CTVolume, tmp_path: Path) -> None:
        labels = LabelMap((chest.hu < -500).astype(np.uint8) * 2, chest.geometry)
        write_nifti(labels, tmp_path / "labels.nii")
        image = sitk.ReadImage(str(tmp_path / "labels.nii"))
        assert image.GetPixelID() == sitk.sitkUInt8
        back = sitk.GetArrayFromImage(image)
        assert np.array_equal(to_labels(back, image, chest), labels.labels)

    def test_dicom_bytes_follow_from_the_seed(self, chest: CTVolume, tmp_path: Path) -> None:
        for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
            write_dicom_series(chest, tmp_path / name, patient_id="P", seed_uid=seed)
        first = {name: (tmp_path / name / "slice-0001.dcm").read_bytes() for name in "abc"}
        assert first["a"] == first["b"] != first["c"]

    def test_slices_must_be_stackable(self, chest: CTVolume, tmp_path: Path) -> None:
        from dataclasses import replace

        mirrored = replace(
            chest, geometry=replace(chest.geometry, direction=((0.0, 0.0, -1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)))
        )
        with pytest.raises(ValueError, match="normal"):
            write_dicom_series(mirrored, tmp_path / "x", patient_id="P", seed_uid="1")


def to_labels(array: np.ndarray, image: sitk.Image, chest: CTVolume) -> np.ndarray:
    """Undo whatever axis flips the format needed."""
    direction = np.asarray(image.GetDirection()).reshape(3, 3)[:, ::-1]
    assert np.allclose(np.abs(direction), np.abs(chest.geometry.direction_matrix))
    return array


class TestFiles:
    def test_a_name_ends_before_its_format(self) -> None:
        names = {"1.2.840.nii.gz": "1.2.840", "a.NRRD": "a", "b.c.zip": "b.c", "series.1": "series.1"}
        assert {name: stem_of(Path("in") / name) for name in names} == names

    @pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha", ".mhd"])
    def test_truncated_files_are_refused(self, chest: CTVolume, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"cut{suffix}"
        sitk.WriteImage(sitk.GetImageFromArray(chest.hu.astype(np.int16)), str(path))
        victim = path.with_suffix(".raw") if suffix == ".mhd" else path
        victim.write_bytes(victim.read_bytes()[: victim.stat().st_size // 2])
        assert path.name in refusal(path)

    def test_stored_steps_are_multiplied_by_the_slope(self, chest: CTVolume, tmp_path: Path) -> None:
        """Floats that were saved as whole numbers, as nibabel does it: the header has slope and intercept."""
        path = tmp_path / "sloped.nii"
        sitk.WriteImage(sitk.GetImageFromArray(np.rint((chest.hu + 1024) * 8).astype(np.int16)), str(path))
        content = bytearray(path.read_bytes())
        struct.pack_into("<2f", content, 112, 0.125, -1024.0)  # scl_slope, scl_inter
        path.write_bytes(content)
        assert np.abs(np.sort(read_ct(path).hu, axis=None) - np.sort(chest.hu, axis=None)).max() <= 0.0625
        path.write_bytes(content[:-4])
        assert "truncated" in refusal(path)

    def test_how_much_of_a_packed_file_is_there(self, nifti: Path) -> None:
        whole, packed = len(gzip.decompress(nifti.read_bytes())), nifti.read_bytes()
        for share in (0.2, 0.7):
            nifti.write_bytes(packed[: int(share * len(packed))])
            found = re.search(r"breaks off after (\d+) of (\d+) unpacked bytes", refusal(nifti))
            assert found is not None
            assert 0.1 * whole < int(found[1]) < whole == int(found[2])
        nifti.write_bytes(packed[:-3])  # nothing but the checksum is missing
        assert f"after {whole} of" in refusal(nifti)

    def test_not_an_image_at_all(self, tmp_path: Path) -> None:
        (tmp_path / "fake.nii.gz").write_bytes(b"hello")
        assert "cannot be read" in refusal(tmp_path / "fake.nii.gz")

    def test_dimensions_and_colours(self, tmp_path: Path) -> None:
        arrays = {
            "4d.nii.gz": (np.full((2, 24, 24, 24), -900, np.int16), False),
            "2d.mha": (np.full((24, 24), -900, np.int16), False),
            "rgb.mha": (np.zeros((24, 24, 24, 3), np.uint8), True),
        }
        words = {"4d.nii.gz": "4D", "2d.mha": "2D", "rgb.mha": "3 colour channels"}
        for name, (array, vector) in arrays.items():
            sitk.WriteImage(sitk.GetImageFromArray(array, isVector=vector), str(tmp_path / name))
            assert words[name] in refusal(tmp_path / name)

    def test_a_fourth_dimension_of_one_is_no_time(self, chest: CTVolume, tmp_path: Path) -> None:
        sitk.WriteImage(
            sitk.GetImageFromArray(chest.hu[None].astype(np.int16), isVector=False), str(tmp_path / "one.nii.gz")
        )
        assert read_ct(tmp_path / "one.nii.gz").hu.shape == chest.hu.shape

    def test_series_and_files_do_not_go_together(self, nifti: Path) -> None:
        assert "--series" in refusal(nifti, series="1.2.3")

    def test_other_endings_list_the_known(self, tmp_path: Path) -> None:
        (tmp_path / "scan.xlsx").write_bytes(b"PK")
        assert ".nrrd" in refusal(tmp_path / "scan.xlsx")

    def test_a_flat_stack_is_too_short(self, chest: CTVolume, tmp_path: Path) -> None:
        image = sitk.GetImageFromArray(chest.hu[:19].astype(np.int16))
        sitk.WriteImage(image, str(tmp_path / "short.mha"))
        assert "19 slices" in refusal(tmp_path / "short.mha")

    def test_an_oblique_scan_is_read_and_noted(self, chest: CTVolume, tmp_path: Path) -> None:
        from scipy.spatial.transform import Rotation

        image = sitk.GetImageFromArray(chest.hu.astype(np.int16))
        image.SetDirection(Rotation.from_euler("x", 20, degrees=True).as_matrix().ravel().tolist())
        sitk.WriteImage(image, str(tmp_path / "oblique.nrrd"))
        assert any("oblique by 20" in note for note in read_ct(tmp_path / "oblique.nrrd").acquisition.notes)


class TestHounsfield:
    @pytest.mark.parametrize(
        ("values", "words"),
        [
            ([0.0, 0.0], "0 in every voxel"),
            ([0.0, 255.0], "grey levels"),
            ([0.0, 4095.0], "without rescale"),
            ([-200.0, 900.0], "air near -1000"),
            ([-1000.0, np.nan], "1 voxels that are NaN"),
            ([-np.inf, 3.0], "NaN or infinite"),
        ],
    )
    def test_what_is_not_hu(self, values: list[float], words: str) -> None:
        with pytest.raises(ScanError, match=words):
            require_hounsfield(np.asarray(values, np.float32), "scan")

    def test_interpolated_borders_of_padding_go_with_it(self) -> None:
        hu = np.full((10, 10, 10), -1000.0, np.float32)
        hu[:, :3], hu[:, 3], hu[5, 5, 5] = -2048.0, -1700.0, -1200.0
        cleaned, found = replace_padding(hu)
        assert found == -2048.0
        assert cleaned[:, :4].max() == cleaned[:, :4].min() == -1000.0
        assert cleaned[5, 5, 5] == -1200.0  # ringing of a sharp kernel is no padding

    def test_a_few_dark_voxels_are_no_padding(self) -> None:
        hu = np.full((20, 20, 20), -1000.0, np.float32)
        hu[0, 0, 0] = -1800.0
        assert replace_padding(hu)[1] is None


class TestArchives:
    def test_dicom_and_nifti_in_a_zip(self, chest: CTVolume, nifti: Path, tmp_path: Path) -> None:
        write_dicom_series(chest, tmp_path / "s", patient_id="P", seed_uid="z")
        for name, files in {"dicom.zip": sorted((tmp_path / "s").iterdir()), "nifti.zip": [nifti]}.items():
            with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
                for file in files:
                    archive.write(file, f"folder/{file.name}")
            found = read_ct(tmp_path / name)
            assert np.array_equal(to_canonical(found).hu, chest.hu)
            assert series_of(tmp_path / name) == found.acquisition.series_uid

    def test_two_images_are_one_too_many(self, nifti: Path, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
            archive.write(nifti, "a.nii.gz")
            archive.write(nifti, "b.nii.gz")
        assert "2 image files" in refusal(tmp_path / "two.zip")

    @pytest.mark.parametrize("entry", ["../up.dcm", "/etc/passwd", "a/../../b", "c:\\x.dcm", "..\\up"])
    def test_entries_that_would_leave(self, tmp_path: Path, entry: str) -> None:
        with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
            archive.writestr(entry, b"x")
        assert "outside its own folder" in refusal(tmp_path / "evil.zip")

    def test_bombs(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.dcm", bytes(50_000_000))
        assert "times its size" in refusal(tmp_path / "bomb.zip")
        monkeypatch.setattr("spiroct.imaging.archives.MAXIMUM_FILES", 3)
        with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
            for number in range(5):
                archive.writestr(f"{number}.dcm", b"x")
        assert "5 files" in refusal(tmp_path / "many.zip")
        assert MAXIMUM_FILES > 1000

    def test_a_damaged_archive(self, nifti: Path, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "cut.zip", "w") as archive:
            archive.write(nifti, "chest.nii.gz")
        raw = bytearray((tmp_path / "cut.zip").read_bytes())
        raw[200:400] = bytes(200)
        (tmp_path / "cut.zip").write_bytes(bytes(raw))
        assert "cut.zip" in refusal(tmp_path / "cut.zip")
        (tmp_path / "no.zip").write_bytes(b"not a zip")
        assert "damaged" in refusal(tmp_path / "no.zip")

    def test_nothing_stays_behind(self, nifti: Path, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "scan.zip", "w") as archive:
            archive.write(nifti, "chest.nii.gz")
        with unpacked(tmp_path / "scan.zip") as folder:
            assert any(folder.rglob("chest.nii.gz"))
        assert not folder.exists()


def test_all_real_scans_are_read(shared: Path) -> None:
    folder = shared / "data/ct"
    for name, slices in {"lidc_idri_1011": 133, "lungpetctdx_A0002_B40f": 30, "cip_copd_ct64/ct-64Dicom": 79}.items():
        volume = read_ct(folder / name)
        assert volume.geometry.shape[0] == volume.acquisition.slices == slices
        assert volume.hu.min() >= -1100
    assert read_ct(folder / "lidc_idri_1011").acquisition.padding_hu == -2048.0
