"""What can go wrong in a user's hands: every message gives the value, the rule and the way out."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Self


class ExitCode(IntEnum):
    """How a command ends."""

    DONE = 0
    BUG = 1
    REFUSED = 2
    SOME_FAILED = 3
    INTERRUPTED = 130


class SpiroctError(Exception):
    """A failure that the user can mend; the command line prints it as one sentence and exits with 2.

    Parameters
    ----------
    what : str
        What was found, naming the file or option and its value, without a full stop.
    rule : str
        The rule that it breaks, without a full stop.
    remedy : str
        The way out, in the imperative, without a full stop.

    Examples
    --------
    >>> str(SpiroctError("height 1.68 cm", "heights are 100 to 230 cm", "give it in centimetres, as 168"))
    'height 1.68 cm: heights are 100 to 230 cm; give it in centimetres, as 168.'
    """

    def __init__(self, what: str, rule: str, remedy: str) -> None:
        self.what, self.rule, self.remedy = what, rule, remedy
        super().__init__(f"{what}: {rule}; {remedy}.")

    def __reduce__(self) -> tuple[type[SpiroctError], tuple[str, str, str]]:
        """Survive the way back from a worker process."""
        return type(self), (self.what, self.rule, self.remedy)


class UsageError(SpiroctError):
    """An option, name or combination of options that does not exist or does not fit."""

    @classmethod
    def unknown(cls, kind: str, name: str, known: Iterable[str], *, plural: str | None = None) -> Self:
        """Refuse a name that is none of the known ones, with the nearest of them.

        Examples
        --------
        >>> str(UsageError.unknown("engine", "OpenVino", ("auto", "openvino")))
        "engine 'OpenVino' (did you mean openvino?): the engines are auto, openvino; use one of these."
        """
        import difflib

        known = list(known)
        near = difflib.get_close_matches(name.lower(), known, n=1)
        guess = f" (did you mean {near[0]}?)" if near else ""
        return cls(f"{kind} {name!r}{guess}", f"the {plural or kind + 's'} are {', '.join(known)}", "use one of these")


class InputError(SpiroctError):
    """A file, folder, table or value that cannot be read as what it should be."""


class DemographicsError(InputError):
    """Sex, age, height or ethnicity outside what a person or an equation can have."""


class ScanError(InputError):
    """A scan that cannot be read, or is not a usable chest CT."""


class RefusalError(SpiroctError):
    """A judgement against the input (cut lungs, thick slices) that ``--force`` can override."""


class CheckpointError(InputError):
    """A checkpoint that is missing, unknown, damaged or of another kind."""


class OutputError(SpiroctError):
    """An output folder that cannot be written or holds another run."""


class MissingExtraError(SpiroctError):
    """An optional dependency that is not installed."""
