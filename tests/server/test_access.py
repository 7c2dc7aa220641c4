"""Who may ask: token, cookie, origin and host."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from spiroct.server.api import PAGE, create_app
from spiroct.server.settings import ServeSettings

from .conftest import BEARER, HOST, TOKEN

NOBODY = {"Authorization": ""}


def addresses(client: TestClient) -> list[tuple[str, str]]:
    paths = client.get("/api/openapi.json").json()["paths"]
    filled = {"identifier": "0" * 16, "number": "0", "name": "report.html", "study_uid": "1.2"}
    return [
        (method.upper(), re.sub(r"{(\w+)(:path)?}", lambda m: filled[m[1]], path))
        for path, methods in paths.items()
        for method in methods
    ]


@pytest.mark.parametrize(
    "credentials", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xff"]
)
def test_nothing_is_answered_without_the_token(client: TestClient, credentials: str) -> None:
    tried = [(m, p) for m, p in addresses(client) if p != "/api/session"]
    assert len(tried) >= 12
    for method, path in [*tried, ("GET", "/api/openapi.json"), ("GET", "/api/unknown"), ("GET", "/api")]:
        answer = client.request(method, path, headers={"Authorization": credentials.encode("latin-1")})
        assert answer.status_code == 401, (method, path)
        assert "token" in answer.json()["error"]["sentence"]


def test_the_page_itself_holds_no_secret_and_needs_none(client: TestClient) -> None:
    page = client.get("/", headers=NOBODY)
    assert page.status_code == 200
    assert TOKEN not in page.text
    for file in PAGE.iterdir():
        assert client.get(f"/page/{file.name}", headers=NOBODY).content == file.read_bytes()


def test_the_token_opens_a_session_that_can_be_closed(settings: ServeSettings) -> None:
    with TestClient(create_app(settings), base_url=HOST) as browser:
        refused = browser.post("/api/session", json={"token": "a guess"})
        assert refused.status_code == 401
        assert browser.post("/api/session", content='{"token": "\\ud800"}').status_code in (401, 422)
        opened = browser.post("/api/session", json={"token": TOKEN})
        cookie = opened.headers["set-cookie"].lower()
        assert opened.status_code == 204
        assert TOKEN not in cookie
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert browser.get("/api/results").status_code == 200
        session = browser.cookies[settings.cookie]
        assert browser.delete("/api/session").status_code == 204
        browser.cookies.set(settings.cookie, session)
        assert browser.get("/api/results").status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "null"},
        {"Origin": "http://localhost"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_site_can_start_nothing(client: TestClient, headers: dict[str, str]) -> None:
    client.post("/api/session", json={"token": TOKEN})  # a browser that is logged in
    for method, path in [*addresses(client), ("GET", "/api/openapi.json")]:
        answer = client.request(method, path, headers=headers | BEARER)
        assert answer.status_code == 403, (method, path)
    assert client.get("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200  # a link may lead here


def test_the_page_may_ask_itself(client: TestClient) -> None:
    own = {"Origin": HOST, "Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/uploads", headers=own).status_code == 201
    assert client.get("/api/results", headers={"Sec-Fetch-Site": "none"}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[", "127.0.0.1@evil.example:80"])
def test_a_name_that_leads_here_by_a_trick_is_refused(client: TestClient, host: str) -> None:
    for path in ("/", "/api/results"):
        assert client.get(path, headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "LOCALHOST", "[::1]:8765"])
def test_loopback_has_several_names(client: TestClient, host: str) -> None:
    assert client.get("/api/results", headers={"Host": host}).status_code == 200


def test_every_answer_carries_the_security_headers(client: TestClient) -> None:
    answers = [client.get(p) for p in ("/", "/page/page.js", "/page/none", "/api/results", "/api/results/nothing")]
    answers += [client.get("/api/results", headers=NOBODY), client.get("/", headers={"Host": "evil.example"})]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "server" not in answer.headers
    assert client.get("/api/results").headers["cache-control"] == "no-store"


def test_without_a_token_this_machine_is_let_in(tmp_path: Path) -> None:
    with TestClient(create_app(ServeSettings(data=tmp_path / "open", token=None)), base_url=HOST) as anyone:
        assert anyone.get("/api/results").json() == []
        assert anyone.get("/api/results", headers={"Origin": "https://evil.example"}).status_code == 403


def test_words_are_cut_off_where_files_are_not(settings: ServeSettings) -> None:
    """Before a token was given, too: nobody fills the memory."""
    with TestClient(create_app(settings), base_url=HOST) as stranger:
        announced = stranger.post("/api/session", content=b"{", headers={"Content-Length": str(10 * 1024**3)})
        assert announced.status_code == 413

        def endless() -> Iterator[bytes]:
            for _ in range(1000):
                yield b" " * 65536

        streamed = stranger.post("/api/session", content=endless(), headers={"Content-Type": "application/json"})
        assert streamed.status_code in {400, 413}
        assert "sentence" in streamed.json()["error"]
