"""Fusion on labels that can be counted by hand, and on constructed atlases of known reliability."""

from __future__ import annotations

import numpy as np
import pytest

from spiroct.errors import UsageError
from spiroct.segmentation.fusion import (
    FUSIONS,
    Vote,
    decide,
    fuse_by_local_similarity,
    fuse_by_majority,
    fuse_by_staple,
    require_fusion,
)

SPACING = (2.0, 2.0, 2.0)


def vote(right: np.ndarray, left: np.ndarray, hu: float | np.ndarray = 0.0) -> Vote:
    shares = np.stack([right, left]).astype(np.float32)
    return Vote(shares, np.broadcast_to(np.asarray(hu, np.float32), right.shape).copy())


def boxes(low: int, high: int, shape: tuple[int, int, int] = (12, 12, 24)) -> tuple[np.ndarray, np.ndarray]:
    right, left = np.zeros(shape, bool), np.zeros(shape, bool)
    right[2:10, 2:10, low:high] = True
    left[2:10, 2:10, 24 - high : 24 - low] = True
    return right, left


def test_two_of_three_win() -> None:
    votes = [vote(*boxes(2, 8)), vote(*boxes(2, 8)), vote(*boxes(4, 11))]
    hu = np.zeros((12, 12, 24), np.float32)
    right, left = boxes(2, 8)
    assert np.array_equal(decide(fuse_by_majority(votes, hu, SPACING)), np.where(right, 1, np.where(left, 2, 0)))


def test_the_average_border_lies_between_two_atlases() -> None:
    """One atlas ends at 8, one at 10, and one is cut halfway through voxel 9: the mean of the three is above 1/2."""
    partial = boxes(2, 9)
    shares = np.stack(partial).astype(np.float32)
    shares[0][2:10, 2:10, 9] = 0.6
    votes = [vote(*boxes(2, 9)), vote(*boxes(2, 10)), Vote(shares, np.zeros((12, 12, 24), np.float32))]
    fused = fuse_by_majority(votes, votes[0].hu, SPACING)
    assert fused[0][5, 5, 9] == pytest.approx(1.6 / 3)
    assert decide(fused)[5, 5, 9] == 1


def test_the_atlas_that_looks_like_the_patient_decides_where_it_does() -> None:
    """Atlas 1 looks like the patient in the lower half, atlas 2 in the upper half; a third never does."""
    shape = (40, 12, 24)
    hu = np.zeros(shape, np.float32)
    hu[20:] = -800
    low, high = boxes(2, 8, shape), boxes(2, 11, shape)
    for mask in (*low, *high):
        mask[:] |= mask[5]
    votes = [vote(*low, hu=0.0), vote(*high, hu=-800.0), vote(*(np.zeros(shape, bool),) * 2, hu=200.0)]
    labels = decide(fuse_by_local_similarity(votes, hu, SPACING))
    assert np.array_equal(labels[2] == 1, low[0][2])
    assert np.array_equal(labels[37] == 1, high[0][37])


def test_weights_follow_their_formula() -> None:
    """Even differences of 40 and 60 HU: weights (1 + 4)^-2 and (1 + 9)^-2, so the first has 4/5 of the say."""
    hu = np.zeros((8, 8, 8), np.float32)
    one, none = np.ones(hu.shape), np.zeros(hu.shape)
    fused = fuse_by_local_similarity([vote(one, none, 40.0), vote(none, one, 60.0)], hu, SPACING)
    assert fused[0] == pytest.approx(0.8, abs=1e-5)
    assert fused[1] == pytest.approx(0.2, abs=1e-5)


def test_staple_trusts_the_reliable() -> None:
    """Two careful atlases against three that are each wrong in a third of the voxels, in other places."""
    rng = np.random.default_rng(3)
    right, left = boxes(2, 10)
    truth = np.where(right, 1, np.where(left, 2, 0))
    votes = [vote(right, left), vote(right, left)]
    for _ in range(3):
        wrong = np.where(rng.random(truth.shape) < 0.35, rng.integers(0, 3, truth.shape), truth)
        votes.append(vote(wrong == 1, wrong == 2))
    hu = np.zeros(truth.shape, np.float32)
    majority = np.count_nonzero(decide(fuse_by_majority(votes, hu, SPACING)) != truth)
    staple = np.count_nonzero(decide(fuse_by_staple(votes, hu, SPACING)) != truth)
    assert staple == 0
    assert majority > 0


@pytest.mark.parametrize("name", sorted(FUSIONS))
def test_atlases_that_agree_are_believed(name: str) -> None:
    right, left = boxes(3, 9)
    votes = (vote(right, left, hu) for hu in (-10.0, 10.0, 400.0))
    labels = decide(FUSIONS[name](votes, np.zeros(right.shape, np.float32), SPACING))
    assert np.array_equal(labels, np.where(right, 1, np.where(left, 2, 0)))


@pytest.mark.parametrize("name", sorted(FUSIONS))
def test_no_atlases_is_no_fusion(name: str) -> None:
    with pytest.raises(ValueError, match="no atlases"):
        FUSIONS[name]([], np.zeros((3, 3, 3), np.float32), SPACING)


def test_staple_without_any_lung_is_background() -> None:
    none = np.zeros((4, 4, 4), bool)
    assert not fuse_by_staple([vote(none, none)], np.zeros((4, 4, 4), np.float32), SPACING).any()


def test_unknown_fusion_lists_the_known() -> None:
    with pytest.raises(UsageError, match="majority, staple, local"):
        require_fusion("mean")
