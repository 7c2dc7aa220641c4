"""What the page says when a prediction waits, is deleted, breaks off, hangs or is killed; a child of the test's own."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from spiroct.server import worker
from spiroct.server.api import create_app
from spiroct.server.results import RECORD
from spiroct.server.settings import ServeSettings

from .conftest import BEARER, HOST, upload, wait_for

Behave = Callable[[str], None]


@pytest.fixture
def behave(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Behave:
    """Have a few lines of Python stand for the prediction."""

    def behave_so(lines: str) -> None:
        script = tmp_path / "child.py"
        script.write_text("import json, os, sys, time\n" + lines, encoding="utf-8")
        monkeypatch.setattr(worker, "COMMAND", (sys.executable, str(script)))

    return behave_so


def start(client: TestClient, **person: Any) -> str:
    answer = client.post("/api/results", json={"upload": upload(client, ("Jane_Doe.zip", b"PK")), **person})
    assert answer.status_code == 202
    return answer.json()["id"]


DONE = 'print(json.dumps({"facts": {"scan_id": "s"}}))'


def test_steps_are_told_and_the_request_reaches_the_child(client: TestClient, behave: Behave) -> None:
    behave(
        'job = json.load(open(sys.argv[1]))\nprint(json.dumps({"stage": "Reading the scan"}), flush=True)\n'
        'assert os.environ["TMPDIR"].startswith(job["folder"])\n'
        'time.sleep(1)\nprint(json.dumps({"facts": job}))'
    )
    identifier = start(client, sex="F", age=53.4, height=168, tlc=5.1, label=" SSc-07 ")
    seen = set()
    while (result := client.get(f"/api/results/{identifier}").json())["state"] in {"waiting", "running"}:
        seen.add(result["stage"])
        time.sleep(0.05)
    assert "Reading the scan" in seen
    assert result["state"] == "done"
    assert result["label"] == "SSc-07"
    job = result["facts"]
    assert job["request"] == {
        "sex": "F", "age": 53.4, "height": 168.0, "dlco": None, "fev1": None, "fvc": None, "tlc": 5.1,
        "dlco_unit": "mmol/min/kPa", "explain": False, "exchange": False, "force": False,
    }  # fmt: skip
    assert "Jane" not in json.dumps(job)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("os.abort()", "the prediction was ended by the system (SIGABRT)"),
        ("os.kill(os.getpid(), 9)", "SIGKILL, most often because memory ran out"),
        ("raise ValueError('Jane Doe')", "the prediction broke off (ValueError): this is a bug in spiroct"),
        ("print('no line of ours')", "could not be followed (JSONDecodeError)"),
        ("print('x' * 3_000_000)", "could not be followed (ValueError)"),
        ("pass", "the prediction broke off (no reason given)"),
    ],
)
def test_a_crash_is_told_in_a_sentence_and_the_next_scan_is_done(
    client: TestClient, behave: Behave, lines: str, sentence: str
) -> None:
    behave(lines)
    failed = wait_for(client, start(client))
    assert failed["state"] == "failed"
    assert sentence in failed["error"]["sentence"]
    assert "Jane" not in failed["error"]["sentence"]
    behave(DONE)
    assert wait_for(client, start(client))["state"] == "done"


def test_a_prediction_that_hangs_is_ended(settings: ServeSettings, behave: Behave) -> None:
    behave("time.sleep(600)")
    with TestClient(create_app(replace(settings, minutes=0.01)), base_url=HOST, headers=BEARER) as client:
        assert "took longer than 0.01 minutes" in wait_for(client, start(client))["error"]["sentence"]


def test_a_refusal_can_be_overridden_on_the_same_scan(client: TestClient, behave: Behave) -> None:
    behave(
        'job = json.load(open(sys.argv[1]))\nassert os.path.exists(job["scan"])\n'
        'error = {"what": "The scan: slices of 9 mm", "rule": "at most 5", "remedy": "use another"}\n'
        'told = {"facts": {}} if job["request"]["force"] else {"error": error, "overridable": True}\n'
        "print(json.dumps(told))"
    )
    refused = wait_for(client, start(client, height=170))
    assert refused["state"] == "refused"
    assert refused["overridable"]
    assert refused["error"]["sentence"] == "The scan: slices of 9 mm: at most 5; use another."
    assert client.get(f"/api/results/{refused['id']}/summary").status_code == 409
    again = client.post(f"/api/results/{refused['id']}/again", json={"height": 170, "force": True})
    assert again.status_code == 202
    assert wait_for(client, refused["id"])["state"] == "done"


def test_a_deleted_result_takes_its_child_and_its_files_along(
    client: TestClient, settings: ServeSettings, behave: Behave
) -> None:
    behave('print(json.dumps({"stage": str(os.getpid())}), flush=True)\ntime.sleep(600)')
    identifier = start(client)
    while not (pid := client.get(f"/api/results/{identifier}").json()["stage"]):
        time.sleep(0.05)
    assert client.post(f"/api/results/{identifier}/again", json={}).status_code == 409
    assert client.delete(f"/api/results/{identifier}").status_code == 204
    assert client.get(f"/api/results/{identifier}").status_code == 404
    assert list((settings.data / "results").iterdir()) == []
    behave(DONE)
    assert wait_for(client, start(client))["state"] == "done"  # the worker went on: the child is gone
    assert not Path(f"/proc/{pid}").exists()


def test_results_wait_in_order_and_the_queue_is_finite(settings: ServeSettings, behave: Behave) -> None:
    behave(f"time.sleep(1)\n{DONE}")
    with TestClient(create_app(replace(settings, waiting=2)), base_url=HOST, headers=BEARER) as client:
        first = start(client)
        while client.get(f"/api/results/{first}").json()["state"] == "waiting":
            time.sleep(0.02)
        second, third = start(client), start(client)
        assert client.get(f"/api/results/{third}").json()["ahead"] == 1
        refused = client.post("/api/results", json={"upload": upload(client, ("a.zip", b"x"))})
        assert refused.status_code == 429
        ended = [wait_for(client, identifier)["ended"] for identifier in (first, second, third)]
        assert ended == sorted(ended)
        assert [result["id"] for result in client.get("/api/results").json()] == [third, second, first]


def test_a_restart_resumes_and_a_stopped_server_leaves_no_child(settings: ServeSettings, behave: Behave) -> None:
    behave('print(json.dumps({"stage": str(os.getpid())}), flush=True)\ntime.sleep(600)')
    with TestClient(create_app(settings), base_url=HOST, headers=BEARER) as client:
        identifier = start(client, label="survivor")
        while not (pid := client.get(f"/api/results/{identifier}").json()["stage"]):
            time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()
    broken = settings.data / "results" / ("f" * 16)
    broken.mkdir()
    (broken / RECORD).write_text('{"identifier": "../../etc"', encoding="utf-8")
    behave(DONE)
    with TestClient(create_app(settings), base_url=HOST, headers=BEARER) as client:
        assert wait_for(client, identifier)["state"] == "done"
        assert client.get(f"/api/results/{identifier}").json()["label"] == "survivor"
    assert not broken.exists()


def test_results_are_deleted_when_their_time_is_over(
    settings: ServeSettings, behave: Behave, monkeypatch: pytest.MonkeyPatch
) -> None:
    behave(DONE)
    monkeypatch.setattr(worker, "TIDY_S", 0.05)
    with TestClient(create_app(replace(settings, keep_hours=2 / 3600)), base_url=HOST, headers=BEARER) as client:
        identifier = start(client)
        assert client.get(f"/api/results/{identifier}").status_code == 200
        end = time.monotonic() + 20
        while client.get(f"/api/results/{identifier}").status_code != 404:
            assert time.monotonic() < end
            time.sleep(0.1)
        assert list((settings.data / "results").iterdir()) == []
