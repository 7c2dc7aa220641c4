"""The methods of ``spiroct segment``: what each needs is said in one sentence, and what each decides is recorded."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import SimpleITK as sitk

from spiroct.errors import ExitCode
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.segmentation import lungs as room


@pytest.mark.parametrize(
    ("method", "module", "extra"),
    [
        ("multi-atlas", "itk", "atlas"),
        ("lungmask", "lungmask", "lungmask"),
        ("totalsegmentator", "totalsegmentator", "totalsegmentator"),
    ],
)
def test_a_missing_extra_is_one_sentence(
    spiroct: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    answer = spiroct("segment", "scan", "--out", tmp_path / "out", "--lungs", method)
    assert answer.code == ExitCode.REFUSED
    assert answer.sentence.endswith(f"run: pip install 'spiroct[{extra}]'.")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--lungs", "multi-atlas"), "spiroct simulate cohort ATLASES"),
        (("--lungs", "multi-atlas", "--atlases", "nowhere"), "there is no such folder"),
        (("--lungs", "multi-atlas", "--atlases", "nowhere", "--fusion", "mean"), "majority, staple, local"),
        (("--fusion", "staple"), "only multi-atlas takes atlases"),
        (("--atlases", "nowhere"), "only multi-atlas takes atlases"),
        (("--weights", "nowhere"), "weights belong to lungmask and totalsegmentator"),
        (("--lungs", "magic"), "threshold, multi-atlas, lungmask, totalsegmentator"),
        (("--lobes", "threshold"), "the lobe methods are lungmask, totalsegmentator"),
    ],
)
def test_what_does_not_fit_is_refused_before_the_scan_is_read(
    spiroct: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.setitem(sys.modules, "itk", ModuleType("itk"))
    answer = spiroct("segment", "scan", "--out", tmp_path / "out", *words)
    assert answer.code == ExitCode.REFUSED
    assert said in answer.sentence


def test_lobes_are_written_and_printed(
    spiroct: Callable, dicom_series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for the network: lobes by place alone."""

    def lobes(volume: CTVolume, _: room.LungOptions) -> LabelMap:
        labels = np.zeros(volume.hu.shape, np.uint8)
        for lobe in range(1, 6):
            labels[lobe * 2 : lobe * 2 + 2] = lobe
        return LabelMap(labels, volume.geometry)

    monkeypatch.setitem(room.LOBE_METHODS, "stand-in", lobes)
    answer = spiroct("segment", dicom_series, "--out", tmp_path / "out", "--lobes", "stand-in")
    assert answer.code == ExitCode.DONE, answer.err
    written = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out" / "lobes.nii.gz")))
    assert np.bincount(written.ravel()).tolist()[1:] == [2 * written[0].size] * 5
    assert "right middle lobe" in answer.out
    assert json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))["arguments"]["lobes"] == "stand-in"


@pytest.mark.atlas
@pytest.mark.slow
def test_atlases_from_a_simulated_cohort(spiroct: Callable, dicom_series: Path, tmp_path: Path) -> None:
    """The two commands of the documentation, in small."""
    pytest.importorskip("itk", reason="needs the extra [atlas]")
    made = ("--n", "2", "--preset", "healthy", "--spacing", "4")
    assert spiroct("simulate", "cohort", tmp_path / "atlases", *made).code == ExitCode.DONE
    command = ("segment", dicom_series, "--out", tmp_path / "out", "--lungs", "multi-atlas", "--atlases")
    answer = spiroct(*command, tmp_path / "atlases", "--fusion", "majority")
    assert answer.code == ExitCode.DONE, answer.err
    arguments = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))["arguments"]
    assert arguments["fusion"] == "majority"
    assert len(arguments["atlases"]) == 32
    again = spiroct(*command, tmp_path / "atlases" / "cohort.csv", "--fusion", "majority")
    assert again.code == ExitCode.DONE, again.err  # the same atlases by another door: nothing to do
