"""Labels carried through known correspondences; the whole method with a known registration, and with elastix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spiroct.errors import MissingExtraError, ScanError, UsageError
from spiroct.imaging.image_files import read_image
from spiroct.imaging.resampling import resampled_geometry
from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.imaging.writing import write_nifti
from spiroct.segmentation import multi_atlas
from spiroct.segmentation.lungs import LungOptions, deciding_inputs, segment_lungs
from spiroct.segmentation.multi_atlas import carried_vote, multi_atlas_lungs
from spiroct.segmentation.registration import Correspondence

COARSE = Geometry((30, 30, 40), (4.0, 4.0, 4.0), (10.0, 20.0, 30.0))


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return 2.0 * np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other))


def indices_of(box: tuple[slice, slice, slice], scale: float, shift: tuple[float, float, float]) -> np.ndarray:
    """Correspondence by formula: atlas index = scale * index + shift, of the coarse grid."""
    grid = np.stack(np.meshgrid(*[np.arange(a.start, a.stop) for a in box], indexing="ij")).astype(np.float32)
    return scale * grid + np.reshape(shift, (3, 1, 1, 1)).astype(np.float32)


@pytest.mark.parametrize("onto_mm", [(2.0, 2.0, 2.0), (5.0, 1.0, 1.0), (4.0, 4.0, 4.0)])
def test_a_ball_lands_where_the_correspondence_says(onto_mm: tuple[float, float, float]) -> None:
    """A ball of 30 mm, stretched by 1 / 1.5 and shifted: 20 mm in the patient, its centre where algebra puts it."""
    atlas = Geometry((50, 50, 60), (2.0, 2.0, 2.0))
    z, y, x = np.indices(atlas.shape) * 2.0
    share = ((z - 50) ** 2 + (y - 48) ** 2 + (x - 60) ** 2 <= 30**2).astype(np.float32)
    box = (slice(2, 29), slice(1, 30), slice(3, 40))
    # Atlas voxels of 2 mm: 3 of them for each coarse voxel of 4 mm is a scale of 1.5 in millimetres.
    places = Correspondence(box, indices_of(box, 3.0, (-20.0, -18.0, -24.0)))
    onto = resampled_geometry(COARSE, onto_mm)
    hu = np.where(share > 0, -800.0, 40.0).astype(np.float32)
    vote = carried_vote(CTVolume(hu, atlas), np.stack([share, 0 * share]), COARSE, places, onto)
    volume = float(vote.shares[0].sum()) * onto.voxel_volume_ml
    assert volume == pytest.approx(4 / 3 * np.pi * 2.0**3, rel=0.03)
    centre = (vote.shares[0] * np.indices(onto.shape)).sum(axis=(1, 2, 3)) / vote.shares[0].sum()
    expected = COARSE.point(((25 + 20) / 3.0, (24 + 18) / 3.0, (30 + 24) / 3.0))
    assert onto.point(centre) == pytest.approx(expected, abs=0.3)
    assert not vote.shares[1].any()
    assert vote.hu[vote.shares[0] == 1].max() == pytest.approx(-800, abs=1)


def test_outside_the_registered_box_there_is_nothing() -> None:
    box = (slice(10, 20), slice(10, 20), slice(10, 30))
    places = Correspondence(box, indices_of(box, 1.0, (0.0, 0.0, 0.0)))
    everywhere = np.ones(COARSE.shape, np.float32)
    onto = resampled_geometry(COARSE, (2.0, 2.0, 2.0))
    vote = carried_vote(CTVolume(0 * everywhere, COARSE), np.stack([everywhere] * 2), COARSE, places, onto)
    assert np.count_nonzero(vote.shares[0]) == 20 * 20 * 40  # the box's voxels, halved along each axis
    assert vote.hu[0, 0, 0] == -1000


@pytest.fixture
def atlas_folder(chest_of: Callable, tmp_path: Path) -> Path:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    volume, truth = chest_of(0, 5.0)
    write_nifti(volume, tmp_path / "images" / "one.nii.gz")
    write_nifti(truth, tmp_path / "masks" / "one.nii.gz")
    return tmp_path


def identity(fixed: CTVolume, moving: CTVolume) -> Correspondence:
    """Stand in for elastix where atlas and patient are the same."""
    box = (slice(0, fixed.hu.shape[0]), slice(0, fixed.hu.shape[1]), slice(0, fixed.hu.shape[2]))
    assert moving.hu.shape == fixed.hu.shape
    return Correspondence(box, indices_of(box, 1.0, (0.0, 0.0, 0.0)))


@pytest.mark.parametrize("fusion", ["majority", "staple", "local"])
def test_a_patient_who_is_the_atlas_gets_its_lungs(
    chest_of: Callable, atlas_folder: Path, monkeypatch: pytest.MonkeyPatch, fusion: str
) -> None:
    monkeypatch.setattr(multi_atlas, "register", identity)
    volume, truth = chest_of(0, 5.0)
    found = multi_atlas_lungs(volume, atlases=atlas_folder, fusion=fusion)
    assert all(dice(found.labels == label, truth.labels == label) > 0.995 for label in (1, 2))


def test_the_mask_returns_in_the_scans_own_frame(
    chest_of: Callable, atlas_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multi_atlas, "register", identity)
    volume, _ = chest_of(0, 5.0)
    straight = multi_atlas_lungs(volume, atlases=atlas_folder)
    turned_geometry = Geometry(
        volume.geometry.shape[::-1],
        volume.geometry.spacing[::-1],
        volume.geometry.origin,
        ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    )
    turned = CTVolume(np.ascontiguousarray(volume.hu.transpose(2, 1, 0)), turned_geometry)
    found = multi_atlas_lungs(turned, atlases=atlas_folder)
    assert found.geometry == turned_geometry
    assert np.array_equal(found.labels.transpose(2, 1, 0), straight.labels)


def test_atlases_that_find_nothing_are_said(
    chest_of: Callable, atlas_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(fixed: CTVolume, moving: CTVolume) -> Correspondence:
        places = identity(fixed, moving)
        return Correspondence(places.box, places.indices + 1000.0)

    monkeypatch.setattr(multi_atlas, "register", nowhere)
    with pytest.raises(ScanError, match=r"agree on 0\.00 L"):
        multi_atlas_lungs(chest_of(0, 5.0)[0], atlases=atlas_folder)


def test_without_atlases_the_way_to_make_some_is_named(chest_of: Callable) -> None:
    with pytest.raises(UsageError, match="spiroct simulate cohort"):
        segment_lungs(chest_of(0, 5.0)[0], method="multi-atlas")


def test_without_the_extra_its_name_is_said(atlas_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "itk", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'spiroct\[atlas\]'"):
        deciding_inputs("multi-atlas", options=LungOptions(atlases=atlas_folder))


@pytest.mark.atlas
@pytest.mark.slow
def test_the_real_label_map(shared: Path, tmp_path: Path) -> None:
    """Three simulated healthy chests as atlases, the Chest Imaging Platform's label map as the oracle."""
    pytest.importorskip("itk", reason="needs the extra [atlas]")
    from spiroct.workflows.segment import segment
    from spiroct.workflows.simulate import simulate_cohort

    simulate_cohort(tmp_path / "atlases", n=3, seed=11, preset="healthy", spacing=3.0)
    folder = shared / "data/ct/cip_copd_ct64"
    coded = read_image(folder / "lm-64_lung_labelmap.nrrd")[0].astype(int) & 255
    found = segment(
        folder / "ct-64.nrrd", out=tmp_path / "out", lungs="multi-atlas", atlases=tmp_path / "atlases"
    ).lungs
    for label, (low, high) in {1: (12, 14), 2: (9, 11)}.items():
        assert dice(found.labels == label, (coded >= low) & (coded <= high)) >= 0.95


@pytest.mark.atlas
@pytest.mark.slow
def test_fibrosis_by_healthy_atlases(chest_of: Callable, tmp_path: Path) -> None:
    pytest.importorskip("itk", reason="needs the extra [atlas]")
    from spiroct.workflows.simulate import simulate_cohort

    simulate_cohort(tmp_path / "atlases", n=3, seed=11, preset="healthy", spacing=3.0)
    volume, truth = chest_of(2, 3.0, ild_extent=0.6)
    found = multi_atlas_lungs(volume, atlases=tmp_path / "atlases")
    assert all(dice(found.labels == label, truth.labels == label) >= 0.95 for label in (1, 2))


def test_label_maps_are_label_maps(chest_of: Callable, atlas_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multi_atlas, "register", identity)
    found = segment_lungs(chest_of(0, 5.0)[0], method="multi-atlas", options=LungOptions(atlases=atlas_folder))
    assert isinstance(found, LabelMap)
    assert found.labels.dtype == np.uint8
