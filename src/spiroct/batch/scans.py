"""The same work on many scans: a folder of results for each, a table of failures, and resuming scan by scan."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spiroct.batch.execution import Execution
from spiroct.batch.progress import Progress
from spiroct.batch.scan_task import Outcome, ScanTask
from spiroct.batch.shards import Shard, claimed
from spiroct.batch.tables import FAILURES, SCANS, Failure, RowsAsTheyCome, write_failures, write_joined, write_scans
from spiroct.errors import InputError, SpiroctError
from spiroct.log import logger, speaking_of
from spiroct.run_folder import RUN_FILE, fingerprint, run_folder

_SAFE_ID = re.compile(r"^[^\s./\\:][^/\\:\0]*$")
_RESERVED = {FAILURES, SCANS, RUN_FILE}


@dataclass(frozen=True)
class BatchSummary:
    """How a batch ended.

    Parameters
    ----------
    done, resumed : tuple of str
        Scans worked on now, and scans that an earlier run had finished.
    failures : tuple of Failure
        Scans that could not be done, each with its reason.
    """

    done: tuple[str, ...]
    resumed: tuple[str, ...]
    failures: tuple[Failure, ...]


def process_scans(
    tasks: Sequence[ScanTask],
    work: Callable[[ScanTask, Path], None],
    *,
    out: Path,
    verb: str,
    arguments: dict[str, Any],
    tables: tuple[str, ...] = (),
    overwrite: bool = False,
    finished: Callable[[ScanTask, Path], None] | None = None,
    execution: Execution | None = None,
    shard: Shard | None = None,
) -> BatchSummary:
    """Do the same work on every scan; no bad scan stops the others.

    ``out/<scan_id>/`` appears when that scan's files are all there. The same command goes on where it was: a finished
    scan is not worked on again unless its files or facts changed, one that failed is tried again, scans that are new
    in the list are added. ``scans.csv`` says where each is read from, ``failures.csv`` is written after every failure,
    and the joined tables grow by each scan's rows as it ends and are put in order at the end.

    Parameters
    ----------
    tasks : sequence of ScanTask
        In the order of the tables.
    work : callable
        ``work(task, folder)`` writes the scan's files into ``folder`` or raises; a ``SpiroctError`` is a failure with
        its reason, any other exception one that is reported as a bug.
    out : Path
        Folder of the batch.
    verb : str
        The command.
    arguments : dict
        Plain data that decide all scans' results: the options.
    tables : tuple of str
        CSV files of one header that every scan's folder holds; joined into files of these names in ``out``.
    overwrite : bool
        Replace an earlier run in ``out``.
    finished : callable, optional
        ``finished(task, folder)`` is told of each scan whose results are there, as it ends, also of resumed ones.
    execution : Execution, optional
        Dask workers to share the scans out over, with a time limit and retries; then ``work`` can be pickled. By
        default the scans are worked on here, one after the other.
    shard : Shard, optional
        Work on one part of the list alone; the tables' names say which. The same command without it joins all parts.

    Returns
    -------
    BatchSummary

    Raises
    ------
    InputError
        If two scans have the same name or one cannot name a folder; before any work.
    OutputError
        If ``out`` cannot be written or holds another run.
    """
    _require_usable_names(tasks, tables)
    out = out.resolve()  # workers may stand elsewhere
    claimed(out, verb, arguments, (FAILURES, SCANS, *tables), overwrite=overwrite, shared=shard is not None)
    chosen = tasks if shard is None else shard.of(tasks)
    named = {name: name if shard is None else shard.name_of(name) for name in (FAILURES, SCANS, *tables)}
    write_scans(((task.scan_id, _image(task)) for task in chosen), out / named[SCANS])
    attempt = _Attempt(work, out, verb, arguments, anew=overwrite)
    done: list[str] = []
    resumed: list[str] = []
    failures: dict[str, Failure] = {}
    progress = Progress(len(chosen), verb)
    rows = RowsAsTheyCome({name: out / named[name] for name in tables})
    for task, outcome in _outcomes(chosen, attempt, execution, out):
        folder = out / task.scan_id
        if outcome.failure is not None:
            _sweep(folder)
            failures[task.scan_id] = outcome.failure
            logger.error("%s: failed: %s", task.scan_id, outcome.failure.reason)
            write_failures(failures.values(), out / named[FAILURES])
        else:
            (done if outcome.worked else resumed).append(task.scan_id)
            rows.add(folder)
            if finished is not None:
                finished(task, folder)
        progress.step(task.scan_id, len(failures), worked=outcome.worked)
    ordered = [failures[task.scan_id] for task in chosen if task.scan_id in failures]
    write_failures(ordered, out / named[FAILURES])
    for name in tables:
        write_joined([out / scan_id / name for scan_id in _in_order(chosen, {*done, *resumed})], out / named[name])
    progress.end(len(failures))
    return BatchSummary(tuple(_in_order(chosen, set(done))), tuple(_in_order(chosen, set(resumed))), tuple(ordered))


def _outcomes(
    tasks: Sequence[ScanTask], attempt: _Attempt, execution: Execution | None, out: Path
) -> Iterator[tuple[ScanTask, Outcome]]:
    if execution is None:
        yield from ((task, attempt(task)) for task in tasks)
        return
    left = []
    for task in tasks:  # what is finished needs no worker
        if attempt.is_finished(task):
            yield task, Outcome(worked=False)
        else:
            left.append(task)
    if left:
        from spiroct.batch.distributed_scans import attempts

        yield from attempts(left, attempt, execution, out)


@dataclass(frozen=True)
class _Attempt:
    """The work on one scan, from finding out whether it is done to its failure; runs here or in a worker."""

    work: Callable[[ScanTask, Path], None]
    out: Path
    verb: str
    arguments: dict[str, Any]
    anew: bool
    log_level: int = field(default_factory=lambda: logger.level)

    def __call__(self, task: ScanTask) -> Outcome:
        folder = self.out / task.scan_id
        try:
            with speaking_of(task.scan_id, self.log_level):
                return Outcome(_one(task, self.work, folder, self.verb, self.arguments, anew=self.anew))
        except (KeyboardInterrupt, SystemExit):
            raise
        except Exception as failure:  # noqa: BLE001 - recorded: one bad scan never stops the others
            return Outcome(worked=True, failure=_failure_of(task, failure))

    def is_finished(self, task: ScanTask) -> bool:
        """Whether an earlier run did this scan from the same files, facts and arguments."""
        folder, decisive = self.out / task.scan_id, _decisive(task, self.arguments)
        if self.anew or _earlier(folder) != fingerprint({"verb": self.verb, "arguments": decisive}):
            return False
        with run_folder(folder, verb=self.verb, arguments=decisive) as run:
            return run.finished


def _one(
    task: ScanTask,
    work: Callable[[ScanTask, Path], None],
    folder: Path,
    verb: str,
    arguments: dict[str, Any],
    *,
    anew: bool,
) -> bool:
    """Work on one scan unless it is finished; tell whether there was work to do."""
    decisive = _decisive(task, arguments)
    earlier = _earlier(folder)
    if not anew and earlier == fingerprint({"verb": verb, "arguments": decisive}):
        with run_folder(folder, verb=verb, arguments=decisive) as run:
            if run.finished:
                return False
    with run_folder(folder, verb=verb, arguments=decisive, overwrite=earlier is not None) as run:
        work(task, run.work)
    return True


def _decisive(task: ScanTask, arguments: dict[str, Any]) -> dict[str, Any]:
    return {**arguments, "facts": dict(task.facts), "files": [_stamp(path) for path in task.files]}


def _sweep(folder: Path) -> None:
    """Remove what a worker left that died in the middle of its work."""
    for leftover in folder.glob(".partial-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _earlier(folder: Path) -> str | None:
    """Fingerprint of the run that a scan's folder holds; None where it holds none that can be read."""
    try:
        record = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return str(record.get("fingerprint")) if isinstance(record, dict) else None


