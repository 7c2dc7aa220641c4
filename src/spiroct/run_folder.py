"""One run's output folder: nothing half-written, nothing overwritten, the same command resumes."""

from __future__ import annotations

import errno
import hashlib
import json
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from spiroct.documents import to_json, write_json
from spiroct.errors import OutputError

RUN_FILE = "run.json"
STARTED_FILE = ".started.json"
SCHEMA = "spiroct.run"
SCHEMA_VERSION = 1
# A full disk, a quota, a limit on the size of files.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run while its files are being made.

    Parameters
    ----------
    out : Path
        Where the files will be.
    work : Path
        Where they are made; a hidden folder inside ``out``.
    finished : bool
        True when the same command already finished here: nothing needs to be done.
    """

    out: Path
    work: Path
    finished: bool


def fingerprint(arguments: dict[str, Any]) -> str:
    """SHA-256 of the arguments and input hashes that decide a run's results."""
    return hashlib.sha256(to_json(arguments).encode()).hexdigest()


def resumable_work(out: Path, *, verb: str, arguments: dict[str, Any]) -> Path | None:
    """Tell where a resumable run works, without claiming the folder; None where it has finished.

    For processes that follow the one that made the folder and write nothing themselves.
    """
    digest = fingerprint({"verb": verb, "arguments": arguments})
    record = out / RUN_FILE
    if record.is_file() and json.loads(record.read_text(encoding="utf-8")).get("fingerprint") == digest:
        return None
    return out / f".partial-{digest[:16]}"


def require_usable(
    out: Path,
    *,
    verb: str,
    arguments: dict[str, Any] | None = None,
    overwrite: bool = False,
    keeps: tuple[str, ...] = (),
) -> dict[str, Any] | None:
    """Refuse, before the work, a folder that cannot be this command's; with ``arguments``, this run's.

    Returns
    -------
    dict or None
        Record of the run that the folder holds; None where it holds none.

    Raises
    ------
    OutputError
        If it is a file, holds files of someone else, or the results of another command or run.
    """
    earlier = _earlier_run(out, keeps)
    if earlier is not None and not overwrite:
        here = {"verb": verb, "arguments": arguments}
        same = earlier.get("verb") == verb if arguments is None else earlier.get("fingerprint") == fingerprint(here)
        if not same:
            raise _another_run(out, _differences(earlier, verb, arguments or {}))
    return earlier


