"""The studies of the PACS node in a file that survives anything: what was received, asked, predicted and sent.

The node and the page read and write the same file; every method is one transaction, so that a process may die between
any two of them. No name and no birth date stands in it.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from spiroct.errors import InputError
from spiroct.pft.demographics import Demographics, check_person

FILE = "queue.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS studies (
    study_uid TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    source TEXT NOT NULL,
    received REAL NOT NULL,
    changed REAL NOT NULL,
    instances INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_try REAL NOT NULL DEFAULT 0,
    series_uid TEXT,
    reason TEXT,
    sex TEXT,
    age REAL,
    height_cm REAL,
    asked TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS sent (
    study_uid TEXT NOT NULL,
    destination TEXT NOT NULL,
    file TEXT NOT NULL,
    PRIMARY KEY (study_uid, destination, file)
);
"""


class StudyState(StrEnum):
    """Where a study is on its way; it goes down this list and ends in DONE or FAILED."""

    FETCHING = "fetching"
    RECEIVING = "receiving"
    ASKING = "asking"
    QUEUED = "queued"
    PREDICTING = "predicting"
    SENDING = "sending"
    DONE = "done"
    FAILED = "failed"


# A new instance starts these over; later ones are finished with the study as it was.
OPEN = (StudyState.FETCHING, StudyState.RECEIVING, StudyState.ASKING, StudyState.QUEUED, StudyState.FAILED)


@dataclass(frozen=True)
class Study:
    """One study.

    Parameters
    ----------
    study_uid : str
        StudyInstanceUID.
    state : StudyState
        Where it is.
    source : str
        Who sent it: an AE title or the address that was polled.
    received, changed : float
        Unix time of the first instance and of the last change, in seconds.
    instances : int
        CT instances received.
    attempts : int
        How often a step failed and is to be tried again.
    next_try : float
        Unix time before which it is left alone.
    series_uid : str or None
        The chest CT that was chosen.
    reason : str or None
        Why it failed, or why it has to be tried again.
    sex, age, height_cm
        As answered; None where the header tells, or nobody was asked.
    asked : tuple of str
        What is asked for: some of ``"sex"``, ``"age"`` and ``"height"``.
    """

    study_uid: str
    state: StudyState
    source: str
    received: float
    changed: float
    instances: int
    attempts: int
    next_try: float
    series_uid: str | None
    reason: str | None
    sex: str | None
    age: float | None
    height_cm: float | None
    asked: tuple[str, ...]


