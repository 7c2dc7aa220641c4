"""The node's TOML file: what it takes, and that every fault is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from spiroct.errors import InputError
from spiroct.server.node_settings import Peer, read_settings

GOOD = """
folder = "node"
ae_title = "SPIROCT"

[[peers]]
ae_title = "PACS"
address = "127.0.0.1"

[[poll]]
url = "http://127.0.0.1:8042/dicom-web"

[[destinations]]
kind = "c-store"
ae_title = "PACS"
host = "127.0.0.1"
port = 4242

[[destinations]]
kind = "stow-rs"
url = "http://127.0.0.1:8042/dicom-web"
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "node.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_file(tmp_path: Path) -> None:
    settings = read_settings(written(tmp_path, GOOD))
    assert settings.folder == tmp_path / "node"  # relative to the file
    assert settings.host == "127.0.0.1"  # loopback unless told otherwise
    assert [d.name for d in settings.destinations] == ["PACS@127.0.0.1:4242", "http://127.0.0.1:8042/dicom-web"]
    assert settings.poll[0].newer_than_days == 7


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('ae_title = "SPIROCT"', 'ae_title = "A TITLE THAT IS TOO LONG"'), "ae_title"),
        (('address = "127.0.0.1"', 'address = "everyone"'), "peers.0.address"),
        (('kind = "stow-rs"', 'kind = "e-mail"'), "destinations.1"),
        (("port = 4242", "port = 424200"), "port"),
        (('folder = "node"', 'folder = "node"\nsettel_seconds = 3'), "settel_seconds"),
        (("[[poll]]", '[[poll]]\nuser = "me"'), "password_file belong together"),
        (('folder = "node"', ""), "folder: Field required"),
        (('folder = "node"', "folder = "), "is no TOML file"),
    ],
)
def test_a_fault_is_named(change: tuple[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read_settings(written(tmp_path, GOOD.replace(*change)))


def test_a_node_without_a_way_in_or_without_a_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs peers that may send"):
        read_settings(written(tmp_path, 'folder = "node"'))
    with pytest.raises(InputError, match="is not there"):
        read_settings(tmp_path / "none.toml")


def test_an_address_may_be_a_network() -> None:
    peer = Peer(ae_title="PACS", address="10.1.0.0/16")
    assert peer.holds("10.1.2.3")
    assert peer.holds("::ffff:10.1.2.3")
    assert not peer.holds("10.2.2.3")
    assert not peer.holds("::1")
