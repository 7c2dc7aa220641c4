"""Batches made ready in a thread while the network works on the one before."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader

AHEAD = 2
_LOOK_S = 0.2


class PrefetchingLoader(DataLoader[Any]):
    """A DataLoader whose batches are made by one thread, at most two ahead of the network.

    A thread rather than worker processes: NumPy and torch let go of the interpreter while they compute, memory maps
    need no copy, and nothing is forked. Batches and their order are those of a plain DataLoader.
    """

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]  # a generator is enough of an iterator
        """Yield the batches; what fails in the thread fails here."""
        batches = super().__iter__()  # draws its seed here, in the caller's thread
        ready: queue.Queue[tuple[str, Any]] = queue.Queue(AHEAD)
        ended = threading.Event()

        def hand_over(kind: str, what: Any) -> bool:
            while not ended.is_set():
                try:
                    ready.put((kind, what), timeout=_LOOK_S)
                except queue.Full:
                    continue
                return True
            return False

        def work() -> None:
            try:
                for batch in batches:
                    if not hand_over("batch", batch):
                        return
            except BaseException as fault:  # noqa: BLE001 - raised again where the batch is asked for
                hand_over("fault", fault)
                return
            hand_over("end", None)

        thread = threading.Thread(target=work, name="batches", daemon=True)
        thread.start()
        try:
            while (told := ready.get())[0] != "end":
                if told[0] == "fault":
                    raise told[1]
                yield told[1]
        finally:
            ended.set()
            thread.join()
