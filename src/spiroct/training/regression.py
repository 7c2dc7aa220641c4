"""The Lightning module: one network, its loss, its optimiser, and what is remembered of every epoch."""

from __future__ import annotations

import time
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader

from spiroct.checkpoints.checkpoint import TargetScaler
from spiroct.errors import InputError
from spiroct.training.datasets import EpochOrder, ScanDataset
from spiroct.training.frozen_features import FrozenFeatures
from spiroct.training.prefetching import PrefetchingLoader
from spiroct.training.progress import FoldPlace, TrainingProgress
from spiroct.training.recipe import FitRecipe


class Regression(pl.LightningModule):
    """Masked mean squared error of (standardised) targets.

    Parameters
    ----------
    network : Module
        Called with volumes (or mean maps), and with covariates where the data have any.
    fit : FitRecipe
        How it is fitted.
    scaler : TargetScaler
        Of the targets: errors in their units are a matter of choosing an epoch.
    learning, watching : ScanDataset or FrozenFeatures
        Training and validation scans; the latter may be empty.
    seed : int
        Of everything random.
    place : FoldPlace, optional
        Which fold this is, for the progress.
    """

    def __init__(
        self,
        network: nn.Module,
        fit: FitRecipe,
        scaler: TargetScaler,
        learning: ScanDataset | FrozenFeatures,
        watching: ScanDataset | FrozenFeatures,
        seed: int,
        place: FoldPlace | None = None,
    ) -> None:
        super().__init__()
        self.network, self.recipe, self.scaler, self.seed = network, fit, scaler, seed
        self.learning, self.watching = learning, watching
        self.progress = TrainingProgress(fit.epochs, place)
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Any] = {"value": float("inf"), "epoch": 0, "state": None}
        self._errors: list[torch.Tensor] = []
        self._losses: list[float] = []
        self._waited = self._worked = 0.0
        self._mark = time.monotonic()

    # ---- data

    def train_dataloader(self) -> DataLoader[Any]:
        """Batches of this device, in an order that follows from seed and epoch."""
        world, rank = self.trainer.world_size, self.trainer.global_rank
        batch = min(self.recipe.batch, max(1, len(self.learning) // world))
        order = EpochOrder(len(self.learning), self.seed, rank=rank, world=world)
        return PrefetchingLoader(self.learning, batch, sampler=order, drop_last=True)

    def val_dataloader(self) -> DataLoader[Any] | list[Any]:
        """Every device validates all: the sums need no exchange, and no scan counts twice."""
        return PrefetchingLoader(self.watching, self.recipe.batch) if len(self.watching) else []

    # ---- steps

    def forward(self, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """Run the network on a batch."""
        volume = batch[0].contiguous(memory_format=torch.channels_last_3d)
        return self.network(volume, batch[1]) if batch[1].shape[1] else self.network(volume)  # type: ignore[no-any-return]

    def training_step(self, batch: tuple[torch.Tensor, ...], _index: int) -> torch.Tensor:
        """Loss of a batch; a measure that a patient lacks counts for nothing."""
        known = torch.isfinite(batch[2])
        outputs = self(batch)
        loss = functional.mse_loss(outputs[known], batch[2][known]) if known.any() else outputs.sum() * 0.0
        if not torch.isfinite(loss):
            raise InputError(
                f"the loss became {loss.item()} in epoch {self.current_epoch + 1}",
                "training cannot go on from there",
                "lower the learning rate of the recipe; finished folds are kept",
            )
        self._losses.append(float(loss.detach()))
        return loss

    def validation_step(self, batch: tuple[torch.Tensor, ...], _index: int) -> None:
        """Collect the errors of a batch, standardised, and which targets there are."""
        known = torch.isfinite(batch[2])
        error = torch.where(known, self(batch) - batch[2], 0.0)
        self._errors.append(torch.stack([error.detach().float().cpu(), known.float().cpu()]))

    # ---- hooks

    def on_train_start(self) -> None:
        """Do not go on with a training that had ended."""
        self.trainer.should_stop = self._is_over()

    def on_train_epoch_start(self) -> None:
        """Start the epoch's sums."""
        self._losses, self._waited, self._worked = [], 0.0, 0.0
        self.progress.start_epoch()
        self._mark = time.monotonic()

    def on_train_batch_start(self, _batch: Any, index: int) -> None:
        """Let what is random in a step follow from seed, epoch, step and device; count the time since the last step."""
        key = (self.seed, self.current_epoch, index, self.trainer.global_rank)
        torch.manual_seed(int(np.random.SeedSequence(key).generate_state(1)[0]))
        now = time.monotonic()
        self._waited, self._mark = self._waited + now - self._mark, now

    def on_train_batch_end(self, _outputs: Any, _batch: Any, index: int) -> None:
        """Count the step's time as work, and tell how far the epoch is."""
        now = time.monotonic()
        self._worked, self._mark = self._worked + now - self._mark, now
        if self.trainer.is_global_zero:
            steps = int(self.trainer.num_training_batches)
            self.progress.tell_step(self.current_epoch + 1, index + 1, steps, self._losses[-1])

    def on_train_epoch_end(self) -> None:
        """Write the epoch into the history, remember the best weights, and end early where the recipe says so."""
        loss = float(np.mean(self._losses)) if self._losses else float("nan")
        row = {"epoch": float(self.current_epoch + 1), "training": loss, **self._validated()}
        row |= {
            "learning_rate": float(self.trainer.optimizers[0].param_groups[0]["lr"]),
            "seconds": round(self._waited + self._worked, 3),
            "wait_share": round(self._waited / max(self._waited + self._worked, 1e-9), 4),
        }
        self.history.append(row)
        keep = {"best-loss": "validation", "best-mae": "validation_mae"}.get(self.recipe.keep)
        if keep is not None and row[keep] < self.best["value"]:
            state = {name: value.detach().cpu().clone() for name, value in self.network.state_dict().items()}
            self.best = {"value": row[keep], "epoch": self.current_epoch + 1, "state": state}
        self.trainer.should_stop = self.trainer.should_stop or self._is_over()
        if self.trainer.is_global_zero:
            self.progress.end_epoch(self.history)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep history and best weights with the state."""
        checkpoint["history"], checkpoint["best"] = self.history, self.best

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on from an earlier run's history."""
        self.history, self.best = list(checkpoint["history"]), dict(checkpoint["best"])

    def configure_optimizers(self) -> Any:
        """Build the recipe's optimiser and schedule."""
        fit = self.recipe
        kind = torch.optim.AdamW if fit.optimiser == "adamw" else torch.optim.Adam
        weights = [p for p in self.parameters() if p.requires_grad]
        optimiser = kind(weights, lr=fit.learning_rate, weight_decay=fit.weight_decay)
        if fit.schedule == "constant":
            return optimiser
        total = max(8, int(self.trainer.estimated_stepping_batches))  # a shorter cycle has no room to rise
        cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, fit.learning_rate, total_steps=total, pct_start=0.25)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": cycle, "interval": "step"}}

    # ---- inside

    def _validated(self) -> dict[str, float]:
        """Loss and mean absolute error, in the targets' units, of the validation that just ran; NaN without one."""
        errors, self._errors = self._errors, []
        if not errors:
            return {"validation": float("nan"), "validation_mae": float("nan")}
        table, known = torch.cat(errors, dim=1).double().numpy()
        counts = known.sum(axis=0)
        squares, sizes = (table**2).sum() / max(counts.sum(), 1), np.abs(table).sum(axis=0)[counts > 0]
        in_units = sizes / counts[counts > 0] * np.asarray(self.scaler.sd)[counts > 0]
        return {"validation": float(squares), "validation_mae": float(in_units.mean()) if in_units.size else 0.0}

    def _is_over(self) -> bool:
        if not self.recipe.patience:
            return False
        losses = [(row["validation"], -row["epoch"]) for row in self.history if np.isfinite(row["validation"])]
        if not losses:
            return False
        since = self.history[-1]["epoch"] + min(losses)[1]
        return since >= self.recipe.patience
