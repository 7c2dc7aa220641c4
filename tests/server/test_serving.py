"""The command: where it listens, what it refuses, and what is left when it ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from spiroct.cli.main import main
from spiroct.errors import InputError, OutputError, UsageError
from spiroct.server.serving import Door, serve, token_from
from spiroct.server.settings import ServeSettings


@pytest.fixture
def refusal(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Type a command that is refused, and return its sentence."""

    def type_command(*words: str) -> str:
        with pytest.raises(SystemExit) as end:
            main(["serve", "--port", "0", *words])
        assert end.value.code == 2
        return capsys.readouterr().err

    return type_command


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--host", "0.0.0.0"], "scans do not travel unencrypted between machines"),  # noqa: S104
        (["--host", "192.0.2.7"], "scans do not travel unencrypted"),
        (["--host", "ct.hospital.example"], "scans do not travel unencrypted"),
        (["--certificate", "a.pem"], "HTTPS needs both"),
        (["--host", "::", "--certificate", "a", "--key", "b"], "has to know the name"),
        (["--no-token", "--host", "192.0.2.7", "--certificate", "a", "--key", "b"], "sees every scan"),
        (["--no-token", "--token-file", "t"], "sees every scan"),
        (["--token-file", "/nowhere/token"], "it cannot be read"),
        (["--keep-hours", "0"], "limits are positive"),
        (["--model", "nothing"], "is neither a known name nor a folder"),
    ],
)
def test_what_would_stand_open_is_refused(refusal: Callable[..., str], words: list[str], sentence: str) -> None:
    assert sentence in refusal(*words)


def test_tokens_are_long_and_new_each_time(tmp_path: Path) -> None:
    assert token_from(None) != token_from(None)
    assert len(token_from(None)) >= 43
    file = tmp_path / "token"
    for short in ("", "short", "fifteen-letters", "with a space inside it", "ümlaut-ümlaut-ümlaut"):
        file.write_text(short + "\n", encoding="utf-8")
        with pytest.raises(InputError, match="at least 16 characters"):
            token_from(file)
    file.write_text("a" * 16 + "\nignored", encoding="utf-8")
    assert token_from(file) == "a" * 16


def test_a_taken_port_is_told() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(UsageError, match="cannot be had"):
            Door(port=other.getsockname()[1]).bind()
    with pytest.raises(UsageError, match="cannot be had"):
        Door(host="192.0.2.7", certificate=Path("a"), key=Path("b")).bind()


def test_names_and_addresses() -> None:
    assert Door().names == ("127.0.0.1", "localhost", "::1")
    assert Door(host="::1").address(5) == "http://[::1]:5/"
    door = Door(host="0.0.0.0", allow_hosts=("CT.example",), certificate=Path("a"), key=Path("b"))  # noqa: S104
    assert door.address(443) == "https://CT.example:443/"
    assert "ct.example" in door.names


def test_a_folder_of_someone_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "uploads").mkdir()
    (tmp_path / "uploads" / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="no spiroct server made"):
        serve(Door(port=0), data=tmp_path, token=None, announce=print)
    assert (tmp_path / "uploads" / "thesis.txt").exists()


def test_a_limit_has_to_be_positive(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="waiting 0"):
        ServeSettings(data=tmp_path, waiting=0)


def start(tmp_path: Path, *words: str) -> tuple[subprocess.Popen[str], str]:
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    server = subprocess.Popen(
        [sys.executable, "-m", "spiroct", "serve", "--port", "0", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert server.stdout is not None
    line = server.stdout.readline()
    found = re.search(r"http://127.0.0.1:\d+/#token=\S{43}$", line.strip())
    assert found, line + (server.stderr.read() if server.stderr else "")
    return server, found.group()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_a_started_server_answers_and_leaves_nothing_behind(tmp_path: Path, end: signal.Signals) -> None:
    server, address = start(tmp_path)
    base, token = address.split("#token=")
    with urllib.request.urlopen(base, timeout=10) as answer:  # noqa: S310 - our own loopback
        assert b"spiroct" in answer.read()
    request = urllib.request.Request(f"{base}api/results", headers={"Authorization": f"Bearer {token}"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        assert answer.read() == b"[]"
    (folder,) = tmp_path.glob("spiroct-serve-*")
    assert folder.stat().st_mode & 0o077 == 0  # for its owner alone
    server.send_signal(end)
    _, err = server.communicate(timeout=20)
    assert server.returncode == 0, err
    assert err == "spiroct serve: stopped.\n"
    assert list(tmp_path.glob("spiroct-serve-*")) == []


def test_two_servers_do_not_share_a_folder(tmp_path: Path) -> None:
    data = tmp_path / "kept"
    server, _ = start(tmp_path, "--data", str(data))
    try:
        with pytest.raises(OutputError, match="another spiroct server uses it"):
            serve(Door(port=0), data=data, token=None, announce=print)
    finally:
        server.terminate()
        server.communicate(timeout=20)
    assert sorted(path.name for path in data.iterdir()) == ["results", "spiroct-serve.json", "uploads"]