def _stamp(path: Path) -> list[Any]:
    """Name, size and time of what a scan is read from: the scan is worked on again when it was replaced."""
    if not path.exists():
        return [path.name, None]
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    facts = [f.stat() for f in files if f.is_file()]
    return [path.name, len(facts), sum(f.st_size for f in facts), max((f.st_mtime_ns for f in facts), default=0)]


def _failure_of(task: ScanTask, failure: Exception) -> Failure:
    kind = type(failure).__name__
    source = _image(task)
    if isinstance(failure, SpiroctError):
        return Failure(task.scan_id, source, kind, str(failure))
    if isinstance(failure, MemoryError):
        return Failure(task.scan_id, source, kind, "the memory was full while working on it")
    logger.debug("the bug's traceback:", exc_info=failure)
    return Failure(task.scan_id, source, kind, f"a bug, please report it: {kind}: {failure}")


def _image(task: ScanTask) -> str:
    return str(task.files[0]) if task.files else ""


def _require_usable_names(tasks: Sequence[ScanTask], tables: tuple[str, ...]) -> None:
    seen: dict[str, str] = {}
    for task in tasks:
        name = task.scan_id
        if not _SAFE_ID.match(name) or name in {*_RESERVED, *tables}:
            raise InputError(
                f"scan_id {name!r}",
                "a scan_id names a folder: no slash, colon or backslash, no dot at its beginning",
                "give the scan another scan_id",
            )
        if name.lower() in seen:
            raise InputError(
                f"scan_id {name!r} is there twice" + ("" if seen[name.lower()] == name else " but for capitals"),
                "every scan's results go to the folder of its name",
                "give one of them another scan_id",
            )
        seen[name.lower()] = name


def _in_order(tasks: Sequence[ScanTask], wanted: set[str]) -> Iterator[str]:
    return (task.scan_id for task in tasks if task.scan_id in wanted)
