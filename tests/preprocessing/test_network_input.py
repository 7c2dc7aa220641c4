"""The way from CT to network input: where each voxel of the patch comes from, and what it is scaled to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiroct.errors import UsageError
from spiroct.preprocessing.network_input import GridScan, prepare, to_grid, to_input
from spiroct.preprocessing.recipe import DEFAULT, PAPER, Crop, InputRecipe, Region

sizes = st.tuples(*(st.integers(6, 20),) * 3)


def grid_scan(shape: tuple[int, int, int], box: tuple[tuple[int, int], ...] | None = None) -> GridScan:
    """Return a scan in which every voxel has its own value, and a lung box: right half 1, left half 2."""
    hu = (np.arange(np.prod(shape)) % 2000 - 1000).astype(np.int16).reshape(shape)
    lungs = np.zeros(shape, np.uint8)
    first = box or tuple((1, n - 1) for n in shape)
    middle = (first[2][0] + first[2][1]) // 2
    region = tuple(slice(*edges) for edges in first)
    lungs[region] = 1
    lungs[region[0], region[1], middle : first[2][1]] = 2
    return GridScan(hu, lungs)


@given(sizes, sizes, st.sampled_from(list(Crop)), st.integers(0, 99))
def test_every_voxel_comes_from_its_place_or_is_padding(shape: tuple, patch: tuple, crop: Crop, seed: int) -> None:
    recipe = InputRecipe(patch=patch, crop=crop, training_crop=crop)
    scan = grid_scan(shape)
    for rng in (None, np.random.default_rng(seed)):
        made = to_input(scan, recipe, rng)
        assert made.array.shape == (1, *patch)
        assert made.array.dtype == np.float32
        index = np.indices(patch).reshape(3, -1).T + np.asarray(made.start)
        inside = np.all((index >= 0) & (index < shape), axis=1)
        expected = np.full(len(index), -1.0)
        expected[inside] = scan.hu[tuple(index[inside].T)] / 1500.0  # [-1500, 1500] to [-1, 1]
        np.testing.assert_allclose(made.array.ravel(), expected, atol=1e-6)


@given(sizes, st.integers(0, 999), st.data())
def test_training_crops_hold_the_lungs_when_they_fit(shape: tuple, seed: int, data: st.DataObject) -> None:
    box = []
    for n in shape:
        low = data.draw(st.integers(0, n - 4))
        box.append((low, data.draw(st.integers(low + 3, n))))
    patch = tuple(hi - lo + data.draw(st.integers(0, 6)) for lo, hi in box)
    made = to_input(grid_scan(shape, tuple(box)), InputRecipe(patch=patch), np.random.default_rng(seed))
    assert made.lungs_outside == 0.0


def test_lungs_larger_than_the_patch_are_told() -> None:
    scan = grid_scan((20, 20, 20), ((0, 20), (5, 15), (5, 15)))
    made = to_input(scan, InputRecipe(patch=(10, 20, 20), crop=Crop.LUNG_CENTRE))
    assert made.lungs_outside == pytest.approx(0.5)
    assert made.start == (5, 0, 0)


def test_the_papers_crop_is_about_the_image_centre() -> None:
    """From x0 - 120 to x0 + 120 (Jia 2023, II.A.3), whatever the lungs do."""
    scan = grid_scan((12, 14, 16), ((0, 4), (0, 5), (0, 6)))
    made = to_input(scan, replace(PAPER, patch=(6, 6, 6)))
    assert made.start == (6 - 3, 7 - 3, 8 - 3)
    assert to_input(scan, replace(DEFAULT, patch=(6, 6, 6))).start == (-1, -1, 0)


@pytest.mark.parametrize(
    ("region", "kept"), [(Region.LUNGS, {1, 2}), (Region.RIGHT_LUNG, {1}), (Region.LEFT_LUNG, {2})]
)
def test_outside_a_region_is_the_windows_lower_end(region: Region, kept: set[int]) -> None:
    scan = grid_scan((8, 8, 8))
    made = to_input(scan, InputRecipe(patch=(8, 8, 8), crop=Crop.IMAGE_CENTRE, region=region))
    inside = np.isin(scan.lungs, list(kept))
    assert np.all(made.array[0][~inside] == -1.0)
    np.testing.assert_allclose(made.array[0][inside], scan.hu[inside] / 1500.0, atol=1e-6)


def test_vessels_show_density_or_mask_and_only_inside_the_lungs() -> None:
    scan = grid_scan((8, 8, 8))
    vessels = np.zeros((8, 8, 8), np.uint8)
    vessels[4] = 1
    scan = replace(scan, vessels=vessels)
    inside = (vessels > 0) & (scan.lungs > 0)
    recipe = InputRecipe(patch=(8, 8, 8), crop=Crop.IMAGE_CENTRE, region=Region.VESSELS)
    dense = to_input(scan, recipe).array[0]
    np.testing.assert_allclose(dense[inside], scan.hu[inside] / 1500.0, atol=1e-6)
    assert np.all(dense[~inside] == -1.0)
    binary = to_input(scan, replace(recipe, region=Region.VESSELS_BINARY)).array[0]
    assert np.array_equal(binary, np.where(inside, 1.0, -1.0))


@pytest.mark.parametrize("region", [Region.VESSELS, Region.VESSELS_BINARY])
def test_vessel_regions_need_a_vessel_mask(region: Region) -> None:
    with pytest.raises(UsageError, match="needs a vessel mask"):
        to_input(grid_scan((8, 8, 8)), InputRecipe(patch=(8, 8, 8), region=region))


def test_what_is_outside_the_lungs_and_what_is_their_shape() -> None:
    scan = grid_scan((8, 8, 8))
    recipe = InputRecipe(patch=(8, 8, 8), crop=Crop.IMAGE_CENTRE, region=Region.OUTSIDE_LUNGS)
    outside = to_input(scan, recipe).array[0]
    assert np.all(outside[scan.lungs > 0] == -1.0)
    np.testing.assert_allclose(outside[scan.lungs == 0], scan.hu[scan.lungs == 0] / 1500.0, atol=1e-6)
    shape = to_input(scan, replace(recipe, region=Region.LUNG_SHAPE)).array[0]
    assert np.array_equal(shape, np.where(scan.lungs > 0, 1.0, -1.0))


def test_a_region_needs_its_mask() -> None:
    bare = GridScan(np.zeros((8, 8, 8), np.int16), None)
    with pytest.raises(UsageError, match="needs a lung mask"):
        to_input(bare, InputRecipe(patch=(8, 8, 8), region=Region.LUNGS))
    assert to_input(bare, InputRecipe(patch=(8, 8, 8), crop=Crop.LUNG_CENTRE)).start == (0, 0, 0)


def test_mask_and_ct_stay_aligned_on_the_grid() -> None:
    """A block that is lung in both: after resampling the mask still covers the dark voxels and no others."""
    hu, lungs = np.full((30, 40, 40), 40.0, np.float32), np.zeros((30, 40, 40), np.uint8)
    hu[6:24, 10:30, 5:35], lungs[6:24, 10:30, 5:35] = -850.0, 1
    scan = to_grid(hu, (2.5, 0.9, 0.9), lungs, InputRecipe(spacing_mm=1.5))
    dark = scan.hu < -405
    overlap = 2 * np.count_nonzero(dark & (scan.lungs > 0)) / (np.count_nonzero(dark) + np.count_nonzero(scan.lungs))
    assert overlap > 0.95
    assert scan.hu.dtype == np.int16


def test_values_are_clipped_to_the_window() -> None:
    hu = np.asarray([-3000.0, 0.0, 3000.0, 0.0], np.float32).reshape(1, 1, 4).repeat(4, 0).repeat(4, 1)
    recipe = InputRecipe(spacing_mm=1.0, patch=(4, 4, 4), crop=Crop.IMAGE_CENTRE)
    made = prepare(hu, (1.0, 1.0, 1.0), None, recipe)
    assert made.array[0, 0, 0].tolist() == [-1.0, 0.0, 1.0, 0.0]


def test_recipes_are_plain_data() -> None:
    recipe = InputRecipe(spacing_mm=4.0, patch=(64, 64, 64), crop="lung-centre", region="lungs")
    assert InputRecipe.from_document(recipe.to_document()) == recipe
    assert recipe.to_document()["patch"] == [64, 64, 64]


@pytest.mark.parametrize(
    "wrong", [{"spacing_mm": 0.0}, {"window_hu": (500, -500)}, {"patch": (0, 4, 4)}, {"region": "heart"}, {"crop": "x"}]
)
def test_recipes_that_cannot_be_cooked(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        InputRecipe(**wrong)
