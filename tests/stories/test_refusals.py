"""Every refusal: exit code 2, one sentence that names file, reason and remedy, nothing half-written."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from spiroct.checkpoints.catalogue import DEFAULT_CHECKPOINT, find
from spiroct.errors import ExitCode
from spiroct.preprocessing.recipe import Region

PERSON = ("--sex", "F", "--age", "53.4", "--height", "168")


@pytest.fixture
def refusal(spiroct: Callable, tmp_path: Path) -> Callable[..., str]:
    """Predict on something, expect a refusal, and return its sentence."""

    def predict(scan: str | Path, *words: str, person: tuple[str, ...] = PERSON) -> str:
        out = tmp_path / "out"
        before = sorted(out.rglob("*")) if out.exists() else None
        answer = spiroct("predict", scan, "--out", out, *person, *words)
        assert answer.code == ExitCode.REFUSED, answer
        assert answer.out == ""
        assert (sorted(out.rglob("*")) if out.exists() else None) == before  # nothing half-written, nothing lost
        assert answer.sentence.count("; ") >= 1  # what: rule; remedy.
        assert answer.sentence.endswith(".")
        return str(answer.sentence)

    return predict


def edited(series: Path, folder: Path, edit: Callable[[int, pydicom.Dataset], bool | None]) -> Path:
    """Copy a series slice by slice through an edit; an edit that answers False drops the slice."""
    folder.mkdir()
    for number, file in enumerate(sorted(series.iterdir())):
        dataset = pydicom.dcmread(file)
        if edit(number, dataset) is not False:
            dataset.save_as(folder / file.name)
    return folder


def image(array: np.ndarray, path: Path, spacing: float = 4.0) -> Path:
    made = sitk.GetImageFromArray(array)
    made.SetSpacing([spacing] * made.GetDimension())
    sitk.WriteImage(made, str(path))
    return path


class TestNotAScan:
    def test_missing_path(self, refusal: Callable, tmp_path: Path) -> None:
        sentence = refusal(tmp_path / "nowhere")
        assert "nowhere" in sentence
        assert "does not exist" in sentence

    def test_empty_folder(self, refusal: Callable, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        assert "empty" in refusal(tmp_path / "empty")

    def test_folder_without_any_ct(self, refusal: Callable, tmp_path: Path) -> None:
        (tmp_path / "notes").mkdir()
        (tmp_path / "notes" / "notes.txt").write_text("no scan here")
        assert "CT" in refusal(tmp_path / "notes")

    @pytest.mark.parametrize(
        ("modality", "sop_class"),
        [("DX", pydicom.uid.DigitalXRayImageStorageForPresentation), ("MR", pydicom.uid.MRImageStorage)],
    )
    def test_another_modality_is_named(
        self, refusal: Callable, tmp_path: Path, dicom_series: Path, modality: str, sop_class: str
    ) -> None:
        def become(_number: int, dataset: pydicom.Dataset) -> None:
            dataset.Modality, dataset.SOPClassUID = modality, sop_class
            dataset.file_meta.MediaStorageSOPClassUID = sop_class

        assert modality in refusal(edited(dicom_series, tmp_path / "other", become))

    def test_unknown_file_type(self, refusal: Callable, tmp_path: Path) -> None:
        (tmp_path / "scan.docx").write_bytes(b"PK")
        sentence = refusal(tmp_path / "scan.docx")
        assert "scan.docx" in sentence
        assert "NRRD" in sentence or ".nrrd" in sentence

    def test_4d_image(self, refusal: Callable, tmp_path: Path) -> None:
        path = image(np.full((3, 24, 24, 24), -500, np.int16), tmp_path / "4d.nii.gz")
        assert "4" in refusal(path)

    def test_rgb_image(self, refusal: Callable, tmp_path: Path) -> None:
        rgb = sitk.GetImageFromArray(np.zeros((24, 24, 24, 3), np.uint8), isVector=True)
        sitk.WriteImage(rgb, str(tmp_path / "rgb.mha"))
        sentence = refusal(tmp_path / "rgb.mha")
        assert "colour" in sentence.lower() or "channels" in sentence or "components" in sentence


class TestNotHounsfieldUnits:
    def test_grey_values_0_to_255(self, refusal: Callable, tmp_path: Path, chest: np.ndarray) -> None:
        grey = np.clip((chest + 1000) / 8, 0, 255).astype(np.uint8)
        sentence = refusal(image(grey, tmp_path / "grey.nii.gz"))
        assert "HU" in sentence or "Hounsfield" in sentence

    def test_all_zero(self, refusal: Callable, tmp_path: Path) -> None:
        sentence = refusal(image(np.zeros((40, 40, 40), np.int16), tmp_path / "zero.nii.gz"))
        assert "0" in sentence

    def test_nan(self, refusal: Callable, tmp_path: Path, chest: np.ndarray) -> None:
        holes = chest.astype(np.float32)
        holes[10, 10, 10] = np.nan
        assert "NaN" in refusal(image(holes, tmp_path / "nan.nrrd"))


class TestBrokenSeries:
    def test_fewer_than_20_slices(self, refusal: Callable, tmp_path: Path, dicom_series: Path) -> None:
        few = edited(dicom_series, tmp_path / "few", lambda number, _: number < 19)
        sentence = refusal(few)
        assert "19" in sentence
        assert "20" in sentence

    def test_missing_slices(self, refusal: Callable, tmp_path: Path, dicom_series: Path) -> None:
        gap = edited(dicom_series, tmp_path / "gap", lambda number, _: number not in {30, 31})
        assert "missing" in refusal(gap) or "gap" in refusal(gap)

    def test_mixed_orientations(self, refusal: Callable, tmp_path: Path, dicom_series: Path) -> None:
        def turn(number: int, dataset: pydicom.Dataset) -> None:
            if number % 2:
                dataset.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]

        assert "orientation" in refusal(edited(dicom_series, tmp_path / "mixed", turn))

    def test_truncated_dicom_file(self, refusal: Callable, tmp_path: Path, dicom_series: Path) -> None:
        folder = tmp_path / "cut"
        shutil.copytree(dicom_series, folder)
        victim = sorted(folder.iterdir())[25]
        victim.write_bytes(victim.read_bytes()[:-3000])
        assert victim.name in refusal(folder)

    @pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
    def test_truncated_image_file(self, refusal: Callable, tmp_path: Path, chest: np.ndarray, suffix: str) -> None:
        path = image(chest, tmp_path / f"cut{suffix}")
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        assert f"cut{suffix}" in refusal(path)


class TestZip:
    def test_path_traversal(self, refusal: Callable, tmp_path: Path, dicom_series: Path) -> None:
        with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
            archive.write(next(dicom_series.iterdir()), "../../evil.dcm")
        sentence = refusal(tmp_path / "evil.zip")
        assert "../../evil.dcm" in sentence
        assert not (tmp_path.parent / "evil.dcm").exists()

    def test_bomb(self, refusal: Callable, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("slice.dcm", b"\0" * 300_000_000)
        assert "bomb.zip" in refusal(tmp_path / "bomb.zip")

    def test_password(self, refusal: Callable, tmp_path: Path, dicom_series: Path) -> None:
        path = tmp_path / "locked.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(next(dicom_series.iterdir()), "slice.dcm")
        raw = bytearray(path.read_bytes())
        for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            raw[raw.index(signature) + offset] |= 1  # the flag "encrypted" in both headers
        path.write_bytes(bytes(raw))
        assert "password" in refusal(path)


class TestNotAChest:
    def test_abdomen(self, refusal: Callable, tmp_path: Path, chest: np.ndarray) -> None:
        """A body with bowel gas and no lungs."""
        z, y, x = np.meshgrid(*(np.arange(n) for n in chest.shape), indexing="ij")
        centre = [n / 2 for n in chest.shape]
        body = ((y - centre[1]) / (0.38 * chest.shape[1])) ** 2 + ((x - centre[2]) / (0.45 * chest.shape[2])) ** 2 < 1
        abdomen = np.where(body, 40, -1000).astype(np.int16)
        gas = (y - centre[1] + 8) ** 2 + (x - centre[2]) ** 2 + (z - centre[0]) ** 2 < 5**2
        abdomen[gas] = -950
        sentence = refusal(image(abdomen, tmp_path / "abdomen.nii.gz"))
        assert "lung" in sentence

    def test_head(self, refusal: Callable, tmp_path: Path) -> None:
        z, y, x = np.meshgrid(*(np.arange(60),) * 3, indexing="ij")
        radius = np.sqrt((z - 30) ** 2 + (y - 30) ** 2 + (x - 30) ** 2)
        head = np.select([radius < 20, radius < 23], [35, 900], -1000).astype(np.int16)
        head[28:32, 20:24, 28:32] = -900  # a sinus
        assert "lung" in refusal(image(head, tmp_path / "head.nii.gz"))

    @pytest.mark.parametrize("part", [slice(None, 0.62), slice(0.55, None)], ids=["top cut", "base cut"])
    def test_cut_lungs_refuse_and_force_goes_on(
        self, refusal: Callable, spiroct: Callable, tmp_path: Path, chest: np.ndarray, part: slice
    ) -> None:
        occupied = np.flatnonzero(np.any(chest[:, 30:-30, 30:-30] < -700, axis=(1, 2)))
        low, high = occupied[0], occupied[-1]
        start = 0 if part.start is None else int(low + (high - low) * (1 - part.start))
        stop = None if part.stop is None else int(low + (high - low) * part.stop)
        path = image(chest[start:stop], tmp_path / "cut.nii.gz")
        sentence = refusal(path)
        assert "--force" in sentence
        answer = spiroct("predict", path, "--out", tmp_path / "out", *PERSON, "--force")
        assert answer.code == ExitCode.DONE, answer.err
        prediction = json.loads((tmp_path / "out/prediction.json").read_text(encoding="utf-8"))
        assert any(override.startswith("lungs_cut_at_") for override in prediction["overrides"])
        assert "OVERRIDDEN" in answer.out
        page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
        box = page.split('class="override"')[1].split("</aside>")[0]
        assert ("Top" if part.start is None else "Base") + " of the lungs in the scan" in box


class TestPerson:
    @pytest.mark.parametrize(
        ("flag", "value", "words"),
        [
            ("--height", "1.68", ["1.68", "metres", "168"]),
            ("--height", "66", ["66", "100 to 230"]),
            ("--age", "534", ["534", "120"]),
            ("--sex", "W", ["W", "F", "M"]),
        ],
    )
    def test_unit_mistakes(self, refusal: Callable, nifti: Path, flag: str, value: str, words: list[str]) -> None:
        person = tuple(value if before == flag else word for before, word in zip(("", *PERSON), PERSON, strict=False))
        sentence = refusal(nifti, person=person)
        assert all(word in sentence for word in words), sentence

    def test_volume_in_millilitres(self, refusal: Callable, nifti: Path) -> None:
        assert "mL" in refusal(nifti, "--fvc", "3320")


class TestModelAndOutput:
    def test_unknown_model_lists_the_known(self, refusal: Callable, nifti: Path) -> None:
        sentence = refusal(nifti, "--model", "x3d-best")
        assert "x3d-best" in sentence
        assert "demonstration-simulated-patients" in sentence

    def test_checkpoint_with_a_wrong_hash(self, refusal: Callable, nifti: Path, tmp_path: Path) -> None:
        copy = tmp_path / "checkpoint"
        shutil.copytree(find(DEFAULT_CHECKPOINT).folder, copy)
        weights = copy / "weights-1.safetensors"
        raw = bytearray(weights.read_bytes())
        raw[-1] ^= 1
        weights.write_bytes(bytes(raw))
        assert "hash" in refusal(nifti, "--model", str(copy))

    def test_output_folder_of_someone_else(self, refusal: Callable, nifti: Path, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "thesis.tex").write_text("mine")
        assert "thesis.tex" in refusal(nifti)
        assert (tmp_path / "out" / "thesis.tex").read_text(encoding="utf-8") == "mine"

    def test_output_folder_that_cannot_be_written(self, spiroct: Callable, nifti: Path) -> None:
        answer = spiroct("predict", nifti, "--out", "/proc/spiroct-out", *PERSON)
        assert answer.code == ExitCode.REFUSED
        assert "/proc/spiroct-out" in answer.sentence

    def test_another_run_is_not_overwritten(
        self, refusal: Callable, spiroct: Callable, nifti: Path, tmp_path: Path
    ) -> None:
        assert spiroct("predict", nifti, "--out", tmp_path / "out", *PERSON).code == ExitCode.DONE
        earlier = (tmp_path / "out" / "prediction.json").read_bytes()
        sentence = refusal(nifti, person=("--sex", "M", "--age", "53.4", "--height", "168"))
        assert "--overwrite" in sentence
        assert "demographics" in sentence  # what differs
        assert (tmp_path / "out" / "prediction.json").read_bytes() == earlier

    def test_unknown_engine_lists_the_known(self, refusal: Callable, nifti: Path) -> None:
        assert "torch" in refusal(nifti, "--engine", "tpu")

    def test_unknown_equations_list_the_known(self, refusal: Callable, nifti: Path) -> None:
        assert "gli-global-2022" in refusal(nifti, "--equations", "knudson")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("predict", "--engine", "opnvino"), "did you mean openvino?"),
        (("predict", "--equations", "gli-2013"), "did you mean gli-2012?"),
        (("predict", "--equations", "gli-2012"), "no ethnicity"),
        (("predict", "--model", "nix"), "the known models are"),
        (("predict", "--dicom"), "which is no DICOM series"),
        (("segment", "--lungs", "lungmusk"), "did you mean lungmask?"),
        (("segment", "--vessels", "graphcut"), "did you mean graph-cut?"),
        (("biomarkers", "--vessels", "graphcut"), "did you mean graph-cut?"),
        (("biomarkers", "--lungs", "multi-atlas"), "only spiroct segment takes atlases"),
        (("biomarkers", "--lung-mask", "nix.nii.gz"), "there is no such file"),
        (("explain", "--engine", "Torch"), "did you mean torch?"),
        (("explain", "--layer", "stages.9"), "the layers are pool"),
        (("explain", "--method", "occlussion"), "did you mean occlusion?"),
        *(((verb, "--out", "thesis"), "thesis.tex") for verb in ("predict", "segment", "biomarkers", "explain")),
        *(((verb, "--out", "another"), "command simulate patient there") for verb in ("predict", "segment", "explain")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_can_be_known_is_told_before_the_scan_is_read(
    spiroct: Callable, nifti: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], found: str
) -> None:
    def read(*_: object, **__: object) -> None:
        raise AssertionError("the scan was read")

    monkeypatch.setattr("spiroct.workflows.examine.read_ct", read)
    monkeypatch.chdir(tmp_path)
    for folder, name, text in (
        ("thesis", "thesis.tex", "mine"),
        ("another", "run.json", '{"schema": "spiroct.run", "files": [], "verb": "simulate patient"}'),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(text)
    answer = spiroct(words[0], nifti, *(() if "--out" in words else ("--out", "out")), *words[1:])
    assert answer.code == ExitCode.REFUSED, answer.err
    assert found in answer.sentence
    assert not (tmp_path / "out").exists()


class TestOneLung:
    """A network that sees one lung must be given the right one."""

    @pytest.fixture
    def one_lung(self, tmp_path: Path) -> Path:
        demonstration = find(DEFAULT_CHECKPOINT)
        folder = tmp_path / "left-lung"
        recipe = replace(demonstration.recipe, region=Region.LEFT_LUNG)
        replace(demonstration, name="left-lung", recipe=recipe).save(folder)
        return folder

    def test_a_mirrored_scan(
        self, refusal: Callable, spiroct: Callable, one_lung: Path, chest: np.ndarray, tmp_path: Path
    ) -> None:
        scan = image(np.ascontiguousarray(chest[..., ::-1]), tmp_path / "mirrored.nii.gz")
        sentence = refusal(scan, "--model", one_lung)
        assert "laterality" in sentence
        assert "liver on the left" in sentence
        assert "--force" in sentence
        words = ("predict", scan, *PERSON, "--model", one_lung, "--out", tmp_path / "forced", "--force")
        assert spiroct(*words).code == ExitCode.DONE
        written = json.loads((tmp_path / "forced" / "prediction.json").read_text(encoding="utf-8"))
        assert any(text.startswith("laterality") for text in written["overrides"])

    def test_a_mirrored_scan_for_both_lungs_only_warns(
        self, spiroct: Callable, chest: np.ndarray, tmp_path: Path
    ) -> None:
        scan = image(np.ascontiguousarray(chest[..., ::-1]), tmp_path / "mirrored.nii.gz")
        answer = spiroct("predict", scan, *PERSON, "--out", tmp_path / "both")
        assert answer.code == ExitCode.DONE
        assert "laterality" in answer.err

    def test_a_scan_as_it_is(self, spiroct: Callable, one_lung: Path, nifti: Path, tmp_path: Path) -> None:
        answer = spiroct("predict", nifti, *PERSON, "--model", one_lung, "--out", tmp_path / "right")
        assert answer.code == ExitCode.DONE