class StudyQueue:
    """The studies of one node.

    Parameters
    ----------
    folder : Path
        Folder of the node; the queue is a file in it, made if missing.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / FILE
        with self._transaction() as table:
            table.executescript(_SCHEMA)

    def studies(self, *states: StudyState) -> tuple[Study, ...]:
        """All studies, or those in some states, the first received first."""
        marks = ",".join("?" * len(states))
        where = f"WHERE state IN ({marks})" if states else ""
        with self._transaction() as table:
            rows = table.execute(f"SELECT * FROM studies {where} ORDER BY received, study_uid", states).fetchall()  # noqa: S608
        return tuple(_study(row) for row in rows)

    def study(self, study_uid: str) -> Study | None:
        """Return one study, None where it is unknown."""
        with self._transaction() as table:
            row = table.execute("SELECT * FROM studies WHERE study_uid = ?", (study_uid,)).fetchone()
        return None if row is None else _study(row)

    def asking(self) -> tuple[Study, ...]:
        """Return the studies that wait for an answer."""
        return self.studies(StudyState.ASKING)

    def answer(
        self, study_uid: str, *, sex: str | None = None, age: float | None = None, height: float | None = None
    ) -> Study:
        """Say what was asked of a study; it goes on when nothing is missing any more.

        Parameters
        ----------
        study_uid : str
            One of :meth:`asking`.
        sex, age, height
            ``"F"`` or ``"M"``, years, centimetres; what is left out stays as it is.

        Raises
        ------
        InputError
            If the study does not wait for an answer, or a value is none of a person.
        """
        person = check_person(sex=sex, age=age, height_cm=height)
        known = {"sex": person.sex and str(person.sex), "age": person.age, "height_cm": person.height_cm}
        given = {name: value for name, value in known.items() if value is not None}
        with self._transaction() as table:
            row = table.execute("SELECT * FROM studies WHERE study_uid = ?", (study_uid,)).fetchone()
            found = None if row is None else _study(row)
            if found is None or found.state is not StudyState.ASKING:
                state = "unknown" if found is None else found.state
                rule = "only a study that asks takes an answer"
                raise InputError(f"study {study_uid} is {state}", rule, "check its UID")
            names = {"sex": "sex", "age": "age", "height_cm": "height"}
            missing = [a for a in found.asked if a not in {names[name] for name in given}]
            state = StudyState.ASKING if missing else StudyState.QUEUED
            _update(table, study_uid, **given, asked=",".join(missing), state=state)
        changed = self.study(study_uid)
        if changed is None:
            raise RuntimeError(f"study {study_uid} vanished")
        return changed

    def receive(self, study_uid: str, source: str, *, state: StudyState = StudyState.RECEIVING) -> bool:
        """Say that a study may get an instance; False where it is past receiving and shall be left alone.

        With FETCHING it is not complete before :meth:`move` says so, however long no instance comes.
        """
        now = time.time()
        with self._transaction() as table:
            row = table.execute("SELECT state FROM studies WHERE study_uid = ?", (study_uid,)).fetchone()
            if row is None:
                fields = (study_uid, state, source, now, now)
                names = "study_uid, state, source, received, changed"
                table.execute(f"INSERT INTO studies ({names}) VALUES (?, ?, ?, ?, ?)", fields)  # noqa: S608
            elif row["state"] not in OPEN:
                return False
        return True

    def stored(self, study_uid: str, instances: int) -> None:
        """Say that new instances of a study are on the disk: it is complete when no more come for a while."""
        with self._transaction() as table:
            row = table.execute("SELECT state, instances FROM studies WHERE study_uid = ?", (study_uid,)).fetchone()
            state = StudyState.FETCHING if row["state"] == StudyState.FETCHING else StudyState.RECEIVING
            count = row["instances"] + instances
            _update(table, study_uid, state=state, instances=count, attempts=0, next_try=0.0, reason=None, asked="")

    def settle(self, study: Study, **changes: Any) -> bool:
        """Move a study on from receiving, unless an instance came in the meantime; True where it moved."""
        with self._transaction() as table:
            row = table.execute("SELECT state, changed FROM studies WHERE study_uid = ?", (study.study_uid,)).fetchone()
            if row["state"] != StudyState.RECEIVING or row["changed"] != study.changed:
                return False
            _update(table, study.study_uid, **changes)
        return True

    def take(self) -> Study | None:
        """Take the first study that waits for its prediction and may be tried; it is PREDICTING from then on."""
        with self._transaction() as table:
            row = table.execute(
                "SELECT * FROM studies WHERE state = ? AND next_try <= ? ORDER BY received, study_uid LIMIT 1",
                (StudyState.QUEUED, time.time()),
            ).fetchone()
            if row is None:
                return None
            _update(table, row["study_uid"], state=StudyState.PREDICTING)
        return self.study(row["study_uid"])

    def to_send(self) -> Study | None:
        """Return the first study whose results wait to be sent and may be tried."""
        now = time.time()
        return next((s for s in self.studies(StudyState.SENDING) if s.next_try <= now), None)

    def move(self, study_uid: str, state: StudyState, *, reason: str | None = None) -> None:
        """Put a study into another state and forget its failed attempts."""
        with self._transaction() as table:
            _update(table, study_uid, state=state, reason=reason, attempts=0, next_try=0.0)

    def try_again(self, study: Study, state: StudyState, reason: str, *, most: int, back_off: float) -> None:
        """Try a step again later, each time twice as late, or give the study up."""
        attempts = study.attempts + 1
        with self._transaction() as table:
            if attempts > most:
                told = f"{reason} (given up after {attempts} attempts)"
                _update(table, study.study_uid, state=StudyState.FAILED, reason=told)
                return
            wait = time.time() + back_off * 2 ** (attempts - 1)
            _update(table, study.study_uid, state=state, reason=reason, attempts=attempts, next_try=wait)

    def recover(self) -> tuple[str, ...]:
        """After a start: studies that were being predicted when the node ended wait again; their UIDs."""
        with self._transaction() as table:
            rows = table.execute("SELECT study_uid FROM studies WHERE state = ?", (StudyState.PREDICTING,)).fetchall()
            for row in rows:
                _update(table, row["study_uid"], state=StudyState.QUEUED)
        return tuple(row["study_uid"] for row in rows)

    def note_sent(self, study_uid: str, destination: str, file: str) -> None:
        """Note that a destination has a file."""
        with self._transaction() as table:
            table.execute("INSERT OR IGNORE INTO sent VALUES (?, ?, ?)", (study_uid, destination, file))

    def sent(self, study_uid: str, destination: str) -> frozenset[str]:
        """Names of the files of a study that a destination has."""
        with self._transaction() as table:
            rows = table.execute(
                "SELECT file FROM sent WHERE study_uid = ? AND destination = ?", (study_uid, destination)
            ).fetchall()
        return frozenset(row["file"] for row in rows)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            if connection.in_transaction:
                connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        finally:
            connection.close()


def missing_facts(study: Study, header: Demographics) -> tuple[str, ...]:
    """Tell what reference equations need and neither the header nor an answer tells."""
    answered = {"sex": study.sex, "age": study.age, "height": study.height_cm}
    return tuple(name for name in header.missing if answered[name] is None)


def _study(row: sqlite3.Row) -> Study:
    fields = dict(row) | {"state": StudyState(row["state"])}
    fields["asked"] = tuple(part for part in row["asked"].split(",") if part)
    return Study(**fields)


def _update(table: sqlite3.Connection, study_uid: str, **fields: Any) -> None:
    """Change fields of a study; their names come from this package, never from outside."""
    fields["changed"] = time.time()
    names = ", ".join(f"{name} = ?" for name in fields)
    table.execute(f"UPDATE studies SET {names} WHERE study_uid = ?", (*fields.values(), study_uid))  # noqa: S608
