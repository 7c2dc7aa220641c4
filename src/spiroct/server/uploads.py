"""Scans on their way in: streamed to disk under names of our own, never larger than agreed."""

from __future__ import annotations

import re
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from spiroct.imaging.archives import MAXIMUM_FILES
from spiroct.imaging.image_files import FORMATS
from spiroct.server.refusals import RequestRefusedError, not_found
from spiroct.server.settings import GIB, ServeSettings

# The ending decides how a file is read, and is all that is kept of its name: names of files may name people.
ENDINGS = (*sorted(FORMATS, key=len, reverse=True), ".zip")
IDENTIFIER = re.compile(r"[a-z0-9]{16}")
UNUSED_S = 3600.0
MOST_OPEN = 50


@dataclass
class Upload:
    """One scan on its way in.

    Parameters
    ----------
    folder : Path
        Where its files lie.
    received : int
        Bytes that came, of all files.
    files : dict of int to Path
        What came, by the number that the caller gave.
    touched : float
        Monotonic time of the last byte, in s.
    """

    folder: Path
    received: int = 0
    files: dict[int, Path] = field(default_factory=dict)
    touched: float = field(default_factory=time.monotonic)


class Uploads:
    """All scans on their way in; what was there before a restart is deleted.

    Parameters
    ----------
    settings : ServeSettings
        Folder and limits.
    """

    def __init__(self, settings: ServeSettings) -> None:
        self.settings, self.folder = settings, settings.data / "uploads"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self._open: dict[str, Upload] = {}

    def begin(self) -> str:
        """Make room for a scan and return its identifier."""
        self.expire()
        if len(self._open) >= MOST_OPEN:
            raise RequestRefusedError(
                429, f"{MOST_OPEN} unfinished uploads", "no more are kept at a time", "finish or delete one of them"
            )
        identifier = new_identifier()
        folder = self.folder / identifier
        folder.mkdir()
        self._open[identifier] = Upload(folder)
        return identifier

    async def receive(
        self, identifier: str, number: int, name: str, chunks: AsyncIterator[bytes], announced: int | None
    ) -> int:
        """Stream one file to disk.

        Parameters
        ----------
        identifier : str
            Of the upload.
        number : int
            Which file of the upload; the same number replaces.
        name : str
            What the file is called; its ending alone is used.
        chunks : async iterator of bytes
            The file.
        announced : int or None
            Content-Length; the stream is not trusted to keep to it.

        Returns
        -------
        int
            Bytes that came.

        Raises
        ------
        RequestRefusedError
            404 without such an upload, 413 if it grows too large, 507 without room on the disk.
        """
        upload = self._find(identifier)
        if not 0 <= number < MAXIMUM_FILES:
            raise RequestRefusedError(
                413, f"file number {number}", f"a scan has at most {MAXIMUM_FILES} files", "send one series"
            )
        self._forget(upload, number)
        self._require_room(upload, announced or 0)
        path = upload.folder / f"{number:05d}{ending_of(name)}"
        size = 0
        try:
            with path.open("wb") as file:
                async for chunk in chunks:
                    size += len(chunk)
                    upload.received += len(chunk)
                    upload.touched = time.monotonic()
                    self._require_room(upload, 0)
                    file.write(chunk)
        except BaseException:  # also when the caller goes away: half a file is no file
            upload.received -= size
            path.unlink(missing_ok=True)
            raise
        upload.files[number] = path
        return size

    def take(self, identifier: str, place: Path) -> None:
        """Move a complete upload to where its result will be.

        Raises
        ------
        RequestRefusedError
            404 without such an upload, 400 if nothing came.
        """
        upload = self._find(identifier)
        if not upload.files:
            raise RequestRefusedError(
                400, "an upload without files", "a scan is a DICOM folder, a zip or an image", "send its files"
            )
        del self._open[identifier]
        upload.folder.rename(place)

    def discard(self, identifier: str) -> None:
        """Delete an upload."""
        upload = self._find(identifier)
        del self._open[identifier]
        shutil.rmtree(upload.folder, ignore_errors=True)

    def expire(self) -> None:
        """Delete uploads that nobody finished."""
        now = time.monotonic()
        for identifier in [i for i, u in self._open.items() if now - u.touched > UNUSED_S]:
            self.discard(identifier)

    def _find(self, identifier: str) -> Upload:
        try:
            return self._open[identifier]
        except KeyError:
            raise not_found("upload") from None

    def _forget(self, upload: Upload, number: int) -> None:
        before = upload.files.pop(number, None)
        if before is not None:
            upload.received -= before.stat().st_size
            before.unlink()

    def _require_room(self, upload: Upload, coming: int) -> None:
        if upload.received + coming > self.settings.upload_bytes:
            raise RequestRefusedError(
                413,
                f"an upload of {(upload.received + coming) / GIB:.1f} GiB",
                f"a scan has at most {self.settings.upload_bytes / GIB:g} GiB here",
                "send one series, or start 'spiroct serve' with a larger --upload-gib",
            )
        if shutil.disk_usage(upload.folder).free - coming < self.settings.free_bytes:
            raise RequestRefusedError(
                507, "a full disk", f"{self.settings.free_bytes / GIB:g} GiB stay free", "delete results that are done"
            )


def new_identifier() -> str:
    """Draw an identifier that nobody can guess and that is safe as a folder's name."""
    return secrets.token_hex(8)


def ending_of(name: str) -> str:
    """Return the ending of a file's name that says how to read it; ``.dcm`` where it says nothing.

    Examples
    --------
    >>> ending_of("../../Doe^Jane.NII.GZ"), ending_of("IM0001")
    ('.nii.gz', '.dcm')
    """
    return next((ending for ending in ENDINGS if name.lower().endswith(ending)), ".dcm")


def scan_of(folder: Path) -> Path:
    """Return what ``predict`` has to read: the one image or archive of an upload, else the folder of DICOM files."""
    files = sorted(folder.iterdir())
    if len(files) == 1 and files[0].suffix != ".dcm":
        return files[0]
    return folder
