"""Weight files of others: fetched once when asked for, held to the hash of the first time, never run."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from spiroct.documents import write_json
from spiroct.errors import CheckpointError, InputError
from spiroct.log import logger

SCHEMA, SCHEMA_VERSION = "spiroct.fetched-weights", 1
_CHUNK = 1 << 20


def weights_folder() -> Path:
    """Folder of fetched weights: ``weights`` in ``SPIROCT_CACHE``, or ``~/.cache/spiroct/weights``."""
    home = os.environ.get("SPIROCT_CACHE")
    return Path(home) / "weights" if home else Path.home() / ".cache" / "spiroct" / "weights"


def fetched(url: str, folder: Path, *, begins: str = "") -> tuple[Path, str]:
    """Fetch a file, or find it fetched, and hold it to the hash of the first time.

    Where nobody publishes a file's hash, none is known beforehand: the first download's is written beside the file, as
    ``NAME.json``, and every later use is checked against it.

    Parameters
    ----------
    url : str
        Address, https.
    folder : Path
        Where fetched files are kept.
    begins : str
        First digits of the hash, where the file's publisher gives them.

    Returns
    -------
    path : Path
        The file.
    sha256 : str
        Its hash.

    Raises
    ------
    InputError
        If it cannot be fetched.
    CheckpointError
        If it is not the file of the first time.
    """
    path = folder / url.rsplit("/", maxsplit=1)[-1]
    if not path.is_file():
        _download(url, path)
    found, record = sha256_of(path), path.with_name(path.name + ".json")
    if not found.startswith(begins):
        raise CheckpointError(
            f"{path} has the hash {found[:12]}...", f"its publisher says {begins}...", "delete it and fetch it again"
        )
    if not record.is_file():
        seen = datetime.now(UTC).isoformat(timespec="seconds")
        document = {"schema": SCHEMA, "schema_version": SCHEMA_VERSION, "url": url, "sha256": found, "first_seen": seen}
        write_json(record, {**document, "bytes": path.stat().st_size})
        logger.info("%s: hash %s recorded in %s", path.name, found, record)
        return path, found
    recorded = json.loads(record.read_text(encoding="utf-8")).get("sha256")
    if recorded != found:
        raise CheckpointError(
            f"{path} has the hash {found[:12]}..., at first it had {str(recorded)[:12]}...",
            "a file of weights does not change",
            f"find out why; to accept the new file, delete {record.name} beside it",
        )
    return path, found


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    except OSError as fault:
        raise InputError(
            f"weights {path} cannot be read ({fault.strerror})", "--weights names a file", "check its path"
        ) from None
    return digest.hexdigest()


def read_torch_file(path: Path) -> Any:
    """Read a file that ``torch.save`` wrote, tensors and plain data only.

    Raises
    ------
    CheckpointError
        If it is no such file, or holds objects whose reading would run code.
    """
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as fault:
        told = f"{type(fault).__name__}: {fault}".splitlines()[0][:200]
        raise CheckpointError(
            f"weights {path} cannot be read ({told})",
            "a file of torch.save with tensors and plain data is expected, and nothing that runs code",
            "fetch it again, or take the file that its authors published",
        ) from None


def _download(url: str, path: Path) -> None:
    if not url.startswith("https://"):
        raise InputError(f"address {url}", "weights are fetched by https only", "give the file with --weights")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
    logger.info("fetching %s", url)
    try:
        with urllib.request.urlopen(url, timeout=60) as answer, partial.open("wb") as out:  # noqa: S310  # https only
            while chunk := answer.read(_CHUNK):
                out.write(chunk)
            expected = answer.headers.get("Content-Length")
        if expected is not None and int(expected) != partial.stat().st_size:
            raise urllib.error.URLError(f"{partial.stat().st_size} of {expected} bytes came")
        partial.replace(path)
    except OSError as fault:  # URLError is one
        raise InputError(
            f"{url} cannot be fetched ({fault})",
            "these weights do not come with the package",
            "fetch the file where there is a network and name it with --weights FILE",
        ) from None
    finally:
        partial.unlink(missing_ok=True)
