"""Ask a DICOMweb service for CT studies that the node has not seen, and fetch them when they are complete."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from spiroct.errors import InputError
from spiroct.imaging.dicom_folder import MINIMUM_SLICES
from spiroct.log import logger
from spiroct.server.node_sender import web_client
from spiroct.server.node_settings import Poll
from spiroct.server.node_store import NodeStore
from spiroct.server.queue import StudyQueue, StudyState

STUDY, SERIES, INSTANCE, COUNT = "0020000D", "0020000E", "00080018", "00201209"
PAGE = 500


class Poller:
    """Polls one service.

    A study is fetched when two polls in a row find the same CT series with the same numbers of instances; a study that
    the node knows is left alone.

    Parameters
    ----------
    service : Poll
        What to poll.
    store : NodeStore
        Keeps what is fetched.
    queue : StudyQueue
        Knows the studies that were seen.
    stopped : threading.Event
        Ends a poll between two instances; what is missing is fetched at the next start.
    """

    def __init__(self, service: Poll, store: NodeStore, queue: StudyQueue, stopped: threading.Event) -> None:
        self.service, self.store, self.queue, self.stopped = service, store, queue, stopped
        self._seen: dict[str, dict[str, int]] = {}

    def poll(self) -> int:
        """Ask once; return how many instances were fetched.

        Raises
        ------
        OSError
            If the service cannot be reached; ask again later.
        """
        client, fetched = web_client(self.service), 0
        filters = {"ModalitiesInStudy": "CT"}
        if self.service.newer_than_days:
            first = date.today() - timedelta(days=self.service.newer_than_days)  # noqa: DTZ011 - dates in DICOM are local
            filters["StudyDate"] = f"{first:%Y%m%d}-"
        for study_uid in _pages(partial(client.search_for_studies, search_filters=filters), STUDY):
            known = self.queue.study(study_uid)
            if known is not None and (known.state, known.source) != (StudyState.FETCHING, self.service.url):
                continue
            series = self._ct_series(client, study_uid)
            if not series:
                continue
            if self._seen.get(study_uid) == series:
                fetched += self._fetch(client, study_uid, series)
            self._seen[study_uid] = series
        return fetched

    def _ct_series(self, client: Any, study_uid: str) -> dict[str, int]:
        """CT series that can be a chest CT, with their numbers of instances."""
        asked = ["NumberOfSeriesRelatedInstances"]
        rows = client.search_for_series(study_uid, search_filters={"Modality": "CT"}, fields=asked)
        counts = {str(_value(row, SERIES)): int(_value(row, COUNT) or 0) for row in rows}
        return {uid: count for uid, count in counts.items() if count >= MINIMUM_SLICES}

    def _fetch(self, client: Any, study_uid: str, series: dict[str, int]) -> int:
        fetched = 0
        self.queue.receive(study_uid, self.service.url, state=StudyState.FETCHING)
        for series_uid in series:
            for instance_uid in _pages(partial(client.search_for_instances, study_uid, series_uid), INSTANCE):
                if self.stopped.is_set():
                    return fetched
                if self.store.has(study_uid, instance_uid):
                    continue

                def write(place: Path, uid: str = instance_uid, within: str = series_uid) -> None:
                    dataset = client.retrieve_instance(study_uid, within, uid)
                    dataset.save_as(place, enforce_file_format=True)

                try:
                    fetched += self.store.keep(study_uid, instance_uid, self.service.url, write)
                except InputError as refused:
                    logger.error("%s", refused)
        self.queue.move(study_uid, StudyState.RECEIVING)
        return fetched


def _pages(search: Callable[..., list[dict[str, Any]]], tag: str) -> Iterator[str]:
    """UIDs of all that a search finds, page by page; a service that knows no pages gives its one page twice."""
    seen: set[str] = set()
    while True:
        page = [str(_value(row, tag)) for row in search(limit=PAGE, offset=len(seen))]
        fresh = [uid for uid in dict.fromkeys(page) if uid not in seen]
        if not fresh:
            return
        seen.update(fresh)
        yield from fresh
        if len(page) < PAGE:
            return


def _value(row: dict[str, Any], tag: str) -> Any:
    values = row.get(tag, {}).get("Value") or [None]
    return values[0]
