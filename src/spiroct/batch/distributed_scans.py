"""Scans shared out over Dask workers: one at a time each, tried again when a worker dies, never waited for in vain."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from spiroct.batch.execution import Execution, connected
from spiroct.batch.scan_task import Outcome, ScanTask
from spiroct.batch.tables import Failure
from spiroct.batch.time_limit import time_limit
from spiroct.errors import InputError
from spiroct.log import logger

NO_WORKERS_S = 900.0


def attempts(
    tasks: Sequence[ScanTask], attempt: Callable[[ScanTask], Outcome], execution: Execution, out: Path
) -> Iterator[tuple[ScanTask, Outcome]]:
    """Work on tasks where ``execution`` says, and give each with its outcome as it ends.

    A worker has one task at a time, so that a death is blamed on the right scan.

    Parameters
    ----------
    tasks : sequence of ScanTask
    attempt : callable
        ``attempt(task)`` does the work in the worker process; it can be pickled and does not raise.
    execution : Execution
    out : Path
        Folder of the batch, which the workers see too.

    Raises
    ------
    InputError
        If there has been no worker for a quarter of an hour.
    """
    for task in tasks:  # what a run left that was killed says nothing of this one
        _marker(out, task).unlink(missing_ok=True)
    with connected(execution) as client:
        waiting = deque((task, 0) for task in tasks)
        running: dict[Any, tuple[ScanTask, int]] = {}
        seen = time.monotonic()
        while waiting or running:
            slots = sum(client.nthreads().values())
            if slots:
                seen = time.monotonic()
            elif time.monotonic() - seen > NO_WORKERS_S:
                raise InputError(
                    "no worker has come for a quarter of an hour", "a batch needs workers", "start some; it goes on"
                )
            while waiting and len(running) < max(1, slots):
                task, tries = waiting.popleft()
                limited = _Limited(attempt, execution.time_limit_s, _marker(out, task))
                key = f"{task.scan_id}-{tries}-{time.monotonic_ns()}"
                running[client.submit(limited, task, key=key, pure=False)] = (task, tries)
            for future in _ended(list(running)):
                task, tries = running.pop(future)
                outcome = _outcome(future, task, tries, execution, out)
                if outcome is None:
                    waiting.append((task, tries + 1))
                else:
                    yield task, outcome
                future.release()


class _Limited:
    """An attempt under a time limit."""

    def __init__(self, attempt: Callable[[ScanTask], Outcome], seconds: float, marker: Path) -> None:
        self.attempt, self.seconds, self.marker = attempt, seconds, marker

    def __call__(self, task: ScanTask) -> Outcome:
        if self.marker.exists():  # a scheduler of others may send it on when its worker ends
            return _over_time(task, self.seconds)
        with time_limit(self.seconds, self.marker):
            return self.attempt(task)


def _ended(futures: list[Any]) -> list[Any]:
    from distributed import wait

    try:
        wait(futures, timeout=5, return_when="FIRST_COMPLETED")
    except TimeoutError:
        return []
    return [future for future in futures if future.done()]


def _outcome(future: Any, task: ScanTask, tries: int, execution: Execution, out: Path) -> Outcome | None:
    """Tell what came of an attempt; None where it is to be tried again."""
    marker = _marker(out, task)
    if future.status == "finished":
        marker.unlink(missing_ok=True)
        result: Outcome = future.result()
        return result
    if marker.exists():
        marker.unlink()
        return _over_time(task, execution.time_limit_s)
    if tries < execution.retries:
        logger.warning("warning: %s: its worker died; it is tried again.", task.scan_id)
        return None
    reason = f"the worker died {tries + 1} times while working on it: it was killed, or the memory was full"
    return Outcome(worked=True, failure=Failure(task.scan_id, _source(task), "WorkerDied", reason))


def _over_time(task: ScanTask, seconds: float) -> Outcome:
    reason = f"it took longer than the time limit of {seconds:g} s"
    return Outcome(worked=True, failure=Failure(task.scan_id, _source(task), "TimeLimit", reason))


def _source(task: ScanTask) -> str:
    return str(task.files[0]) if task.files else ""


def _marker(out: Path, task: ScanTask) -> Path:
    return out / f".{task.scan_id}.over-time"
