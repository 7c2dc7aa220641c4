"""Versions of what decides a result's numbers."""

from __future__ import annotations

from importlib.metadata import version

_DECISIVE = ("numpy", "scipy", "SimpleITK", "torch")


def result_versions() -> dict[str, str]:
    """Version of spiroct and of the libraries whose arithmetic its results rest on."""
    from spiroct import __version__

    return {"spiroct": __version__, **{name: version(name) for name in _DECISIVE}}
