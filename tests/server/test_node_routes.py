"""The studies of a node on the page: a queue and files as the node leaves them, without a network."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from spiroct.server import worker
from spiroct.server.api import create_app
from spiroct.server.node_store import NodeStore
from spiroct.server.queue import StudyQueue, StudyState
from spiroct.server.settings import ServeSettings

from .conftest import BEARER, HOST, wait_for

READY, COMING, GONE = "1.2.3.4", "1.2.3.5", "1.2.3.6"


@pytest.fixture
def queue(tmp_path: Path) -> StudyQueue:
    """Return a queue with a study that asks for the height, one that is still coming, and one that was deleted."""
    queue = StudyQueue(tmp_path / "node")
    store = NodeStore(tmp_path / "node", queue)
    for uid in (READY, COMING, GONE):
        for number in range(3):
            store.keep(uid, f"{uid}.{number}", "PACS", lambda path: path.write_bytes(b"a slice of Mallory"))
    study = queue.study(READY)
    assert study is not None
    assert queue.settle(study, state=StudyState.ASKING, asked="height")
    queue.move(GONE, StudyState.DONE)
    store.delete(GONE)
    return queue


@pytest.fixture
def page(settings: ServeSettings, queue: StudyQueue) -> Iterator[TestClient]:
    with TestClient(create_app(replace(settings, node=queue.path.parent)), base_url=HOST, headers=BEARER) as client:
        yield client


def test_without_a_node_there_are_no_studies(client: TestClient) -> None:
    assert client.get("/api/node/studies").json() == {"connected": False, "studies": []}
    assert client.post(f"/api/node/studies/{READY}/answer", json={"height": 168}).status_code == 404
    assert client.post(f"/api/node/studies/{READY}/results", json={}).status_code == 404


def test_studies_are_listed_the_newest_first_and_without_names(page: TestClient) -> None:
    answer = page.get("/api/node/studies")
    studies = {study["study_uid"]: study for study in answer.json()["studies"]}
    assert list(studies) == [GONE, COMING, READY]
    assert [studies[uid]["there"] for uid in (READY, COMING, GONE)] == [True, False, False]
    assert studies[READY]["asked"] == ["height"]
    assert studies[READY]["instances"] == 3
    assert "allory" not in answer.text


def test_an_answer_lets_the_node_go_on(page: TestClient, queue: StudyQueue) -> None:
    address = f"/api/node/studies/{READY}/answer"
    assert "looks like metres" in page.post(address, json={"height": 1.68}).json()["error"]["sentence"]
    assert page.post(address, json={"weight": 70}).status_code == 422
    assert page.post(address, json={"height": 168}).status_code == 204
    study = queue.study(READY)
    assert study is not None
    assert (study.state, study.height_cm) == (StudyState.QUEUED, 168)
    assert page.post(address, json={"height": 170}).status_code == 422  # it does not ask any more
    assert page.post("/api/node/studies/9.9.9/answer", json={"height": 170}).status_code == 404
    assert page.post("/api/node/studies/..%2f1/answer", json={"height": 170}).status_code in {404, 422}


def test_a_picked_study_becomes_a_result_and_stays_with_the_node(
    page: TestClient, queue: StudyQueue, settings: ServeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "import json, os, sys; job = json.load(open(sys.argv[1])); print(json.dumps({'facts': job}))"
    monkeypatch.setattr(worker, "COMMAND", (sys.executable, "-c", lines))
    answer = page.post(f"/api/node/studies/{READY}/results", json={"height": 168, "label": "picked"})
    assert answer.status_code == 202
    result = wait_for(page, answer.json()["id"])
    assert (result["state"], result["label"]) == ("done", "picked")
    assert result["facts"]["request"]["height"] == 168
    scan = Path(result["facts"]["scan"])
    assert [path.read_bytes() for path in scan.iterdir()] == [b"a slice of Mallory"] * 3
    assert len(list(NodeStore(queue.path.parent, queue).scan(READY).iterdir())) == 3
    page.delete(f"/api/results/{result['id']}")
    assert not scan.exists()
    assert len(list(NodeStore(queue.path.parent, queue).scan(READY).iterdir())) == 3
    assert "allory" not in json.dumps(result)


@pytest.mark.parametrize("uid", [COMING, GONE])
def test_a_study_that_is_not_there_cannot_be_picked(page: TestClient, settings: ServeSettings, uid: str) -> None:
    answer = page.post(f"/api/node/studies/{uid}/results", json={})
    assert answer.status_code == 409
    assert list((settings.data / "uploads").iterdir()) == []
    assert page.get("/api/results").json() == []


def test_impossible_particulars_leave_nothing_behind(page: TestClient, settings: ServeSettings) -> None:
    assert page.post(f"/api/node/studies/{READY}/results", json={"height": 1.68}).status_code == 422
    assert list((settings.data / "uploads").iterdir()) == []
