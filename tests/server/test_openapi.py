"""Schemathesis asks the interface everything that its OpenAPI document allows, and much that it does not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any
from unittest import SkipTest

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.specs.openapi import checks

from spiroct.server import worker
from spiroct.server.api import create_app
from spiroct.server.settings import ServeSettings

from .conftest import BEARER, HOST, TOKEN, upload, wait_for

POSITIVE, NEGATIVE = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
HEADERS = BEARER | {"Host": "127.0.0.1"}
pytestmark = pytest.mark.slow
CHECKS = (
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
)


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, TestClient]]:
    """Return the interface as it describes itself, and a program that uses it; results end at once."""
    before = worker.COMMAND
    worker.COMMAND = (sys.executable, "-c", "print('{\"facts\": {}}')")
    app = create_app(ServeSettings(data=tmp_path_factory.mktemp("fuzz"), token=TOKEN))
    with TestClient(app, base_url=HOST, headers=BEARER) as client:
        yield schemathesis.openapi.from_asgi("/api/openapi.json", app, headers=HEADERS), client
    worker.COMMAND = before


@pytest.mark.parametrize("mode", [POSITIVE, NEGATIVE])
def test_no_request_breaks_the_server(described: tuple[Any, TestClient], mode: schemathesis.GenerationMode) -> None:
    """What is allowed and what is not, at every address; schemathesis's own pytest plug-in lags behind pytest."""
    interface, client = described
    tried, seen = 0, set[int]()
    for found in interface.get_all_operations():
        operation = found.ok()
        known = {"uploads": upload(client, ("a.zip", b"x")), "results": a_result(client)}
        try:
            seen |= statuses(operation.as_strategy(generation_mode=mode), known if mode is POSITIVE else {})
            tried += 1
        except (Unsatisfiable, SkipTest):  # an address that takes nothing cannot be given what it does not take
            assert mode is NEGATIVE
    assert tried >= 6
    if mode is POSITIVE:
        assert {200, 201, 202, 204, 404} <= seen  # what is there was reached, and what is not


def statuses(strategy: Any, known: dict[str, str]) -> set[int]:
    """Ask with thirty cases, of uploads and results that are there where ``known`` names one, and check the answers."""
    seen = set()

    @given(case=strategy)
    @settings(max_examples=30, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def ask(case: Any) -> None:
        if known and "identifier" in case.path_parameters:
            case.path_parameters["identifier"] = known[case.path.split("/")[2]]
        seen.add(case.call_and_validate(headers=HEADERS, checks=list(CHECKS)).status_code)

    ask()
    return seen


def a_result(client: TestClient) -> str:
    """Make a result that is done."""
    answer = client.post("/api/results", json={"upload": upload(client, ("a.zip", b"x"))}).json()
    assert wait_for(client, answer["id"])["state"] == "done"
    return answer["id"]
