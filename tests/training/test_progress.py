"""What a training says while it runs: fold, epoch, loss, best so far, time left."""

from __future__ import annotations

import pytest

from spiroct.training import progress
from spiroct.training.progress import FoldPlace, TrainingProgress, duration


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(progress, "time", found)
    return found


def row(epoch: int, training: float, validation: float = float("nan")) -> dict[str, float]:
    return {"epoch": float(epoch), "training": training, "validation": validation}


def test_an_epoch_in_a_line(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    told = TrainingProgress(10, FoldPlace(7, 2, 4))
    with caplog.at_level("INFO", logger="spiroct"):
        for epoch, validation in ((1, 0.5), (2, 0.25), (3, 0.3)):
            told.start_epoch()
            clock.now += 60
            told.end_epoch([row(e, 0.4, v) for e, v in ((1, 0.5), (2, 0.25), (3, 0.3))][:epoch])
            assert f"validation loss {validation:.3f}" in caplog.messages[-1]
    # Seven more epochs here, twenty in the two folds to come, a minute each.
    assert caplog.messages[-1] == (
        "fold 7 (2 of 4), epoch 3 of 10: training loss 0.400, validation loss 0.300 (best 0.250 in epoch 2), "
        "at most 7 min left in this fold and 27 min in all"
    )


def test_within_an_epoch_a_line_a_minute(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    told = TrainingProgress(2)
    with caplog.at_level("INFO", logger="spiroct"):
        told.start_epoch()
        for step in range(1, 101):  # 100 steps of 10 s: an epoch of 1000 s
            clock.now += 10
            told.tell_step(1, step, 100, 0.5)
        told.end_epoch([row(1, 0.5)])
    assert len(caplog.messages) == 16 + 1
    assert caplog.messages[0] == "epoch 1 of 2: step 6 of 100, training loss 0.500, at most 32 min left"
    assert caplog.messages[-1] == "epoch 1 of 2: training loss 0.500, no validation yet, at most 17 min left"


@pytest.mark.parametrize(("seconds", "words"), [(50, "50 s"), (720, "12 min"), (12600, "3.5 h")])
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words
