"""The adapter to TotalSegmentator, with a stand-in that has the package's interface and a folder of made-up weights."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import SimpleITK as sitk

from spiroct.errors import InputError, MissingExtraError, ScanError
from spiroct.imaging.volume import CTVolume, Geometry
from spiroct.segmentation.lungs import LungOptions, deciding_inputs, segment_lobes, segment_lungs

FOLDER = "Dataset297_TotalSegmentator_total_3mm_1559subj"
NAMES = {
    10: "lung_upper_lobe_left",
    11: "lung_lower_lobe_left",
    12: "lung_upper_lobe_right",
    13: "lung_middle_lobe_right",
    14: "lung_lower_lobe_right",
}


class Made:
    """Stand in for the nibabel image that TotalSegmentator returns."""

    def __init__(self, image: sitk.Image) -> None:
        self.image = image

    def to_filename(self, path: Path) -> None:
        sitk.WriteImage(self.image, str(path))


class Package(ModuleType):
    """``totalsegmentator.python_api``: segments by place, and would fetch and send where it is not stopped."""

    def __init__(self) -> None:
        super().__init__("totalsegmentator.python_api")
        self.class_map = {"total": {1: "spleen", **NAMES}}
        self.sent: list[object] = []
        self.empty, self.wanted = False, 297
        self.download_pretrained_weights = self.fetch
        self.send_usage_stats = self.sent.append

    @staticmethod
    def fetch(task_id: int) -> None:
        raise AssertionError(f"fetched {task_id} from the network")

    def totalsegmentator(
        self, scan: Path, output: None, *, ml: bool, fast: bool, task: str, quiet: bool, device: str
    ) -> Made:
        assert (output, ml, fast, task, quiet) == (None, True, True, "total", True)
        assert device in {"cpu", "gpu"}
        print("If you use this tool please cite ...")  # noqa: T201 - it does
        self.download_pretrained_weights(self.wanted)
        assert (Path(os.environ["TOTALSEG_WEIGHTS_PATH"]) / FOLDER).is_dir()
        image = sitk.ReadImage(str(scan))
        array = np.zeros(sitk.GetArrayViewFromImage(image).shape, np.uint8)
        # The canonical scan as written: x to the patient's left. Right lung first.
        for column, number in enumerate(() if self.empty else (12, 13, 14, 10, 11, 1)):
            array[:, :, column] = number
        made = sitk.GetImageFromArray(array)
        made.CopyInformation(image)
        self.send_usage_stats({})
        return Made(made)


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> Package:
    api = Package()
    monkeypatch.setitem(sys.modules, "totalsegmentator", ModuleType("totalsegmentator"))
    monkeypatch.setitem(sys.modules, "totalsegmentator.python_api", api)
    monkeypatch.delenv("TOTALSEG_WEIGHTS_PATH", raising=False)
    return api


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    (tmp_path / FOLDER / "fold_0").mkdir(parents=True)
    (tmp_path / FOLDER / "fold_0" / "checkpoint_final.pth").write_bytes(b"made by a test")
    return tmp_path


@pytest.fixture
def turned() -> CTVolume:
    """Return a small scan whose first array axis runs to the patient's right."""
    geometry = Geometry((7, 8, 9), (1.0, 2.0, 3.0), (5.0, 6.0, 7.0), ((-1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0, 0, 1.0)))
    return CTVolume(np.zeros(geometry.shape, np.float32), geometry)


def test_lobes_are_numbered_as_lungmask_does(package: Package, weights: Path, turned: CTVolume) -> None:
    found = segment_lobes(turned, method="totalsegmentator", options=LungOptions(weights=weights))
    assert found.geometry == turned.geometry
    # From the patient's right: right upper, middle, lower, left upper, lower; the spleen is no lobe.
    assert found.labels[::-1, 0, 0].tolist() == [3, 4, 5, 1, 2, 0, 0]


def test_lungs_are_their_lobes(package: Package, weights: Path, turned: CTVolume) -> None:
    found = segment_lungs(turned, method="totalsegmentator", options=LungOptions(weights=weights))
    assert found.labels[::-1, 0, 0].tolist() == [1, 1, 1, 2, 2, 0, 0]


@pytest.mark.usefixtures("no_sockets")
def test_nothing_is_fetched_sent_or_printed(
    package: Package, weights: Path, turned: CTVolume, capsys: pytest.CaptureFixture[str]
) -> None:
    segment_lungs(turned, method="totalsegmentator", options=LungOptions(weights=weights))
    assert package.sent == []
    assert capsys.readouterr().out == ""
    assert package.download_pretrained_weights == package.fetch  # the package is as it was
    assert "TOTALSEG_WEIGHTS_PATH" not in os.environ


def test_a_second_model_that_is_missing_is_refused(package: Package, weights: Path, turned: CTVolume) -> None:
    package.wanted = 298
    with pytest.raises(InputError, match="Dataset298_"):
        segment_lungs(turned, method="totalsegmentator", options=LungOptions(weights=weights))


def test_changed_weights_are_refused(package: Package, weights: Path, turned: CTVolume) -> None:
    options = LungOptions(weights=weights)
    digests = deciding_inputs("totalsegmentator", options=options)
    assert (weights / f"{FOLDER}.sha256").read_text(encoding="utf-8").startswith(digests[f"weights {FOLDER}"])
    (weights / FOLDER / "fold_0" / "checkpoint_final.pth").write_bytes(b"another")
    with pytest.raises(InputError, match="SHA-256"):
        segment_lungs(turned, method="totalsegmentator", options=options)


def test_missing_weights_name_the_folders(package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOTALSEG_HOME_DIR", str(tmp_path / "theirs"))
    with pytest.raises(InputError, match=r"theirs.nnunet.results.*totalseg_download_weights -t total_fast"):
        deciding_inputs("totalsegmentator")


def test_no_lungs_is_said(package: Package, weights: Path, turned: CTVolume) -> None:
    package.empty = True
    with pytest.raises(ScanError, match="found no lungs"):
        segment_lungs(turned, method="totalsegmentator", options=LungOptions(weights=weights))


def test_without_the_extra_its_name_is_said(turned: CTVolume, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "totalsegmentator", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'spiroct\[totalsegmentator\]'"):
        segment_lungs(turned, method="totalsegmentator")
