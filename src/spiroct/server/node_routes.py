"""The studies of a PACS node on the page: look at them, answer what they ask, pick one for a result."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI
from fastapi import Path as InPath
from pydantic import BaseModel, Field

from spiroct.server.documents import Asked, ResultDocument, Strict, result_document
from spiroct.server.node_store import NodeStore
from spiroct.server.particulars import check_particulars
from spiroct.server.queue import StudyQueue, StudyState
from spiroct.server.refusals import RequestRefusedError, not_found
from spiroct.server.results import Results, stamp
from spiroct.server.uploads import new_identifier
from spiroct.server.worker import Worker

UID = Annotated[str, InPath(pattern=r"^[0-9]+(\.[0-9]+)*$", max_length=64)]
INCOMPLETE = (StudyState.FETCHING, StudyState.RECEIVING)


class NodeStudy(BaseModel):
    """One study that the node has, without anything that names a patient."""

    study_uid: str
    state: StudyState
    received: str = Field(description="ISO 8601, UTC.")
    instances: int
    reason: str | None = Field(description="Why it failed, or is tried again.")
    asked: list[str] = Field(description="What the node needs to know: sex, age, height.")
    there: bool = Field(description="True where its scan is complete and not deleted: it can be picked.")


class NodeDocument(BaseModel):
    """The node's studies; connected is false where the page was started without a node."""

    connected: bool
    studies: list[NodeStudy]


class Answer(Strict):
    """What was asked of a study."""

    sex: Literal["F", "M"] | None = None
    age: float | None = Field(None, description="Years.")
    height: float | None = Field(None, description="Centimetres.")


def node_routes(app: FastAPI, folder: Path | None, results: Results, worker: Worker) -> None:
    """Add the node's addresses to the application; without a node they say that there is none."""
    queue = None if folder is None else StudyQueue(folder)
    store = None if folder is None or queue is None else NodeStore(folder, queue)

    @app.get("/api/node/studies", tags=["node"])
    def list_studies() -> NodeDocument:
        """List the studies that the node has received, the newest first."""
        if queue is None or store is None:
            return NodeDocument(connected=False, studies=[])
        found = [
            NodeStudy(
                study_uid=study.study_uid,
                state=study.state,
                received=stamp(study.received),
                instances=study.instances,
                reason=study.reason,
                asked=list(study.asked),
                there=study.state not in INCOMPLETE and store.scan(study.study_uid).is_dir(),
            )
            for study in queue.studies()
        ]
        return NodeDocument(connected=True, studies=found[::-1])

    @app.post("/api/node/studies/{study_uid}/answer", status_code=204, tags=["node"])
    def answer_study(study_uid: UID, answer: Answer) -> None:
        """Tell the node what a study asks for; it goes on when nothing is missing any more."""
        if queue is None or queue.study(study_uid) is None:
            raise not_found("study")
        queue.answer(study_uid, sex=answer.sex, age=answer.age, height=answer.height)

    @app.post("/api/node/studies/{study_uid}/results", status_code=202, tags=["node"])
    async def ask_of_study(study_uid: UID, asked: Asked) -> ResultDocument:
        """Ask for the lung function of a study that the node has received."""
        study = None if queue is None else queue.study(study_uid)
        if study is None or store is None:
            raise not_found("study")
        scan = store.scan(study_uid)
        if study.state in INCOMPLETE or not scan.is_dir():
            raise RequestRefusedError(
                409, f"a study that is {study.state}", "its scan is not complete, or deleted", "wait, or send it again"
            )
        check_particulars(asked)
        staging = results.folder.parent / "uploads" / new_identifier()
        await asyncio.to_thread(shutil.copytree, scan, staging, copy_function=_link)
        try:
            result = results.create(asked.label.strip(), asked.request(), staging.rename)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        worker.call()
        return result_document(result, results)


def _link(source: str, place: str) -> Any:
    """Take a file without copying it, where the disk is the same; the node's copy may be deleted any time."""
    try:
        os.link(source, place)
    except OSError:
        shutil.copyfile(source, place)
    return place
