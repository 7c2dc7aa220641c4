"""How far a training is: fold, epoch, loss, the best so far and the time left."""

from __future__ import annotations

import logging
import sys
import time
from dataclasses import dataclass

import numpy as np

from spiroct.log import logger

EVERY_S = 60.0


@dataclass(frozen=True)
class FoldPlace:
    """Which of the folds is being trained.

    Parameters
    ----------
    number : int
        The fold's name in the table.
    position, count : int
        It is the ``position``-th (from 1) of ``count`` folds.
    """

    number: int
    position: int
    count: int


class TrainingProgress:
    """Tells every epoch in a line, and where it is within an epoch: in place on a terminal, once a minute in a log.

    Parameters
    ----------
    epochs : int
        At most.
    place : FoldPlace, optional
        Of the fold; None where one network is trained alone.
    """

    def __init__(self, epochs: int, place: FoldPlace | None = None) -> None:
        self.epochs, self.place = epochs, place
        self.terminal = sys.stderr.isatty() and logger.isEnabledFor(logging.INFO)
        self._begun = self._told = time.monotonic()
        self._durations: list[float] = []

    def start_epoch(self) -> None:
        """Start the epoch's clock."""
        self._begun = time.monotonic()

    def tell_step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        """Tell the position within an epoch, where a minute has passed in silence or a terminal can show it."""
        now = time.monotonic()
        if not self.terminal and now - self._told < EVERY_S:
            return
        share = step / max(steps, 1)
        first = (now - self._begun) / share
        mean = float(np.mean(self._durations)) if self._durations else first
        left = mean * (self.epochs - epoch) + first * (1 - share)
        text = f"{self._where(epoch)}: step {step} of {steps}, training loss {loss:.3f}, {self._left(left, mean)}"
        if self.terminal:
            sys.stderr.write(f"\r\033[K{text}")
            sys.stderr.flush()
        else:
            logger.info(text)
        self._told = now

    def end_epoch(self, history: list[dict[str, float]]) -> None:
        """Tell the last epoch of a history."""
        now = time.monotonic()
        self._durations.append(now - self._begun)
        self._told = now
        row = history[-1]
        losses = [(r["validation"], int(r["epoch"])) for r in history if np.isfinite(r["validation"])]
        best = "no validation yet"
        if losses:
            best = f"validation loss {row['validation']:.3f} (best {min(losses)[0]:.3f} in epoch {min(losses)[1]})"
        mean = float(np.mean(self._durations))
        if self.terminal:
            sys.stderr.write("\r\033[K")
        logger.info(
            "%s: training loss %.3f, %s, %s",
            self._where(int(row["epoch"])), row["training"], best,
            self._left(mean * (self.epochs - row["epoch"]), mean),
        )  # fmt: skip

    def _where(self, epoch: int) -> str:
        text = f"epoch {epoch} of {self.epochs}"
        if self.place is None:
            return text
        return f"fold {self.place.number} ({self.place.position} of {self.place.count}), {text}"

    def _left(self, here: float, an_epoch: float) -> str:
        if self.place is None or self.place.count == 1:
            return f"at most {duration(here)} left"
        others = an_epoch * self.epochs * (self.place.count - self.place.position)
        return f"at most {duration(here)} left in this fold and {duration(here + others)} in all"


def duration(seconds: float) -> str:
    """Say a time as one reads it: ``50 s``, ``12 min``, ``3.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"
