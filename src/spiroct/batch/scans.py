"""The same work on many scans: a folder of results for each, a table of failures, and resuming scan by scan."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spiroct.batch.progress import Progress
from spiroct.batch.tables import FAILURES, Failure, write_failures, write_joined
from spiroct.errors import InputError, SpiroctError
from spiroct.log import logger
from spiroct.run_folder import RUN_FILE, fingerprint, run_folder

_SAFE_ID = re.compile(r"^[^\s./\\:][^/\\:\0]*$")
_RESERVED = {FAILURES, RUN_FILE}


@dataclass(frozen=True)
class ScanTask:
    """One scan to work on.

    Parameters
    ----------
    scan_id : str
        Unique; names the scan's folder of results.
    files : tuple of Path
        The scan (a file or folder), then what belongs to it, such as masks.
    facts : dict
        Plain data that decide this scan's results besides the files, such as sex and age.
    """

    scan_id: str
    files: tuple[Path, ...]
    facts: Mapping[str, Any]


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
) -> BatchSummary:
    """Do the same work on every scan; no bad scan stops the others.

    ``out/<scan_id>/`` appears when that scan's files are all there. The same command goes on where it was: a finished
    scan is not worked on again unless its files or facts changed, one that failed is tried again, scans that are new
    in the list are added. ``failures.csv`` is written after every failure, the joined tables at the end.

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
        ``finished(task, folder)`` is told of each scan whose results are there, in turn, also of resumed ones.

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
    with run_folder(out, verb=verb, arguments=arguments, overwrite=overwrite) as claim:
        if not claim.finished:
            write_failures((), claim.work / FAILURES)
            for name in tables:
                (claim.work / name).touch()
    done: list[str] = []
    resumed: list[str] = []
    failures: list[Failure] = []
    progress = Progress(len(tasks), verb)
    for task in tasks:
        folder = out / task.scan_id
        try:
            worked = _one(task, work, folder, verb, arguments, anew=overwrite)
        except (KeyboardInterrupt, SystemExit):
            raise
        except Exception as failure:  # noqa: BLE001 - recorded: one bad scan never stops the others
            failures.append(_failure_of(task, failure))
            write_failures(failures, out / FAILURES)
        else:
            (done if worked else resumed).append(task.scan_id)
            if finished is not None:
                finished(task, folder)
        progress.step(task.scan_id, len(failures))
    write_failures(failures, out / FAILURES)
    for name in tables:
        write_joined([out / scan_id / name for scan_id in _in_order(tasks, {*done, *resumed})], out / name)
    progress.end(len(failures))
    return BatchSummary(tuple(done), tuple(resumed), tuple(failures))


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
    decisive = {**arguments, "facts": dict(task.facts), "files": [_stamp(path) for path in task.files]}
    earlier = _earlier(folder)
    if not anew and earlier == fingerprint({"verb": verb, "arguments": decisive}):
        with run_folder(folder, verb=verb, arguments=decisive) as run:
            if run.finished:
                return False
    with run_folder(folder, verb=verb, arguments=decisive, overwrite=earlier is not None) as run:
        work(task, run.work)
    return True


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
    source = str(task.files[0]) if task.files else ""
    if isinstance(failure, SpiroctError):
        logger.error("%s: failed: %s", task.scan_id, failure)
        return Failure(task.scan_id, source, kind, str(failure))
    logger.error("%s: failed by a bug (%s: %s).", task.scan_id, kind, failure)
    logger.debug("the bug's traceback:", exc_info=failure)
    return Failure(task.scan_id, source, kind, f"a bug, please report it: {kind}: {failure}")


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
