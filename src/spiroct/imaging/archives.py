"""Zip archives of a scan, unpacked where nothing can escape and nothing can swell."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from spiroct.errors import ScanError

MAXIMUM_BYTES = 8 * 1024**3  # 10,000 slices of 512 x 512 need 5 GiB
MAXIMUM_FILES = 20_000
LONGEST_NAME = 100  # bytes; the end of a name tells its format
MAXIMUM_RATIO = 100.0  # CT slices compress 2 to 10 fold


@contextmanager
def unpacked(archive: Path) -> Iterator[Path]:
    """Unpack a zip archive into a temporary folder that goes away again.

    Parameters
    ----------
    archive : Path
        A ``.zip`` file.

    Yields
    ------
    Path
        Folder with the archive's files.

    Raises
    ------
    ScanError
        If the archive is damaged, locked with a password, would write outside its folder, or is a bomb.
    """
    folder = Path(tempfile.mkdtemp(prefix="spiroct-zip-"))
    try:
        try:
            with zipfile.ZipFile(archive) as packed:
                _inspect(packed, archive)
                for number, entry in enumerate(e for e in packed.infolist() if not e.is_dir()):
                    # Names inside an archive are not trusted: every file gets a folder and a safe name of its own.
                    place = folder / f"{number:05d}"
                    place.mkdir()
                    name = (PurePosixPath(entry.filename).name or "entry").encode("utf-8", "replace")[-LONGEST_NAME:]
                    with packed.open(entry) as source, (place / name.decode("utf-8", "replace")).open("wb") as file:
                        shutil.copyfileobj(source, file)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as damage:
            raise ScanError(
                f"{archive} cannot be unpacked ({damage})",
                "the archive is damaged",
                "zip or download it again",
            ) from None
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _inspect(packed: zipfile.ZipFile, archive: Path) -> None:
    entries = packed.infolist()
    total = sum(e.file_size for e in entries)
    compressed = max(1, sum(e.compress_size for e in entries))
    for entry in entries:
        if entry.flag_bits & 1:
            raise ScanError(
                f"{archive} is locked with a password",
                "spiroct reads open archives only",
                "unpack it yourself first",
            )
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in entry.filename:
            raise ScanError(
                f"{archive} holds the entry {entry.filename!r}",
                "an archive must not write outside its own folder",
                "do not trust this file; ask for a clean export",
            )
    if len(entries) > MAXIMUM_FILES or total > MAXIMUM_BYTES or total / compressed > MAXIMUM_RATIO:
        raise ScanError(
            f"{archive} would unpack to {len(entries)} files and {total / 1e6:.0f} MB "
            f"({total / compressed:.0f} times its size)",
            f"a scan has at most {MAXIMUM_FILES} files, {MAXIMUM_BYTES / 1e9:.0f} GB and a ratio of {MAXIMUM_RATIO:g}",
            "if it is a real scan, unpack it yourself and name the folder",
        )
