"""The page's own files: nothing from elsewhere, nothing parsed as markup, licences told."""

from __future__ import annotations

import json
import re
from pathlib import Path

from fastapi.testclient import TestClient

from spiroct.server.api import PAGE

ROOT = Path(__file__).resolve().parents[2]
OWN = [path for path in sorted(PAGE.iterdir()) if path.suffix in {".html", ".js", ".css"} and path.name != "niivue.js"]


def test_nothing_is_fetched_from_elsewhere() -> None:
    assert len(OWN) >= 10
    for path in OWN:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"https?://|@import|url\(", text), path
        for name in re.findall(r"""(?:^import\b.*\bfrom|\bimport\()\s*['"]([^'"]+)['"]""", text, flags=re.MULTILINE):
            assert (PAGE / name).is_file(), f"{path.name} imports {name}"


def test_no_text_is_ever_parsed_as_markup() -> None:
    risky = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|eval\(|new Function")
    for path in OWN:
        assert not risky.search(path.read_text(encoding="utf-8")), path


def test_the_document_needs_no_exception_from_its_security_policy() -> None:
    html = (PAGE / "index.html").read_text(encoding="utf-8")
    assert "<style" not in html
    assert not re.search(r"\s(style|on\w+)=", html)
    assert re.findall(r"<script[^>]*>(.*?)</script>", html) == [""]


def test_the_viewer_is_the_pinned_one_and_tells_its_licences() -> None:
    pinned = json.loads((ROOT / "viewer/package.json").read_text(encoding="utf-8"))["dependencies"]["@niivue/niivue"]
    told = (PAGE / "niivue.LICENSE.txt").read_text(encoding="utf-8")
    code = (PAGE / "niivue.js").read_text(encoding="utf-8")
    assert f"@niivue/niivue {pinned} (BSD-2-Clause)" in told
    assert "Redistribution and use in source and binary forms" in told
    assert f'version:"{pinned}"' in code
    assert "WebAssembly" not in code  # the security policy refuses it
    assert len(code) < 1_000_000
    assert f"NiiVue {pinned}" in (ROOT / "NOTICE").read_text(encoding="utf-8")


def test_every_address_is_documented(client: TestClient) -> None:
    text = (ROOT / "docs/reference/page-interface.md").read_text(encoding="utf-8")
    paths = client.get("/api/openapi.json").json()["paths"]
    told = set(re.findall(r"^\| `(?:GET|POST|PUT|DELETE) (\S+)`", text, flags=re.MULTILINE))
    assert told == set(paths)