def make_folder(out: Path) -> None:
    """Make an output folder and those above it where they are missing.

    Raises
    ------
    OutputError
        If it cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as refused:
        raise _not_writable(out, refused) from None


@contextmanager
def run_folder(
    out: Path,
    *,
    verb: str,
    arguments: dict[str, Any],
    overwrite: bool = False,
    resumable: bool = False,
    keeps: tuple[str, ...] = (),
) -> Iterator[RunFolder]:
    """Make a run's files in a hidden folder and move them into place only when all are there.

    Files whose names begin with a dot are the work's own and are not moved.

    Parameters
    ----------
    out : Path
        Output folder; made if missing.
    verb : str
        The command, such as ``"predict"``.
    arguments : dict
        Plain data that decide the results: options and hashes of inputs. The same arguments with the same
        folder resume; different ones are refused.
    overwrite : bool
        Start anew: delete the files that the earlier run lists, and only those.
    resumable : bool
        Keep ``work`` when the run is interrupted, and give it back to the same command; for work of many
        parts, each written whole (to a dotted name, then renamed). A different command is refused until the
        unfinished one is finished or overwritten.
    keeps : tuple of str
        Folders in ``out`` that hold runs of their own, such as a study's trainings: neither foreign nor overwritten.

    Yields
    ------
    RunFolder
        ``work`` to write into; check ``finished`` first.

    Raises
    ------
    OutputError
        If the folder cannot be written, or holds another run, another unfinished run, or files of someone
        else.
    """
    earlier = require_usable(out, verb=verb, arguments=arguments, overwrite=overwrite, keeps=keeps)
    digest = fingerprint({"verb": verb, "arguments": arguments})
    if earlier is not None and not overwrite and all((out / name).is_file() for name in earlier["files"]):
        yield RunFolder(out, out, finished=True)
        return
    if not overwrite:
        _refuse_other_unfinished(out, digest, verb, arguments)
    name = f".partial-{digest[:16]}" if resumable else None
    work = _make_work_folder(out, earlier, name=name, overwrite=overwrite)
    if resumable:
        write_json(work / STARTED_FILE, {"verb": verb, "arguments": arguments, "fingerprint": digest})
    complete, started, clock = False, datetime.now(UTC), time.monotonic()
    try:
        yield RunFolder(out, work, finished=False)
        files = sorted(str(p.relative_to(work)) for p in work.rglob("*") if p.is_file() and not p.name.startswith("."))
        record = {
            "schema": SCHEMA,
            "schema_version": SCHEMA_VERSION,
            "verb": verb,
            "arguments": arguments,
            "fingerprint": digest,
            "files": files,
            "facts": _facts(started, clock),
        }
        write_json(work / RUN_FILE, record)
        for name in (earlier or {}).get("files", []) if overwrite else []:
            (out / name).unlink(missing_ok=True)
        for name in [*files, RUN_FILE]:  # run.json last: its presence says that the rest is complete
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).replace(out / name)
        complete = True
    except OSError as refused:
        if refused.errno not in _NO_ROOM:
            raise
        raise OutputError(
            f"the output folder {out} has no room for the run's files ({refused.strerror})",
            "what is finished so far is kept" if resumable else "results are written whole or not at all",
            "make room on the disk and repeat the command",
        ) from refused
    finally:
        if complete or not resumable:
            shutil.rmtree(work, ignore_errors=True)
        _remove_if_empty(out)


def _facts(started: datetime, clock: float) -> dict[str, Any]:
    """Tell when, where and how long a run was: what may differ between two runs with the same results."""
    facts: dict[str, Any] = {
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - clock, 2),
        "host": platform.node(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "command": sys.argv,
    }
    if find_spec("resource") is not None:  # not on Windows
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        facts["peak_memory_mib"] = round(peak / (1024**2 if sys.platform == "darwin" else 1024))
    return facts


def _earlier_run(out: Path, keeps: tuple[str, ...] = ()) -> dict[str, Any] | None:
    """Read the run that the folder holds; None when it holds none and is free to use."""
    if not out.exists():
        return None
    if not out.is_dir():
        raise OutputError(f"--out {out}", "it is a file, and the output is a folder", "name a folder")
    record = out / RUN_FILE
    if not record.is_file():
        foreign = sorted(p.name for p in out.iterdir() if not p.name.startswith(".partial-") and p.name not in keeps)
        if foreign:
            raise OutputError(
                f"output folder {out} holds files that no spiroct run made ({foreign[0]})",
                "results go to a new or empty folder",
                "choose another --out",
            )
        return None
    try:
        run: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
        if run["schema"] != SCHEMA or not isinstance(run["files"], list):
            raise ValueError(run["schema"])
    except (OSError, ValueError, KeyError, TypeError):
        raise OutputError(
            f"{record} is not a spiroct run record",
            "results go to a new or empty folder",
            "choose another --out",
        ) from None
    if any(Path(name).is_absolute() or ".." in Path(name).parts for name in run["files"]):
        raise OutputError(
            f"{record} lists files outside its folder",
            "a run's files lie in its folder",
            "choose another --out",
        )
    return run


def _another_run(out: Path, differing: str) -> OutputError:
    return OutputError(
        f"output folder {out} holds another run (differing: {differing})",
        "a run never overwrites another one's results",
        "choose another --out, or add --overwrite to replace the files that its run.json lists",
    )


def _differences(earlier: dict[str, Any], verb: str, arguments: dict[str, Any]) -> str:
    if earlier.get("verb") != verb:
        return f"command {earlier.get('verb')} there, {verb} here"
    before, now = _flat(earlier.get("arguments", {})), _flat(json.loads(to_json(arguments)))
    names = [key for key in sorted(before.keys() | now.keys()) if before.get(key) != now.get(key)]
    return ", ".join(f"{n} {before.get(n)!r} there, {now.get(n)!r} here" for n in names[:3]) or "spiroct's version"


def _flat(arguments: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Name what lies in a dictionary by a dotted path, so that a message tells the value that differs alone."""
    flat: dict[str, Any] = {}
    for key, value in arguments.items():
        flat |= _flat(value, f"{above}{key}.") if isinstance(value, dict) else {f"{above}{key}": value}
    return flat


def _refuse_other_unfinished(out: Path, digest: str, verb: str, arguments: dict[str, Any]) -> None:
    """Hours of work of an interrupted run are not deleted by a different command."""
    for record in sorted(out.glob(f".partial-*/{STARTED_FILE}")):
        try:
            started: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # killed while it was written: nothing was made yet
        if started.get("fingerprint") != digest:
            raise OutputError(
                f"output folder {out} holds another run that is unfinished "
                f"(differing: {_differences(started, verb, arguments)})",
                "a run never overwrites another one's work",
                "repeat that command to finish it, choose another --out, or add --overwrite to start anew",
            )


def _make_work_folder(out: Path, earlier: dict[str, Any] | None, *, name: str | None, overwrite: bool) -> Path:
    make_folder(out)
    try:
        for leftover in out.glob(".partial-*") if earlier is None or overwrite else ():
            if overwrite or leftover.name != name:  # of a run that was killed
                shutil.rmtree(leftover, ignore_errors=True)
        if name is None:
            return Path(tempfile.mkdtemp(prefix=".partial-", dir=out))
        (out / name).mkdir(exist_ok=True)
        return out / name
    except OSError as refused:
        raise _not_writable(out, refused) from None


def _not_writable(out: Path, refused: OSError) -> OutputError:
    return OutputError(
        f"output folder {out} cannot be written ({refused.strerror})",
        "results need a folder that you may write to",
        "choose another --out or mend its permissions",
    )


def _remove_if_empty(out: Path) -> None:
    """Leave no empty folder behind a refused run."""
    try:
        out.rmdir()
    except OSError:
        return
