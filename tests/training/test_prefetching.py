"""Batches from a thread: the same ones in the same order, its faults told, and no thread left behind."""

from __future__ import annotations

import threading
import time

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from spiroct.training.prefetching import AHEAD, PrefetchingLoader


class Numbers(Dataset[torch.Tensor]):
    def __init__(self, *, broken_at: int | None = None) -> None:
        self.broken_at, self.made = broken_at, 0

    def __len__(self) -> int:
        return 40

    def __getitem__(self, index: int) -> torch.Tensor:
        if index == self.broken_at:
            raise OSError("the image is gone")
        self.made += 1
        return torch.tensor([index])


def threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name == "batches"]


def test_batches_are_those_of_a_plain_loader() -> None:
    plain, ahead = DataLoader(Numbers(), 3), PrefetchingLoader(Numbers(), 3)
    for _ in range(2):
        assert all(torch.equal(a, b) for a, b in zip(plain, ahead, strict=True))
    assert not threads()


def test_a_fault_is_raised_where_the_batch_is_asked_for() -> None:
    batches = iter(PrefetchingLoader(Numbers(broken_at=10), 4))
    assert [len(next(batches)), len(next(batches))] == [4, 4]
    with pytest.raises(OSError, match="gone"):
        next(batches)
    with pytest.raises(OSError, match="gone"):
        list(PrefetchingLoader(Numbers(broken_at=0), 4))
    assert not threads()


def test_it_works_ahead_but_not_far_and_ends_when_it_is_left() -> None:
    numbers = Numbers()
    batches = iter(PrefetchingLoader(numbers, 1))
    next(batches)
    deadline = time.monotonic() + 5
    while numbers.made < AHEAD + 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    assert numbers.made == AHEAD + 2  # one taken, two ready, one in the thread's hand
    batches.close()
    assert not threads()
