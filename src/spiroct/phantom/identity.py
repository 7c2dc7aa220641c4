"""Which simulator this is: one hash over its own files, so that a result can name the code that made its patients."""

from __future__ import annotations

import hashlib
from importlib import resources
from importlib.resources.abc import Traversable

_PACKAGE = "spiroct.phantom"
_DERIVED = (".pyc", ".nbi", ".nbc")  # compilers' output


def simulator_hash() -> str:
    """Hash the simulator's sources and data: equal exactly when every file in ``spiroct.phantom`` is.

    Names count, compilers' output does not, and neither does the way in which a checkout ends its lines. The
    reference equations, which lie in :mod:`spiroct.pft`, and the versions of numpy, scipy and numba are not part
    of it.

    Returns
    -------
    str
        SHA-256 as 64 hexadecimal digits.
    """
    return folder_hash(resources.files(_PACKAGE))


def folder_hash(folder: Traversable) -> str:
    """Hash the names and contents of all files below a folder, in the order of their names."""
    digest = hashlib.sha256()
    for name, file in sorted(_files(folder, "").items()):
        content = file.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _files(folder: Traversable, above: str) -> dict[str, Traversable]:
    found: dict[str, Traversable] = {}
    for entry in folder.iterdir():
        if entry.is_dir():
            if entry.name != "__pycache__":
                found |= _files(entry, f"{above}{entry.name}/")
        elif not entry.name.endswith(_DERIVED):
            found[above + entry.name] = entry
    return found
