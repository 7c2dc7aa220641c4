"""Simulated patients in several processes of this machine; Ctrl-C ends them without a word of theirs."""

from __future__ import annotations

import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from typing import TypeVar

from spiroct.log import logger

Part = TypeVar("Part")
Made = TypeVar("Made")


def each(make: Callable[[Part], object], parts: Sequence[Part], *, workers: int) -> None:
    """Make every part, in this process or in several; a line a minute says how far it is."""
    said = time.monotonic()
    for done, _ in enumerate(made(make, parts, workers), start=1):
        if time.monotonic() - said > 60:
            logger.info("simulated %d of %d patients", done, len(parts))
            said = time.monotonic()


def made(make: Callable[[Part], Made], parts: Sequence[Part], workers: int) -> Iterator[Made]:
    """Make every part and yield what was made, as each ends; interrupted, nothing is left running."""
    if workers == 1 or len(parts) == 1:
        for part in parts:
            yield make(part)
        return
    # spawned, not forked: numba's and SimpleITK's threads do not survive a fork
    context = multiprocessing.get_context("spawn")
    others = multiprocessing.active_children()
    with ProcessPoolExecutor(min(workers, len(parts)), mp_context=context) as pool:
        with _workers_spared_of_interrupts():
            futures = [pool.submit(make, part) for part in parts]
        try:
            for future in as_completed(futures):
                yield future.result()
        except KeyboardInterrupt:
            for worker in set(multiprocessing.active_children()) - set(others):
                worker.terminate()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _workers_spared_of_interrupts() -> Iterator[None]:
    """Have what starts meanwhile ignore Ctrl-C, which a terminal sends to every process: each would print where it was.

    Only a program's main thread may say so; elsewhere nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
