"""Results on disk: one folder each with its record, its scan and what was made of it, deleted after a set time."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from spiroct.documents import write_json
from spiroct.run_folder import RUN_FILE
from spiroct.server.refusals import RequestRefusedError, not_found
from spiroct.server.settings import ServeSettings
from spiroct.server.uploads import IDENTIFIER, new_identifier

RECORD = "result.json"
SCAN, OUT, MADE, VIEW = "scan", "out", "made", "view"  # MADE: what the page itself adds
SUMMARY = "summary.json"


class State(StrEnum):
    """Where a result stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


ENDED = {State.DONE, State.REFUSED, State.FAILED}


@dataclass(frozen=True)
class Request:
    """What a user wants to know of a scan; None is taken from the header.

    Parameters
    ----------
    sex : str or None
        ``"F"`` or ``"M"``.
    age, height : float or None
        Years and centimetres.
    dlco, fev1, fvc, tlc : float or None
        Measured lung function: DLCO in ``dlco_unit``, the others in litres.
    dlco_unit : str
        Unit of the measured DLCO.
    explain : bool
        Make maps of where the estimates come from.
    exchange : bool
        Make DICOM objects and a FHIR bundle too.
    force : bool
        Go on where a judgement on the scan would refuse it.
    """

    sex: str | None = None
    age: float | None = None
    height: float | None = None
    dlco: float | None = None
    fev1: float | None = None
    fvc: float | None = None
    tlc: float | None = None
    dlco_unit: str = "mmol/min/kPa"
    explain: bool = False
    exchange: bool = False
    force: bool = False


@dataclass(frozen=True)
class Result:
    """The record of one result.

    Parameters
    ----------
    identifier : str
        Names its folder and its address.
    label : str
        What the user calls it: a study's pseudonym.
    created, expires : str
        ISO 8601, UTC.
    request : Request
        What was asked.
    state : State
        Where it stands.
    stage : str or None
        The step that is being worked on.
    started, ended : str or None
        ISO 8601, UTC.
    error : dict or None
        ``what, rule, remedy, sentence`` of a refusal or failure.
    overridable : bool
        True where asking again with ``force`` goes on.
    facts : dict
        What the list shows of a result that is done: ``scan_id, sex, age, demonstration``.
    """

    identifier: str
    label: str
    created: str
    expires: str
    request: Request
    state: State = State.WAITING
    stage: str | None = None
    started: str | None = None
    ended: str | None = None
    error: dict[str, str] | None = None
    overridable: bool = False
    facts: dict[str, Any] = field(default_factory=dict)


