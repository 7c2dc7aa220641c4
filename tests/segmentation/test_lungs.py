"""The lung mask against simulated patients with known lungs, and against a real label map."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from spiroct.errors import ScanError, UsageError
from spiroct.imaging.reading import read_ct
from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.segmentation.lungs import segment_lungs


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return 2.0 * np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other))


def dices(found: LabelMap, truth: LabelMap) -> list[float]:
    sides = [dice(found.labels == label, truth.labels == label) for label in (1, 2)]
    return [dice(found.labels > 0, truth.labels > 0), *sides]


@pytest.mark.parametrize(
    ("index", "spacing", "causes", "least"),
    [
        (0, 3.0, {"ild_extent": 0.0, "emphysema": 0.0}, 0.97),
        (1, 3.0, {"ild_extent": 0.5}, 0.95),
        (2, 3.0, {"ild_extent": 0.7}, 0.95),
        (3, 3.0, {"ild_extent": 0.0, "emphysema": 0.4}, 0.96),
    ],
    ids=["healthy", "fibrosis", "extensive fibrosis", "emphysema"],
)
def test_simulated_lungs(
    chest_of: Callable, index: int, spacing: float, causes: dict[str, float], least: float
) -> None:
    volume, truth = chest_of(index, spacing, **causes)
    assert min(dices(segment_lungs(volume), truth)) >= least


def test_touching_lungs_are_parted(chest_of: Callable) -> None:
    """Lung in front of the heart on both sides, with no mediastinum between: a bridge 6 cm high and 2.5 cm deep."""
    volume, truth = chest_of(4, 3.0, ild_extent=0.0)
    hu, labels = volume.hu.copy(), truth.labels.copy()
    occupied = np.flatnonzero((labels > 0).any(axis=(1, 2)))
    height = slice(int(occupied[0] + 0.62 * np.ptp(occupied)), int(occupied[0] + 0.62 * np.ptp(occupied)) + 20)
    columns = {label: np.nonzero(labels[height] == label) for label in (1, 2)}
    front = max(int(columns[label][1].min()) for label in (1, 2)) + 2
    rows = slice(front, front + 8)
    right_end = int(np.nonzero(labels[height, rows] == 1)[2].max())
    left_start = int(np.nonzero(labels[height, rows] == 2)[2].min())
    assert right_end < left_start
    middle = (right_end + left_start) // 2
    bridge = (height, rows, slice(right_end - 2, left_start + 3))
    hu[bridge] = np.minimum(hu[bridge], -820.0)
    labels[bridge] = np.where(np.arange(right_end - 2, left_start + 3) <= middle, 1, 2)
    _, pieces = ndimage.label(hu[:, : hu.shape[1] * 3 // 4] < -600)  # the bridge does join them
    assert pieces > 0
    found = segment_lungs(CTVolume(hu, volume.geometry))
    assert min(dices(found, LabelMap(labels, volume.geometry))) >= 0.95


def test_the_mask_returns_in_the_scans_own_frame(chest_of: Callable) -> None:
    volume, _ = chest_of(0, 4.0)
    found = segment_lungs(volume)
    flipped_geometry = Geometry(
        volume.geometry.shape[::-1],
        volume.geometry.spacing[::-1],
        volume.geometry.origin,
        ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    )
    turned = CTVolume(np.ascontiguousarray(volume.hu.transpose(2, 1, 0)), flipped_geometry)
    again = segment_lungs(turned)
    assert again.geometry == flipped_geometry
    assert np.array_equal(again.labels.transpose(2, 1, 0), found.labels)


def test_a_subpleural_consolidation_is_closed_in(chest_of: Callable) -> None:
    volume, truth = chest_of(0, 2.0, ild_extent=0.0)
    lung = truth.labels == 1
    inside = ndimage.distance_transform_edt(lung, sampling=volume.geometry.spacing)
    edge = np.argwhere((inside > 0) & (inside < 3))
    level = edge[edge[:, 0] == round(edge[:, 0].mean())]
    centre = level[np.argmin(level[:, 2])]
    distance = np.sqrt((((np.indices(lung.shape).T - centre) * volume.geometry.spacing) ** 2).sum(-1)).T
    solid = lung & (distance < 7)
    hu = np.where(solid, 20.0, volume.hu).astype(np.float32)
    found = segment_lungs(CTVolume(hu, volume.geometry))
    assert np.count_nonzero(solid & (found.labels == 1)) > 0.6 * np.count_nonzero(solid)


def test_noise_and_a_table_change_little(chest_of: Callable) -> None:
    volume, truth = chest_of(0, 3.0)
    rng = np.random.default_rng(0)
    hu = volume.hu + rng.normal(0, 40, volume.hu.shape).astype(np.float32)
    hu[:, -4:-2, 10:-10] = 150.0
    assert min(dices(segment_lungs(CTVolume(hu, volume.geometry)), truth)) >= 0.96


def test_no_lungs_is_said() -> None:
    hu = np.full((40, 60, 60), -1000.0, np.float32)
    hu[:, 10:50, 8:52] = 40.0
    with pytest.raises(ScanError, match="no lungs were found"):
        segment_lungs(CTVolume(hu, Geometry(hu.shape, (5.0, 5.0, 5.0))))


def test_unknown_method_lists_the_known(chest_of: Callable) -> None:
    with pytest.raises(UsageError, match="threshold"):
        segment_lungs(chest_of(0, 4.0)[0], method="magic")


def test_the_real_label_map(shared: Path) -> None:
    """Chest Imaging Platform coding: low byte 9 to 11 left lung, 12 to 14 right."""
    folder = shared / "data/ct/cip_copd_ct64"
    coded = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "lm-64_lung_labelmap.nrrd"))).astype(int) & 255
    volume = read_ct(folder / "ct-64.nrrd")
    truth = np.where((coded >= 12) & (coded <= 14), 1, np.where((coded >= 9) & (coded <= 11), 2, 0)).astype(np.uint8)
    both, right, left = dices(segment_lungs(volume), LabelMap(truth, volume.geometry))
    assert both >= 0.97
    assert min(right, left) >= 0.96


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scan", "crude"), [("lidc_idri_1011", 5.6), ("lungpetctdx_A0001_kernelB", 5.3), ("cip_copd_ct64/ct-64.nrrd", 4.6)]
)
def test_real_volumes(shared: Path, scan: str, crude: float) -> None:
    found = segment_lungs(read_ct(shared / "data/ct" / scan))
    assert 0.97 <= found.volume_l() / crude <= 1.10
    right, left = (np.argwhere(found.labels == label).mean(axis=0) for label in (1, 2))
    assert found.geometry.point(right)[0] < found.geometry.point(left)[0]  # LPS: left is larger


@pytest.mark.slow
def test_kernels_of_one_scan_give_one_mask(shared: Path) -> None:
    soft, sharp = (segment_lungs(read_ct(shared / f"data/ct/lungpetctdx_A0001_kernel{k}")) for k in "BL")
    assert dice(soft.labels > 0, sharp.labels > 0) > 0.985
    assert soft.volume_l() == pytest.approx(sharp.volume_l(), rel=0.02)
