"""The adapter to lungmask, with a stand-in that has the package's interface and weights that the test makes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from spiroct.errors import InputError, MissingExtraError, ScanError
from spiroct.imaging.volume import CTVolume, Geometry
from spiroct.segmentation.lungs import LungOptions, deciding_inputs, segment_lobes, segment_lungs

CALLS: list[dict[str, Any]] = []


class Inferer:
    """Half the array is one label each: what ``LMInferer`` returns, by place alone."""

    def __init__(
        self,
        modelname: str = "R231",
        modelpath: str | None = None,
        fillmodel: str | None = None,
        fillmodel_path: str | None = None,
        *,
        batch_size: int = 20,
        tqdm_disable: bool = False,
    ) -> None:
        assert modelpath is not None, "without a path lungmask downloads"
        assert batch_size > 0
        assert tqdm_disable
        self.weights = torch.load(modelpath)
        CALLS.append({"model": modelname, "fill": fillmodel, "fill_path": fillmodel_path})

    def apply(self, image: np.ndarray) -> np.ndarray:
        assert isinstance(image, np.ndarray)
        assert image.ndim == 3
        labels = np.zeros(image.shape, np.uint8)
        for label in range(1, int(self.weights["labels"]) + 1):
            labels[:, :, label - 1] = label  # column by column from the patient's right
        return labels


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    mask = ModuleType("lungmask.mask")
    mask.MODEL_URLS = {  # type: ignore[attr-defined]
        "R231": ("https://example.org/releases/unet_r231-1.pth", 3),
        "LTRCLobes": ("https://example.org/releases/unet_ltrclobes-1.pth", 6),
    }
    mask.LMInferer = Inferer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lungmask", ModuleType("lungmask"))
    monkeypatch.setitem(sys.modules, "lungmask.mask", mask)
    CALLS.clear()
    torch.save({"labels": 2}, tmp_path / "unet_r231-1.pth")
    torch.save({"labels": 5}, tmp_path / "unet_ltrclobes-1.pth")
    return tmp_path


@pytest.fixture
def turned() -> CTVolume:
    """Return a small scan whose first array axis runs to the patient's right."""
    geometry = Geometry((6, 8, 9), (1.0, 2.0, 3.0), (0.0, 0.0, 0.0), ((-1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0, 0, 1.0)))
    return CTVolume(np.zeros(geometry.shape, np.float32), geometry)


def test_right_is_one_and_left_two_in_any_orientation(weights: Path, turned: CTVolume) -> None:
    found = segment_lungs(turned, method="lungmask", options=LungOptions(weights=weights))
    assert found.geometry == turned.geometry
    right, left = (np.argwhere(found.labels == label).mean(axis=0) for label in (1, 2))
    assert found.geometry.point(right)[0] < found.geometry.point(left)[0]
    assert CALLS == [{"model": "R231", "fill": None, "fill_path": None}]


def test_lobes_are_ltrclobes_filled_by_r231(weights: Path, turned: CTVolume) -> None:
    found = segment_lobes(turned, method="lungmask", options=LungOptions(weights=weights))
    assert set(np.unique(found.labels)) == {0, 1, 2, 3, 4, 5}
    assert CALLS[0]["model"] == "LTRCLobes"
    assert CALLS[0]["fill_path"] == str(weights / "unet_r231-1.pth")


def test_what_decided_is_hashed(weights: Path) -> None:
    digests = deciding_inputs("lungmask", lobes="lungmask", options=LungOptions(weights=weights))
    assert sorted(digests) == ["weights LTRCLobes", "weights R231"]
    assert (weights / "unet_r231-1.pth.sha256").read_text(encoding="utf-8").startswith(digests["weights R231"])


def test_changed_weights_are_refused(weights: Path, turned: CTVolume) -> None:
    options = LungOptions(weights=weights)
    segment_lungs(turned, method="lungmask", options=options)
    torch.save({"labels": 1}, weights / "unet_r231-1.pth")
    with pytest.raises(InputError, match="SHA-256"):
        segment_lungs(turned, method="lungmask", options=options)


@pytest.mark.usefixtures("no_sockets")
def test_missing_weights_are_not_fetched(weights: Path, turned: CTVolume) -> None:
    (weights / "unet_r231-1.pth").unlink()
    with pytest.raises(InputError, match=r"https://example\.org/releases/unet_r231-1\.pth"):
        segment_lungs(turned, method="lungmask", options=LungOptions(weights=weights))


def test_torchs_own_folder_is_searched_too(weights: Path, turned: CTVolume, monkeypatch: pytest.MonkeyPatch) -> None:
    (weights / "checkpoints").mkdir()
    (weights / "unet_r231-1.pth").rename(weights / "checkpoints" / "unet_r231-1.pth")
    monkeypatch.delenv("SPIROCT_WEIGHTS", raising=False)
    monkeypatch.setenv("HOME", str(weights / "home"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(weights))
    assert segment_lungs(turned, method="lungmask").labels.any()


def test_no_lungs_is_said(weights: Path, turned: CTVolume) -> None:
    torch.save({"labels": 0}, weights / "unet_r231-1.pth")
    with pytest.raises(ScanError, match="found no lungs"):
        segment_lungs(turned, method="lungmask", options=LungOptions(weights=weights))


def test_without_the_extra_its_name_is_said(chest_of: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lungmask", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'spiroct\[lungmask\]'"):
        segment_lungs(chest_of(0, 5.0)[0], method="lungmask")
