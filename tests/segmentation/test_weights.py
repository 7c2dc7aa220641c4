"""Weights: found where they may lie, hashed as sha256sum does it, refused when they changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from spiroct.errors import InputError, OutputError
from spiroct.segmentation.weights import checked_digest, find_weights, weights_folders


def test_the_first_use_records_and_the_next_checks(tmp_path: Path) -> None:
    weights = tmp_path / "net.pth"
    weights.write_bytes(b"abc")
    # FIPS 180-2, appendix B.1: the digest of "abc".
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert checked_digest(weights) == known
    assert (tmp_path / "net.pth.sha256").read_text(encoding="utf-8") == f"{known}  net.pth\n"
    assert checked_digest(weights) == known
    weights.write_bytes(b"abd")
    with pytest.raises(InputError, match=r"net\.pth\.sha256 says ba7816bf8f01cfea"):
        checked_digest(weights)


def test_a_record_that_was_there_first_counts(tmp_path: Path) -> None:
    weights = tmp_path / "net.pth"
    weights.write_bytes(b"abc")
    (tmp_path / "net.pth.sha256").write_text("0" * 64 + "  net.pth\n", encoding="utf-8")
    with pytest.raises(InputError, match="SHA-256"):
        checked_digest(weights)


def test_a_folder_is_its_files_and_their_names(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name / "fold_0").mkdir(parents=True)
        (tmp_path / name / "plans.json").write_text("{}", encoding="utf-8")
        (tmp_path / name / "fold_0" / "net.pth").write_bytes(b"abc")
    digest = checked_digest(tmp_path / "a")
    assert checked_digest(tmp_path / "b") == digest
    lines = [(tmp_path / "a" / n, n) for n in ("fold_0/net.pth", "plans.json")]
    listed = "\n".join(f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {n}" for p, n in lines)
    assert digest == hashlib.sha256(listed.encode()).hexdigest()
    (tmp_path / "b" / "plans.json").rename(tmp_path / "b" / "plan.json")
    with pytest.raises(InputError, match="do not change"):
        checked_digest(tmp_path / "b")


def test_a_record_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = tmp_path / "net.pth"
    weights.write_bytes(b"abc")

    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(OutputError, match=r"ba7816bf8f01cfea.*  net\.pth"):
        checked_digest(weights)


def test_where_weights_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPIROCT_WEIGHTS", str(tmp_path / "site"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert weights_folders(None) == (tmp_path / "site", tmp_path / "home" / ".cache" / "spiroct" / "weights")
    assert weights_folders(tmp_path) == (tmp_path,)
    with pytest.raises(InputError, match="no such folder"):
        weights_folders(tmp_path / "nowhere")


def test_the_first_folder_wins_and_records_are_no_weights(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "Dataset297_x").mkdir()
    (tmp_path / "one" / "Dataset297_x.sha256").write_text("", encoding="utf-8")
    folders = [tmp_path / "none", tmp_path / "one", tmp_path / "two"]
    found = find_weights("Dataset297_*", folders, source="there", feature="it")
    assert found == tmp_path / "one" / "Dataset297_x"


def test_missing_weights_name_source_and_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"downloads nothing.*fetch them from https://x\.org into one of these"):
        find_weights("net.pth", [tmp_path], source="https://x.org", feature="it")
