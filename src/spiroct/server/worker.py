"""The one worker: takes results in their order and has a child process predict each."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any

from spiroct.documents import write_json
from spiroct.log import logger
from spiroct.server.refusals import error_document
from spiroct.server.results import MADE, OUT, SCAN, VIEW, Result, Results, State, now
from spiroct.server.settings import ServeSettings
from spiroct.server.uploads import Uploads, scan_of

JOB, LOG, TEMPORARY = "job.json", "child.log", "tmp"
COMMAND = (sys.executable, "-m", "spiroct.server.child")
TIDY_S = 60.0
SHOWN_AS = "The scan"


class Worker:
    """Predicts one result at a time, and deletes those whose time is over.

    Parameters
    ----------
    settings : ServeSettings
        Model and time limit.
    results : Results
        What waits.
    uploads : Uploads
        Those that nobody finished are deleted too.
    """

    def __init__(self, settings: ServeSettings, results: Results, uploads: Uploads) -> None:
        self.settings, self.results, self.uploads = settings, results, uploads
        self._called = asyncio.Event()
        self._running: tuple[str, Process] | None = None

    def call(self) -> None:
        """Say that something waits."""
        self._called.set()

    def delete(self, identifier: str) -> None:
        """Delete a result, ending its prediction where it is being worked on."""
        self.results.delete(identifier)
        if self._running is not None and self._running[0] == identifier:
            _end(self._running[1])

    async def run(self) -> None:
        """Work until cancelled."""
        tidying = asyncio.create_task(self._tidy())
        try:
            while True:
                for result in self.results.waiting()[:1]:
                    await self._work_on(result)
                if not self.results.waiting():
                    self._called.clear()
                    await self._called.wait()
        finally:
            tidying.cancel()
            if self._running is not None:
                _end(self._running[1])

    async def _tidy(self) -> None:
        while True:
            self.uploads.expire()
            for identifier in self.results.expired():
                logger.info("result %s: deleted, its time is over.", identifier)
                self.delete(identifier)
            await asyncio.sleep(TIDY_S)

    async def _work_on(self, result: Result) -> None:
        identifier = result.identifier
        self.results.update(identifier, state=State.RUNNING, started=now(), stage=None)
        logger.info("result %s: started.", identifier)
        try:
            changes = await self._ask_child(result)
        except (OSError, ValueError) as failure:  # no process, no disk, or a line that is none
            kind = type(failure).__name__
            changes = _failed(f"the prediction could not be followed ({kind})", "it runs in a process of its own", None)
        self.results.update(identifier, ended=now(), stage=None, **changes)
        logger.info("result %s: %s.", identifier, changes["state"])

    async def _ask_child(self, result: Result) -> dict[str, Any]:
        folder = self.results.path(result.identifier)
        job, log, temporary = folder / JOB, folder / LOG, folder / TEMPORARY
        temporary.mkdir(exist_ok=True)  # what a killed child leaves unpacked goes away with its result
        write_json(job, self._job(result, folder))
        with log.open("wb") as errors:
            child = await asyncio.create_subprocess_exec(
                *COMMAND, str(job), stdin=PIPE, stdout=PIPE, stderr=errors, limit=1 << 20,
                env=os.environ | {"TMPDIR": str(temporary)},
            )  # fmt: skip
        self._running = (result.identifier, child)
        try:
            async with asyncio.timeout(60 * self.settings.minutes):
                answer = await self._listen(result.identifier, child)
                code = await child.wait()
        except TimeoutError:
            return _failed(
                f"{SHOWN_AS} took longer than {self.settings.minutes:g} minutes",
                "a prediction that long has gone astray",
                "try a series with fewer slices, or start 'spiroct serve' with a larger --minutes",
            )
        finally:
            _end(child)
            await child.wait()
            self._running = None
            shutil.rmtree(temporary, ignore_errors=True)
        if "facts" in answer and code == 0:
            return {"state": State.DONE, "facts": answer["facts"]}
        if "error" in answer:
            return _ended(State.REFUSED, **answer["error"]) | {"overridable": answer["overridable"]}
        return _told_crash(code, log)

    def _job(self, result: Result, folder: Path) -> dict[str, Any]:
        for before in (OUT, MADE, VIEW):  # of an earlier request
            shutil.rmtree(folder / before, ignore_errors=True)
        request = vars(result.request)
        return {
            "scan": str(scan_of(folder / SCAN)),
            "folder": str(folder),
            "shown_as": SHOWN_AS,
            "model": self.settings.model,
            "request": request,
        }

    async def _listen(self, identifier: str, child: Process) -> dict[str, Any]:
        """Record the steps that the child tells, and return what it says at the end."""
        answer: dict[str, Any] = {}
        if child.stdout is None:
            raise RuntimeError("the child was started without a pipe")
        async for line in child.stdout:
            told: dict[str, Any] = json.loads(line)
            if "stage" in told:
                self.results.update(identifier, stage=told["stage"])
            else:
                answer = told
        return answer


def _end(child: Process) -> None:
    if child.returncode is None:
        child.kill()


def _told_crash(code: int, log: Path) -> dict[str, Any]:
    if code < 0:
        name = signal.Signals(-code).name
        likely = ", most often because memory ran out" if -code == signal.SIGKILL else ""
        return _failed(f"the prediction was ended by the system ({name}{likely})", "it has to run to its end", None)
    kind = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:] if log.exists() else []
    # The last line of a traceback is "Kind: message"; the message may quote a header, its kind cannot.
    named = kind[0].split(":")[0] if kind else "no reason given"
    return _failed(
        f"the prediction broke off ({named})",
        "this is a bug in spiroct",
        f"report it with {log.name} from the result's folder {log.parent.name}, after a look for what names a patient",
    )


def _failed(what: str, rule: str, remedy: str | None) -> dict[str, Any]:
    return _ended(State.FAILED, what, rule, remedy or "try again, or try a series with fewer slices")


def _ended(state: State, what: str, rule: str, remedy: str) -> dict[str, Any]:
    return {"state": state, **error_document(what, rule, remedy)}
