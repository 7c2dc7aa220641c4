"""Parts of a batch for plain job arrays, which know nothing of each other but the folder."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from spiroct.batch.tables import FAILURES, write_failures
from spiroct.errors import OutputError, UsageError
from spiroct.run_folder import run_folder

Task = TypeVar("Task")
CLAIMS = 8


@dataclass(frozen=True)
class Shard:
    """Part ``number`` of ``count``, counted from 1: every ``count``-th scan of the list."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read ``K/N``.

        Raises
        ------
        UsageError
            If it is not of that form, or K is not from 1 to N.
        """
        found = re.fullmatch(r"(\d+)/(\d+)", text.strip())
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise UsageError(f"--shard {text}", "it is K/N with K from 1 to N", "write --shard 3/20, say")
        return cls(int(found[1]), int(found[2]))

    def of(self, tasks: Sequence[Task]) -> list[Task]:
        """Choose this part."""
        return list(tasks[self.number - 1 :: self.count])

    def name_of(self, table: str) -> str:
        """Name this part's table: ``predictions.3-of-20.csv``."""
        stem, dot, ending = table.rpartition(".")
        return f"{stem}.{self.number}-of-{self.count}{dot}{ending}"


def claimed(
    out: Path, verb: str, arguments: dict[str, Any], names: tuple[str, ...], *, overwrite: bool, shared: bool
) -> None:
    """Make the folder of a batch this command's own, or find that it is; parts that start together may try again.

    Raises
    ------
    OutputError
        If the folder cannot be written or holds another run.
    """
    for trial in range(CLAIMS if shared else 1):
        try:
            with run_folder(out, verb=verb, arguments=arguments, overwrite=overwrite) as claim:
                if not claim.finished:
                    for name in names:
                        (claim.work / name).touch()
                    write_failures((), claim.work / FAILURES)
            return
        except (OSError, OutputError):
            if trial == CLAIMS - 1 or not shared:
                raise
            time.sleep(random.uniform(0.05, 0.3) * (trial + 1))  # noqa: S311 - parts drift apart
