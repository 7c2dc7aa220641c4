"""Work for the tests of batches that worker processes import: what a task's text says happens."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from spiroct.batch.scan_task import ScanTask
from spiroct.errors import ScanError


@dataclass(frozen=True)
class Numbers:
    """Write the number that stands in the scan's file.

    ``bad`` is refused, ``bug`` breaks, ``hang`` never ends, ``dies`` kills its worker, ``dies once`` does so once.
    """

    seconds: float = 0.0

    def __call__(self, task: ScanTask, folder: Path) -> None:
        path = task.files[0]
        text = path.read_text(encoding="utf-8")
        (folder / "half.txt").write_text("made first", encoding="utf-8")
        time.sleep(self.seconds)
        if text == "bad":
            raise ScanError(str(path), "it is bad", "mend it")
        if text == "bug":
            raise ZeroDivisionError("of ours")
        if text == "hang":
            time.sleep(600)
        died = path.with_suffix(".died")
        if text == "dies" or (text == "dies once" and not died.exists()):
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        (folder / "numbers.csv").write_text(f"scan_id,value\n{task.scan_id},{text}\n", encoding="utf-8")


def tasks_in(folder: Path) -> list[ScanTask]:
    """Return a task for every text file of a folder."""
    return [ScanTask(path.stem, (path,), {}) for path in sorted(folder.glob("*.txt"))]
