"""Inputs and targets for training: everything random in them follows from (seed, epoch, scan)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch.utils.data import Dataset, Sampler

from spiroct.preprocessing.network_input import GridScan, to_input
from spiroct.training.recipe import Augmentation, TrainingRecipe
from spiroct.types import AnyArray, Float32Array, Float64Array

Sample = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


class ScanDataset(Dataset[Sample]):
    """Scans as a network takes them, with standardised targets.

    Parameters
    ----------
    scans : sequence of GridScan
        On the recipe's grid.
    targets : array (n, measures)
        Standardised; NaN where missing.
    covariates : array (n, covariates)
        Standardised readings beside the image; no column where the network takes none.
    recipe : TrainingRecipe
        How inputs are made.
    seed : int or None
        None makes the inputs of prediction.
    """

    def __init__(
        self,
        scans: Sequence[GridScan],
        targets: Float64Array,
        covariates: Float64Array,
        recipe: TrainingRecipe,
        seed: int | None,
    ) -> None:
        self.scans, self.recipe, self.seed = scans, recipe, seed
        self.targets, self.covariates = targets.astype(np.float32), covariates.astype(np.float32)

    def __len__(self) -> int:
        return len(self.scans)

    def __getitem__(self, draw: int | tuple[int, int]) -> Sample:
        """Return the input (1, z, y, x), the covariates (covariates,) and the targets (measures,) of one scan.

        Parameters
        ----------
        draw : int or tuple of two ints
            The scan's index, or (epoch, index) as :class:`EpochOrder` draws them; epoch 0 where it is left out.
        """
        epoch, index = draw if isinstance(draw, tuple) else (0, draw)
        beside, target = torch.from_numpy(self.covariates[index]), torch.from_numpy(self.targets[index])
        if self.seed is None:
            return torch.from_numpy(to_input(self.scans[index], self.recipe.input).array), beside, target
        rng = np.random.default_rng(np.random.SeedSequence((self.seed, epoch, index)))
        array = to_input(self.scans[index], self.recipe.input, rng).array
        return torch.from_numpy(augmented(array, self.recipe, rng)), beside, target


class EpochOrder(Sampler[tuple[int, int]]):
    """Pairs (epoch, scan) in a random order that follows from (seed, epoch), so that training can go on at any epoch.

    Several devices deal the same order out among them: their batches together are those of one device with batches as
    many times as large.

    Parameters
    ----------
    count : int
        Scans.
    seed : int
        Of the training.
    rank, world : int
        This device, of how many.
    """

    def __init__(self, count: int, seed: int, *, rank: int = 0, world: int = 1) -> None:
        self.count, self.seed, self.rank, self.world, self.epoch = count, seed, rank, world, 0

    def __len__(self) -> int:
        return self.count // self.world

    def __iter__(self) -> Iterator[tuple[int, int]]:
        rng = np.random.default_rng(np.random.SeedSequence((self.seed, self.epoch)))
        order = rng.permutation(self.count)[: len(self) * self.world]
        return iter([(self.epoch, int(index)) for index in order[self.rank :: self.world]])

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of an epoch; Lightning calls this at its start."""
        self.epoch = epoch


def augmented(array: Float32Array, recipe: TrainingRecipe, rng: np.random.Generator) -> Float32Array:
    """Vary an input (1, z, y, x) scaled to [-1, 1] as the recipe says.

    Only what leaves lung function as it is: noise, calibration, sharpness, place and side; never size.
    """
    how: Augmentation = recipe.fit.augmentation
    low, high = recipe.input.window_hu
    scale = 2.0 / (high - low)
    if how.shift_voxels:
        array = shifted(array, rng.integers(-how.shift_voxels, how.shift_voxels + 1, size=3))
    if how.mirror and rng.random() < 0.5:
        array = array[..., ::-1]
    if how.blur_mm:
        array = gaussian_filter(array, (0, *(rng.uniform(0, how.blur_mm) / recipe.input.spacing_mm,) * 3))
    if how.noise_hu or how.offset_hu:
        varied = array + np.float32(scale * how.offset_hu * rng.standard_normal())
        if how.noise_hu:
            noise = rng.standard_normal(array.shape, dtype=np.float32)
            noise *= np.float32(scale * how.noise_hu)
            varied += noise
        array = np.clip(varied, -1.0, 1.0, out=varied)
    return np.ascontiguousarray(array)


def shifted(array: Float32Array, shift: AnyArray) -> Float32Array:
    """Shift an input (1, z, y, x) by whole voxels; what enters is the window's lower end."""
    moved = np.full_like(array, -1.0)
    source, target = [slice(None)], [slice(None)]
    for size, by in zip(array.shape[1:], (int(s) for s in shift), strict=True):
        source.append(slice(max(0, -by), size - max(0, by)))
        target.append(slice(max(0, by), size - max(0, -by)))
    moved[tuple(target)] = array[tuple(source)]
    return moved
