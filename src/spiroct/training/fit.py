"""Fit one network to scans and targets, with Lightning; works on arrays, whatever they came from."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from spiroct.checkpoints.checkpoint import TargetScaler
from spiroct.errors import InputError
from spiroct.log import logger
from spiroct.networks.build import network_of
from spiroct.optional import require
from spiroct.preprocessing.network_input import GridScan, to_input
from spiroct.training.recipe import TrainingRecipe
from spiroct.types import AnyArray, Float64Array


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted network.

    Parameters
    ----------
    state : dict of str to array
        State dictionary, float32.
    scaler : TargetScaler
        Of the training targets.
    history : list of dict
        Epoch, training loss, validation loss (standardised) and learning rate.
    """

    state: dict[str, AnyArray]
    scaler: TargetScaler
    history: list[dict[str, float]]


class ScanDataset(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Inputs and standardised targets; what is random follows from (seed, epoch, sample).

    Parameters
    ----------
    scans : sequence of GridScan
        On the recipe's grid.
    targets : array (n, measures)
        Standardised; NaN where missing.
    recipe : TrainingRecipe
        How inputs are made.
    seed : int or None
        None makes the inputs of prediction.
    """

    def __init__(
        self, scans: Sequence[GridScan], targets: Float64Array, recipe: TrainingRecipe, seed: int | None
    ) -> None:
        self.scans, self.targets, self.recipe, self.seed = scans, targets, recipe, seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.scans)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the input (1, z, y, x) and the targets (measures,) of one scan."""
        target = torch.from_numpy(self.targets[index].astype(np.float32))
        if self.seed is None:
            return torch.from_numpy(to_input(self.scans[index], self.recipe.input).array), target
        rng = np.random.default_rng(np.random.SeedSequence((self.seed, self.epoch, index)))
        array = to_input(self.scans[index], self.recipe.input, rng).array
        fit, (low, high) = self.recipe.fit, self.recipe.input.window_hu
        if fit.shift_voxels:
            array = _shifted(array, rng.integers(-fit.shift_voxels, fit.shift_voxels + 1, size=3))
        if fit.noise_hu:
            noise = rng.standard_normal(array.shape, dtype=np.float32)
            array = np.clip(array + noise * np.float32(2 * fit.noise_hu / (high - low)), -1.0, 1.0)
        return torch.from_numpy(np.ascontiguousarray(array)), target


def fit_network(
    scans: Sequence[GridScan],
    targets: Float64Array,
    recipe: TrainingRecipe,
    *,
    training: AnyArray,
    validation: AnyArray,
    seed: int = 0,
) -> Fit:
    """Fit a network on some scans and watch it on others.

    Parameters
    ----------
    scans : sequence of GridScan
        On the recipe's grid.
    targets : array (n, measures)
        In each measure's unit; NaN where missing.
    recipe : TrainingRecipe
        Network, input and fit.
    training, validation : integer arrays
        Indices into ``scans``.
    seed : int
        Decides weights, order and augmentation.

    Raises
    ------
    InputError
        If a measure is missing or constant in the training patients, or the loss becomes NaN.
    MissingExtraError
        If Lightning is not installed.
    """
    with _quiet():
        pl = require("lightning.pytorch", extra="train", feature="training a network")
    scaler = _scaler(targets[training], recipe)
    torch.manual_seed(seed)
    network = network_of(recipe.network, outputs=len(recipe.measures))
    network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # 1.5 times faster on CPUs
    scaled = scaler.scale(targets)
    learning = ScanDataset([scans[i] for i in training], scaled[training], recipe, seed)
    watching = ScanDataset([scans[i] for i in validation], scaled[validation], recipe, None)
    order = torch.Generator().manual_seed(seed)
    batch = min(recipe.fit.batch, len(learning))
    loader = DataLoader(learning, batch, shuffle=True, drop_last=True, generator=order)
    module = _module(pl, network, recipe, len(loader))
    with _quiet():
        trainer = _trainer(pl, recipe)
    with _quiet():
        trainer.fit(module, loader, DataLoader(watching, batch) if len(watching) else None)
    state = {name: value.detach().cpu().contiguous().numpy() for name, value in network.state_dict().items()}
    return Fit(state, scaler, module.history)


def _trainer(pl: Any, recipe: TrainingRecipe) -> Any:
    return pl.Trainer(
        accelerator="auto",
        devices=1,
        max_epochs=recipe.fit.epochs,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        gradient_clip_val=5.0,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Lightning's advertisements and its own outdated calls from the user, and nothing else."""
    voice = logging.getLogger("lightning.pytorch")
    before = voice.level
    voice.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
            # Inputs are ready in memory maps: worker processes would cost more than they bring.
            warnings.filterwarnings("ignore", message=".*does not have many workers.*")
            warnings.filterwarnings("ignore", message=".*number of training batches.*logging interval.*")
            yield
    finally:
        voice.setLevel(before)


def _scaler(targets: Float64Array, recipe: TrainingRecipe) -> TargetScaler:
    counts = np.isfinite(targets).sum(axis=0)
    for measure, count in zip(recipe.measures, counts, strict=True):
        if count < 2:
            raise InputError(
                f"{measure} has {count} values among the training patients", "two at least are needed", "leave it out"
            )
    mean, sd = np.nanmean(targets, axis=0), np.nanstd(targets, axis=0)
    if np.any(sd <= 0):
        constant = [str(m) for m, s in zip(recipe.measures, sd, strict=True) if s <= 0]
        raise InputError(
            f"{', '.join(constant)} is the same in every patient", "there is nothing to learn", "leave it out"
        )
    return TargetScaler(tuple(float(m) for m in mean), tuple(float(s) for s in sd))


def _module(pl: Any, network: torch.nn.Module, recipe: TrainingRecipe, steps: int) -> Any:
    fit = recipe.fit

    class Regression(pl.LightningModule):  # type: ignore[misc]  # Lightning is imported when called
        """Masked mean squared error of standardised targets."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network
            self.history: list[dict[str, float]] = []
            self.sums: dict[str, list[float]] = {"training": [], "validation": []}

        def loss_of(self, batch: tuple[torch.Tensor, torch.Tensor], part: str) -> torch.Tensor:
            inputs, targets = batch
            known = torch.isfinite(targets)
            outputs = self.network(inputs.contiguous(memory_format=torch.channels_last_3d))
            loss = functional.mse_loss(outputs[known], targets[known])
            if not torch.isfinite(loss):
                raise InputError(
                    f"the loss became {loss.item()} in epoch {self.current_epoch + 1}",
                    "training cannot go on from there",
                    "lower the learning rate of the recipe",
                )
            self.sums[part].append(float(loss.detach()))
            return loss

        def training_step(self, batch: Any, _index: int) -> torch.Tensor:
            return self.loss_of(batch, "training")

        def validation_step(self, batch: Any, _index: int) -> None:
            self.loss_of(batch, "validation")

        def on_train_epoch_start(self) -> None:
            self.trainer.train_dataloader.dataset.epoch = self.current_epoch

        def on_train_epoch_end(self) -> None:
            losses = {part: float(np.mean(values)) if values else float("nan") for part, values in self.sums.items()}
            self.sums = {"training": [], "validation": []}
            self.history.append({"epoch": self.current_epoch + 1.0, **losses})
            logger.info(
                "epoch %d of %d: training loss %.3f, validation loss %.3f",
                self.current_epoch + 1,
                fit.epochs,
                losses["training"],
                losses["validation"],
            )

        def configure_optimizers(self) -> Any:
            optimiser = torch.optim.AdamW(self.parameters(), lr=fit.learning_rate, weight_decay=fit.weight_decay)
            total = max(8, fit.epochs * steps)  # a shorter cycle has no room to rise
            cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, fit.learning_rate, total_steps=total, pct_start=0.25)
            return {"optimizer": optimiser, "lr_scheduler": {"scheduler": cycle, "interval": "step"}}

    return Regression()


def _shifted(array: AnyArray, shift: AnyArray) -> AnyArray:
    """Shift an input (1, z, y, x) by whole voxels; what enters is the window's lower end."""
    moved = np.full_like(array, -1.0)
    source, target = [slice(None)], [slice(None)]
    for size, by in zip(array.shape[1:], (int(s) for s in shift), strict=True):
        source.append(slice(max(0, -by), size - max(0, by)))
        target.append(slice(max(0, by), size - max(0, -by)))
    moved[tuple(target)] = array[tuple(source)]
    return moved
