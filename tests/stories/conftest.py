"""A user at the command line: type words, read what comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from spiroct.cli.main import main


@dataclass(frozen=True)
class Answer:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one line of a refusal, without the program's name."""
        (line,) = [line for line in self.err.splitlines() if line.startswith("spiroct: ")]
        return line.removeprefix("spiroct: ")


@pytest.fixture
def spiroct(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Type a command in this process and get its answer."""

    def type_command(*words: str | Path) -> Answer:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(word) for word in words])
        seen = capsys.readouterr()
        return Answer(int(end.value.code or 0), seen.out, seen.err)

    return type_command
