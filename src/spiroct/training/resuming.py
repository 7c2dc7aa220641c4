"""The state after every epoch on disk, whole or not at all, and training that goes on from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch.callbacks import Checkpoint

from spiroct.errors import OutputError

if TYPE_CHECKING:
    from spiroct.training.regression import Regression

LAST = ".last.ckpt"


class LastEpoch(Checkpoint):
    """Keeps the state after the last finished epoch: network, optimiser, schedule, history, best weights.

    Parameters
    ----------
    folder : Path
        Where ``.last.ckpt`` lies.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_epoch_end(self, trainer: Any, _module: Any) -> None:
        """Write the state beside the old one, then replace it."""
        draft = self.folder / f"{LAST}.partial"
        try:
            trainer.save_checkpoint(draft)
            if trainer.is_global_zero:
                draft.replace(self.folder / LAST)
        except (OSError, RuntimeError) as refused:  # torch reports a full disk as a RuntimeError
            draft.unlink(missing_ok=True)
            raise OutputError(
                f"the state of epoch {trainer.current_epoch + 1} cannot be written to {self.folder} ({refused})",
                "training keeps its state after every epoch",
                "make room on the disk and repeat the command: it goes on where it was",
            ) from None


def last_epoch(folder: Path | None) -> str | None:
    """Path of the state to go on from; None where there is none."""
    if folder is None or not (folder / LAST).is_file():
        return None
    return str(folder / LAST)


def restore(module: Regression, folder: Path) -> dict[str, torch.Tensor]:
    """Give a module the history and best weights of the last epoch on disk; return its network's last weights."""
    saved = torch.load(folder / LAST, map_location="cpu", weights_only=True)
    module.on_load_checkpoint(saved)
    prefix = "network."
    return {name.removeprefix(prefix): v for name, v in saved["state_dict"].items() if name.startswith(prefix)}
