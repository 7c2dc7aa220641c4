"""A PACS node: studies come in, their chest CT is predicted, the results go back; each study exactly once."""

from __future__ import annotations

import fcntl
import threading
import time
from collections.abc import Callable
from typing import Any

from spiroct.checkpoints.catalogue import DEFAULT_CHECKPOINT, find
from spiroct.errors import OutputError, SpiroctError
from spiroct.imaging.dicom_folder import acquisition_of, choose_series, find_slices
from spiroct.log import logger
from spiroct.pft.demographics import Demographics
from spiroct.server.node_poller import Poller
from spiroct.server.node_predictor import BrokenPredictionError, NodePredictor
from spiroct.server.node_receiver import Receiver
from spiroct.server.node_sender import SendingError, send
from spiroct.server.node_settings import NodeSettings
from spiroct.server.node_store import NodeStore
from spiroct.server.queue import Study, StudyQueue, StudyState, missing_facts

BREATH_S = 0.5
TIDY_S = 60.0
LOCK, LOG = "node.lock", "predictions.log"


class Node:
    """One node; :meth:`run` works until it is stopped.

    Parameters
    ----------
    settings : NodeSettings
        Who may send, where results go.

    Raises
    ------
    SpiroctError
        If the checkpoint is none, the port is taken, or another node works in the folder.
    """

    def __init__(self, settings: NodeSettings) -> None:
        self.settings = settings
        self.model = settings.model or DEFAULT_CHECKPOINT
        find(self.model)
        self.queue = StudyQueue(settings.folder)
        self._lock = _only_one(settings)
        self.store = NodeStore(settings.folder, self.queue)
        self._stopped = threading.Event()
        for study_uid in self.queue.recover():
            logger.info("study %s: its prediction was broken off, it waits again.", study_uid)
        self.receiver = Receiver(settings, self.store) if settings.peers else None
        self._predictor = NodePredictor(settings.folder / LOG, minutes=settings.minutes)

    def run(self) -> None:
        """Work until :meth:`stop`."""
        workers = [self._settle, self._predict, self._send, self._tidy]
        threads = [threading.Thread(target=self._forever, args=(w, BREATH_S), name=w.__name__) for w in workers]
        for service in self.settings.poll:
            poller = Poller(service, self.store, self.queue, self._stopped)
            pause = service.every_seconds
            threads.append(threading.Thread(target=self._forever, args=(poller.poll, pause), name="poll"))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._predictor.close()
        self._lock.close()

    def stop(self) -> None:
        """End all work; what was begun is begun again at the next start."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        self._predictor.stop()
        if self.receiver is not None:
            self.receiver.stop()

    def _forever(self, work: Callable[[], Any], pause: float) -> None:
        """Repeat a step until the node is stopped, whatever becomes of a single one."""
        while not self._stopped.is_set():
            try:
                busy = bool(work())
            except OSError as failure:  # a service or a disk that may come back
                logger.error("%s: %s; it is tried again.", threading.current_thread().name, type(failure).__name__)
                busy = False
            except Exception:  # noqa: BLE001 - told with its traceback: one broken step does not end the node
                step = threading.current_thread().name
                logger.exception("%s: this is a bug, please report it; the node goes on.", step)
                busy = False
            if not busy:
                self._stopped.wait(pause)

    def _settle(self) -> bool:
        """Let studies go on that are complete: nothing came for a while."""
        latest = time.time() - self.settings.settle_seconds
        for study in self.queue.studies(StudyState.RECEIVING):
            if study.changed > latest:
                continue
            if study.instances == 0:  # begun and never kept
                self.queue.settle(study, state=StudyState.FAILED, reason="no instance of it could be kept")
            else:
                self._choose(study)
        return False

    def _choose(self, study: Study) -> None:
        """Choose the chest CT of a complete study, and ask for what its header lacks."""
        try:
            slices, choice = choose_series(find_slices(self.store.scan(study.study_uid), "the study"), "the study")
            facts = acquisition_of(slices, choice)
            person = Demographics(facts.sex, facts.age, facts.height_cm)  # type: ignore[arg-type]
        except SpiroctError as refusal:
            if self.queue.settle(study, state=StudyState.FAILED, reason=str(refusal)):
                _tell(study, "failed")
            return
        missing = missing_facts(study, person) if self.settings.ask else ()
        state = StudyState.ASKING if missing else StudyState.QUEUED
        moved = self.queue.settle(study, state=state, series_uid=facts.series_uid, asked=",".join(missing))
        if moved:
            _tell(study, f"asks for {', '.join(missing)}" if missing else "complete")

    def _predict(self) -> bool:
        study = self.queue.take()
        if study is None:
            return False
        request = {
            "model": self.model, "series": study.series_uid, "sex": study.sex, "age": study.age,
            "height": study.height_cm, "force": self.settings.force, "vessels": self.settings.vessels,
            "explain": None if self.settings.explain else False,  # in DICOM alone
        }  # fmt: skip
        out = self.store.result(study.study_uid)
        try:
            refused = self._predictor.predict(self.store.scan(study.study_uid), out, request)
        except BrokenPredictionError as broken:
            if self._stopped.is_set():
                return False  # stays PREDICTING and is recovered at the next start
            most, back_off = self.settings.retries, self.settings.back_off_seconds
            self.queue.try_again(study, StudyState.QUEUED, str(broken), most=most, back_off=back_off)
            logger.warning("warning: study %s: %s.", study.study_uid, broken)
            return True
        state = StudyState.SENDING if refused is None else StudyState.FAILED
        self.queue.move(study.study_uid, state, reason=refused)
        _tell(study, "predicted" if refused is None else "failed")
        return True

    def _send(self) -> bool:
        study = self.queue.to_send()
        if study is None:
            return False
        files = sorted((self.store.result(study.study_uid) / "dicom").glob("*.dcm"), key=_segments_first)
        try:
            for destination in self.settings.destinations:
                send(study.study_uid, files, destination, self.queue, calling=self.settings.ae_title)
        except SendingError as failure:
            most, back_off = self.settings.retries, self.settings.back_off_seconds
            self.queue.try_again(study, StudyState.SENDING, str(failure), most=most, back_off=back_off)
            logger.warning("warning: study %s: %s.", study.study_uid, failure)
            return True
        self.queue.move(study.study_uid, StudyState.DONE)
        _tell(study, "done")
        return True

    def _tidy(self) -> bool:
        """Delete scans and results of studies that ended long ago; the queue keeps their UIDs."""
        latest = time.time() - 3600 * self.settings.keep_hours
        for study in self.queue.studies(StudyState.DONE, StudyState.FAILED):
            if study.changed < latest and self.store.scan(study.study_uid).exists():
                self.store.delete(study.study_uid)
                logger.info("study %s: its files were deleted, their time is over.", study.study_uid)
        self._stopped.wait(TIDY_S)
        return False


def _tell(study: Study, what: str) -> None:
    logger.info("study %s: %s.", study.study_uid, what)


def _segments_first(path: Any) -> tuple[bool, str]:
    """Sort what the report refers to before it."""
    return (not path.name.startswith("segmentation"), path.name)


def _only_one(settings: NodeSettings) -> Any:
    """Hold the folder for this process alone; the system lets go of it however the process ends."""
    lock = (settings.folder / LOCK).open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise OutputError(
            f"another node works in {settings.folder}",
            "two nodes on one queue would predict a study twice",
            "end the other one, or give this one another folder",
        ) from None
    return lock
