"""The one typed door to numba: compiled functions keep their types, and compile once per machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile to machine code on first use and keep the result on disk; one thread, so that bytes repeat."""
    return cast(F, numba.njit(cache=True, fastmath=True)(function))
