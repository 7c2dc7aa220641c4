"""Optional dependencies: import them when called, and name the extra that brings them."""

from __future__ import annotations

import importlib
from types import ModuleType

from spiroct.errors import MissingExtraError


def require(module: str, *, extra: str, feature: str) -> ModuleType:
    """Import an optional module, or say which extra brings it.

    Parameters
    ----------
    module : str
        Importable name, such as ``"lightning.pytorch"``.
    extra : str
        Extra of this package that installs it, such as ``"train"``.
    feature : str
        What the user wanted, as the subject of the sentence ("training a network").

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    MissingExtraError
        When the module is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as missing:
        if missing.name is None or module.split(".", maxsplit=1)[0] != missing.name.split(".")[0]:
            raise
        raise MissingExtraError(
            f"{feature} needs the package {module.split('.', maxsplit=1)[0]!r}, which is not installed",
            f"it comes with the extra [{extra}]",
            f"run: pip install 'spiroct[{extra}]'",
        ) from missing
