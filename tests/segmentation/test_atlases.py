"""Atlases in every layout that the documentation names, and what is wrong with a folder that holds none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spiroct.errors import InputError
from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.imaging.writing import write_nifti
from spiroct.segmentation.atlases import atlases_digest, find_atlases, read_atlas

GRID = Geometry((25, 20, 30), (5.0, 5.0, 5.0), (-10.0, 4.0, 7.0))


def write_pair(image: Path, lungs: Path, *, labels: np.ndarray | None = None, grid: Geometry = GRID) -> None:
    hu = np.full(GRID.shape, -1000, np.float32)
    hu[:, 3:17, 3:27] = 40
    hu[5:20, 6:14, 6:12] = hu[5:20, 6:14, 18:24] = -800
    if labels is None:
        labels = np.zeros(grid.shape, np.uint8)
        labels[5:20, 6:14, 6:12], labels[5:20, 6:14, 18:24] = 1, 2
    for path in (image, lungs):
        path.parent.mkdir(exist_ok=True)
    write_nifti(CTVolume(hu, GRID), image)
    write_nifti(LabelMap(labels, grid), lungs)


def test_two_folders_as_a_simulated_cohort_has_them(tmp_path: Path) -> None:
    for name in ("b", "a"):
        write_pair(tmp_path / "images" / f"{name}.nii.gz", tmp_path / "masks" / f"{name}.nii.gz")
    (tmp_path / "images" / "notes.txt").write_text("no image", encoding="utf-8")
    found = find_atlases(tmp_path)
    assert [atlas.name for atlas in found] == ["a", "b"]
    volume, lungs = read_atlas(found[0])
    assert volume.geometry == lungs.geometry
    assert set(np.unique(lungs.labels)) == {0, 1, 2}


def test_label_maps_beside_their_images(tmp_path: Path) -> None:
    write_pair(tmp_path / "one.nii.gz", tmp_path / "one_lungs.nii.gz")
    write_pair(tmp_path / "two.nrrd", tmp_path / "two_label.mha")
    assert [(a.name, a.image.name, a.lungs.name) for a in find_atlases(tmp_path)] == [
        ("one", "one.nii.gz", "one_lungs.nii.gz"),
        ("two", "two.nrrd", "two_label.mha"),
    ]


def test_a_table_of_pairs(tmp_path: Path) -> None:
    write_pair(tmp_path / "ct" / "one.nii.gz", tmp_path / "m" / "x.nii.gz")
    table = tmp_path / "cohort.csv"
    table.write_text("patient_id,image,lung_mask\n1,ct/one.nii.gz,m/x.nii.gz\n2,ct/two.nii.gz,\n", encoding="utf-8")
    (only,) = find_atlases(table)
    assert only.lungs == tmp_path / "m" / "x.nii.gz"


@pytest.mark.parametrize("write", [True, False], ids=["empty", "missing"])
def test_no_atlases(tmp_path: Path, write: bool) -> None:
    folder = tmp_path / "atlases"
    if write:
        folder.mkdir()
    with pytest.raises(InputError, match="spiroct simulate cohort ATLASES"):
        find_atlases(folder)


def test_an_image_without_its_label_map_is_named(tmp_path: Path) -> None:
    write_pair(tmp_path / "images" / "a.nii.gz", tmp_path / "masks" / "a.nii.gz")
    (tmp_path / "masks" / "a.nii.gz").unlink()
    with pytest.raises(InputError, match=r"atlas a: .*masks.a\.nii\.gz is missing"):
        find_atlases(tmp_path)


def test_a_table_without_the_columns(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("scan\nx\n", encoding="utf-8")
    with pytest.raises(InputError, match="columns image and lung_mask"):
        find_atlases(tmp_path / "list.csv")


def test_another_grid_is_refused(tmp_path: Path) -> None:
    moved = Geometry(GRID.shape, GRID.spacing, (0.0, 0.0, 0.0))
    write_pair(tmp_path / "a.nii.gz", tmp_path / "a_lungs.nii.gz", grid=moved)
    (atlas,) = find_atlases(tmp_path)
    with pytest.raises(InputError, match="does not lie on its image's grid"):
        read_atlas(atlas)


def test_other_labels_are_refused(tmp_path: Path) -> None:
    labels = np.zeros(GRID.shape, np.uint8)
    labels[5:8], labels[8:11] = 2, 3
    write_pair(tmp_path / "a.nii.gz", tmp_path / "a_lungs.nii.gz", labels=labels)
    (atlas,) = find_atlases(tmp_path)
    with pytest.raises(InputError, match="the label map holds 0, 2, 3:"):
        read_atlas(atlas)


def test_the_digest_is_of_the_contents(tmp_path: Path) -> None:
    write_pair(tmp_path / "one" / "a.nii.gz", tmp_path / "one" / "a_lungs.nii.gz")
    write_pair(tmp_path / "two" / "a.nii.gz", tmp_path / "two" / "a_lungs.nii.gz")
    one, two = (atlases_digest(find_atlases(tmp_path / name)) for name in ("one", "two"))
    assert one == two
    labels = np.zeros(GRID.shape, np.uint8)
    labels[5:8], labels[8:11] = 1, 2
    write_pair(tmp_path / "two" / "a.nii.gz", tmp_path / "two" / "a_lungs.nii.gz", labels=labels)
    assert atlases_digest(find_atlases(tmp_path / "two")) != one
