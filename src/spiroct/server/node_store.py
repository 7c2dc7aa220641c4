"""The files of a node's studies: received instances and results, in folders whose names come from no header."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from spiroct.errors import InputError
from spiroct.server.queue import StudyQueue

_UID = re.compile(r"^[0-9]+(\.[0-9]+)*$")
MOST_INSTANCES = 20_000  # of one study; a chest CT has a thousand


class NodeStore:
    """Received instances and results of one node.

    Parameters
    ----------
    folder : Path
        Folder of the node.
    queue : StudyQueue
        Told of every instance that is on the disk.
    """

    def __init__(self, folder: Path, queue: StudyQueue) -> None:
        self.folder, self.queue = folder, queue

    def scan(self, study_uid: str) -> Path:
        """Folder of a study's instances."""
        return self.folder / "scans" / _name(study_uid)

    def result(self, study_uid: str) -> Path:
        """Folder of a study's result."""
        return self.folder / "results" / _name(study_uid)

    def has(self, study_uid: str, instance_uid: str) -> bool:
        """Whether an instance is on the disk."""
        return (self.scan(study_uid) / f"{_name(instance_uid)}.dcm").exists()

    def keep(self, study_uid: str, instance_uid: str, source: str, write: Callable[[Path], None]) -> bool:
        """Keep one instance; when this returns, it survives a crash.

        Parameters
        ----------
        study_uid, instance_uid : str
            From the header, and trusted for nothing: the names of folder and file are their hashes.
        source : str
            Who sent it.
        write : callable
            Writes the instance to the path it is given.

        Returns
        -------
        bool
            False where the study is past receiving, or the instance was there: nothing changed.

        Raises
        ------
        InputError
            If a UID is none, or the study has more instances than any scan.
        """
        for uid in (study_uid, instance_uid):
            if len(uid) > 64 or not _UID.match(uid):
                raise InputError(f"UID {uid[:64]!r}", "a UID is numbers and dots, 64 at most", "send DICOM")
        if not self.queue.receive(study_uid, source) or self.has(study_uid, instance_uid):
            return False
        study = self.queue.study(study_uid)
        if study is not None and study.instances >= MOST_INSTANCES:
            raise InputError(
                f"study {study_uid} has more than {MOST_INSTANCES} CT instances", "no scan has that many", "send fewer"
            )
        folder = self.scan(study_uid)
        folder.mkdir(parents=True, exist_ok=True)
        place = folder / f"{_name(instance_uid)}.dcm"
        partial = place.with_suffix(f".partial-{os.getpid()}")
        try:
            write(partial)
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            partial.replace(place)
        finally:
            partial.unlink(missing_ok=True)
        shutil.rmtree(self.result(study_uid), ignore_errors=True)  # of an attempt on fewer instances
        self.queue.stored(study_uid, 1)
        return True

    def delete(self, study_uid: str) -> None:
        """Delete instances and result of a study."""
        shutil.rmtree(self.scan(study_uid), ignore_errors=True)
        shutil.rmtree(self.result(study_uid), ignore_errors=True)


def _name(uid: str) -> str:
    return hashlib.sha256(uid.encode()).hexdigest()[:32]