class Results:
    """All results, the newest first.

    Parameters
    ----------
    settings : ServeSettings
        Folder, queue length and time to keep.
    """

    def __init__(self, settings: ServeSettings) -> None:
        self.settings, self.folder = settings, settings.data / "results"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._results: dict[str, Result] = {}
        for record in self.folder.glob(f"*/{RECORD}"):
            result = _read(record)
            if result is None:
                shutil.rmtree(record.parent, ignore_errors=True)
            else:
                self._results[result.identifier] = result

    def create(self, label: str, request: Request, take_scan: Callable[[Path], object]) -> Result:
        """Make a result that waits for its turn; ``take_scan`` moves the scan to the path that it is given.

        Raises
        ------
        RequestRefusedError
            429 if too many wait already, and whatever ``take_scan`` refuses.
        """
        self._require_turn()
        now = datetime.now(UTC)
        expires = now + timedelta(hours=self.settings.keep_hours)
        result = Result(new_identifier(), label, _stamp(now), _stamp(expires), request)
        folder = self.folder / result.identifier
        folder.mkdir()
        try:
            take_scan(folder / SCAN)
        except BaseException:
            folder.rmdir()
            raise
        return self._keep(result)

    def again(self, identifier: str, request: Request) -> Result:
        """Put a result that has ended back into the queue, with other particulars.

        Raises
        ------
        RequestRefusedError
            404 if there is none, 409 if it is still being worked on, 429 if too many wait.
        """
        result = self.find(identifier)
        if result.state not in ENDED:
            raise RequestRefusedError(
                409, "a result that is not finished", "it is worked on", "wait for it, or delete it"
            )
        self._require_turn()
        return self._keep(Result(identifier, result.label, result.created, result.expires, request))

    def find(self, identifier: str) -> Result:
        """Return a result by its identifier.

        Raises
        ------
        RequestRefusedError
            404 if there is none.
        """
        try:
            return self._results[identifier]
        except KeyError:
            raise not_found("result") from None

    def newest_first(self) -> list[Result]:
        """Return all results, the newest first."""
        return sorted(self._results.values(), key=lambda r: (r.created, r.identifier), reverse=True)

    def waiting(self) -> list[Result]:
        """Return what waits for its turn, the oldest first."""
        return [r for r in reversed(self.newest_first()) if r.state is State.WAITING]

    def update(self, identifier: str, **changes: Any) -> None:
        """Change a record; a result that was deleted meanwhile stays deleted."""
        if identifier in self._results:
            self._keep(replace(self._results[identifier], **changes))

    def delete(self, identifier: str) -> None:
        """Delete a result with its scan and everything that was made of it."""
        self.find(identifier)
        del self._results[identifier]
        shutil.rmtree(self.folder / identifier, ignore_errors=True)

    def expired(self) -> list[str]:
        """Return the identifiers of results whose time is over."""
        now = _stamp(datetime.now(UTC))
        return [r.identifier for r in self._results.values() if r.expires <= now]

    def path(self, identifier: str, *parts: str) -> Path:
        """Return where something of a result lies."""
        return self.folder.joinpath(identifier, *parts)

    def files(self, identifier: str) -> dict[str, Path]:
        """Return what can be downloaded of a result that is done, by name.

        The names are those that lie there, so that a name from outside can only ever choose among them. DICOM objects
        are in one archive.
        """
        out = self.path(identifier, OUT)
        record = out / RUN_FILE
        names = json.loads(record.read_text(encoding="utf-8"))["files"] if record.is_file() else []
        found = {name: out / name for name in names if not name.endswith(".dcm")}
        made = self.path(identifier, MADE)
        found |= {path.name: path for path in made.iterdir()} if made.is_dir() else {}
        return {name: path for name, path in found.items() if path.is_file()}

    def views(self, identifier: str) -> list[str]:
        """Return the names of the images that the viewer shows."""
        folder = self.path(identifier, VIEW)
        return sorted(p.name for p in folder.glob("*.nii.gz")) if folder.is_dir() else []

    def _require_turn(self) -> None:
        if len(self.waiting()) >= self.settings.waiting:
            raise RequestRefusedError(
                429,
                f"{self.settings.waiting} scans in the queue",
                "no more are taken at a time",
                "wait until one is done; many scans are for 'spiroct predict COHORT.csv'",
            )

    def _keep(self, result: Result) -> Result:
        self._results[result.identifier] = result
        record = self.path(result.identifier, RECORD)
        half = record.with_suffix(".part")
        write_json(half, asdict(result))
        half.replace(record)
        return result


def now() -> str:
    """Return the time as records hold it."""
    return _stamp(datetime.now(UTC))


def stamp(seconds: float) -> str:
    """Return a Unix time, in seconds, as records hold it."""
    return _stamp(datetime.fromtimestamp(seconds, UTC))


def _stamp(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds")


def _read(record: Path) -> Result | None:
    """Read a record of an earlier server; None where it is not one. What was being worked on waits again."""
    try:
        fields = json.loads(record.read_text(encoding="utf-8"))
        result = Result(**fields | {"request": Request(**fields["request"]), "state": State(fields["state"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    if not IDENTIFIER.fullmatch(result.identifier) or record.parent.name != result.identifier:
        return None
    return replace(result, state=State.WAITING, stage=None) if result.state is State.RUNNING else result
