"""The process that predicts: what it tells of archives and images that are an attack, or no scan."""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spiroct.checkpoints.catalogue import DEFAULT_CHECKPOINT
from spiroct.errors import ExitCode, UsageError
from spiroct.log import logger
from spiroct.server.child import main


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    handlers, level, propagate = list(logger.handlers), logger.level, logger.propagate
    yield
    logger.handlers[:], logger.level, logger.propagate = handlers, level, propagate


def told_of(scan: Path, folder: Path, **request: Any) -> tuple[int, list[dict[str, Any]]]:
    folder.mkdir()
    job = folder / "job.json"
    request = {"exchange": False, "explain": False} | request
    told = {
        "scan": str(scan), "folder": str(folder), "shown_as": "The scan", "model": DEFAULT_CHECKPOINT,
        "request": request,
    }  # fmt: skip
    job.write_text(json.dumps(told), encoding="utf-8")
    lines = io.StringIO()
    code = main(job, lines)
    return code, [json.loads(line) for line in lines.getvalue().splitlines()]


@pytest.mark.parametrize(("explain", "tries"), [(True, [True, False]), (False, [False])])
def test_a_network_that_cannot_be_explained_is_asked_for_its_result_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, explain: bool, tries: list[bool]
) -> None:
    """Where that is refused too, its own sentence is told, not that of the maps."""
    asked: list[bool] = []

    def refuse(*_: object, explain: bool, **__: object) -> None:
        asked.append(explain)
        raise UsageError("maps" if explain else "estimates", "a rule", "a way out")

    monkeypatch.setattr("spiroct.workflows.predict.predict", refuse)
    code, lines = told_of(tmp_path / "scan.nii.gz", tmp_path / "job", explain=explain)
    assert code == ExitCode.REFUSED
    assert asked == tries
    assert lines[-1]["error"]["what"] == "estimates"


def bomb() -> bytes:
    """Return an archive of 200 MB of zeros."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("bomb.dcm", bytes(200_000_000))
    return stream.getvalue()


def huge_nifti() -> bytes:
    """Return a NIfTI-1 header that announces 27,000 billion voxels, gzipped."""
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, 30000, 30000, 30000, 1, 1, 1, 1)
    struct.pack_into("<hh", header, 70, 4, 16)  # int16
    struct.pack_into("<8f", header, 76, 1, 1, 1, 1, 1, 1, 1, 1)
    struct.pack_into("<f", header, 108, 352)
    header[344:348] = b"n+1\0"
    return gzip.compress(bytes(header))


def cross_named() -> bytes:
    """Return an archive with names that no file system takes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for name in ("a" * 300 + ".dcm", ".", "x/.", "ü" * 200, "a\nb"):
            packed.writestr(name, b"no slice")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.zip", bomb(), "times its size"),
        ("a.nii.gz", huge_nifti(), "announces 30000x30000x30000 voxels: a scan has at most 2.1 billion"),
        ("a.zip", cross_named(), "holds 5 files and none of them is DICOM"),
        ("a.zip", b"PK\3\4 nothing", "cannot be unpacked"),
        ("a.nii", b"not a header", "cannot be read"),
        ("a.dcm", b"no slice", "is not a scan"),
    ],
    ids=["zip bomb", "huge header", "impossible names", "damaged zip", "damaged image", "no DICOM"],
)
def test_what_is_no_scan_is_refused_in_a_sentence(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    code, lines = told_of(tmp_path / name, tmp_path / "result")
    assert code == ExitCode.REFUSED
    assert lines[0] == {"stage": "Reading the scan"}
    error = lines[-1]["error"]
    assert words in f"{error['what']}: {error['rule']}"
    assert error["what"].startswith("The scan")
    assert str(tmp_path) not in json.dumps(error)
    assert not lines[-1]["overridable"]
    assert sorted(path.name for path in (tmp_path / "result").iterdir()) == ["job.json"]


def test_a_judgement_can_be_overridden_and_names_no_option(tmp_path: Path, hostile_folder: Path) -> None:
    scan = tmp_path / "scan"
    scan.mkdir()
    for file in sorted(hostile_folder.iterdir())[20:55]:  # the middle of the chest: apex and base are cut off
        (scan / file.name).write_bytes(file.read_bytes())
    code, lines = told_of(scan, tmp_path / "result", sex="F", age=53.4, height=168.0)
    assert code == ExitCode.REFUSED
    assert lines[-1]["overridable"]
    assert "--force" not in lines[-1]["error"]["remedy"]
