"""The node's end of the process that predicts: start it, ask it, end it when it takes too long or breaks."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-m", "spiroct.server.node_child")
STUDIES_PER_PROCESS = 25


class BrokenPredictionError(Exception):
    """The process ended or took too long; the study may be tried again."""


class NodePredictor:
    """Predicts studies one after the other in a process of its own.

    Parameters
    ----------
    log : Path
        Takes what the process writes to stderr.
    minutes : float
        A study that takes longer ends the process.
    """

    def __init__(self, log: Path, *, minutes: float) -> None:
        self.log, self.minutes = log, minutes
        self._process: subprocess.Popen[str] | None = None
        self._answered = 0

    def predict(self, scan: Path, out: Path, request: dict[str, Any]) -> str | None:
        """Predict one study; the reason where it was refused, None where its result is in ``out``.

        Raises
        ------
        BrokenPredictionError
            If the process ended or was ended before it answered.
        """
        process = self._start()
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the process was started without pipes")
        late = threading.Timer(60 * self.minutes, process.kill)
        late.start()
        try:
            process.stdin.write(json.dumps({"scan": str(scan), "out": str(out), "request": request}) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:
            line = ""
        finally:
            timed_out = not late.is_alive()
            late.cancel()
        if not line:
            code = self._discard()
            ended = f"took longer than {self.minutes:g} minutes" if timed_out else f"broke off (code {code})"
            raise BrokenPredictionError(f"the prediction {ended}")
        self._answered += 1
        found: dict[str, Any] = json.loads(line)
        return found.get("refused")

    def stop(self) -> None:
        """End the process, also in the middle of a study; any thread may call it."""
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """End the process and close its pipes, when no study is being predicted."""
        self._discard()

    def _discard(self) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        process.kill()
        process.communicate()
        return process.returncode

    def _start(self) -> subprocess.Popen[str]:
        if self._answered >= STUDIES_PER_PROCESS or (self._process is not None and self._process.poll() is not None):
            self._discard()
        if self._process is None:
            self._answered = 0
            with self.log.open("ab") as errors:
                self._process = subprocess.Popen(  # noqa: S603 - our own module
                    COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, encoding="utf-8"
                )
        return self._process
