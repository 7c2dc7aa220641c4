"""CSV files as people have them: commas or semicolons, decimal points or commas, a byte order mark or none."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from spiroct.cohort.faults import Fault
from spiroct.errors import InputError

_DECIMAL_COMMA = re.compile(r"^[+-]?\d+,\d+(?:[eE][+-]?\d+)?$")
_SHOWN = 20


@dataclass(frozen=True)
class TextTable:
    """A CSV file as text.

    Parameters
    ----------
    header : list of str
        Names of the columns.
    rows : list of (int, dict)
        Line of the file and its cells by column; surplus cells are under ``_surplus``.
    notes : list of str
        What had to be interpreted, one sentence each.
    """

    header: list[str]
    rows: list[tuple[int, dict[str, str]]]
    notes: list[str]


def read_text_table(path: Path, *, kind: str, numbers: Collection[str]) -> TextTable:
    """Read a CSV file without judging what is in it.

    Parameters
    ----------
    path : Path
    kind : str
        What the file should be, for the message of a refusal.
    numbers : collection of str
        Columns whose decimal commas are read as points.

    Raises
    ------
    InputError
        If the file is not there or is no text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{kind} {path}", "there is no such file", "check the path") from None
    except IsADirectoryError:
        raise InputError(f"{kind} {path}", "it is a folder", "name the CSV file in it") from None
    except (OSError, UnicodeDecodeError) as unreadable:
        raise InputError(
            f"{kind} {path}", f"it is not a text table ({unreadable})", "save it as CSV in UTF-8"
        ) from None
    lines = text.splitlines()
    first = lines[0] if lines else ""
    semicolon = first.count(";") > first.count(",")
    notes = ["fields are separated by semicolons"] if semicolon else []
    reader = csv.reader(io.StringIO(text), delimiter=";" if semicolon else ",")
    header = [name.strip() for name in next(reader, [])]
    rows, commas, numeric = [], False, [name for name in header if name in numbers]
    for record in reader:
        cells = [cell.strip() for cell in record]
        if not any(cells):
            continue
        row = dict(zip(header, cells, strict=False)) | dict.fromkeys(header[len(cells) :], "")
        if len(cells) > len(header):
            row["_surplus"] = ", ".join(cells[len(header) :])
        for name in numeric:
            if _DECIMAL_COMMA.match(row[name]):
                row[name], commas = row[name].replace(",", "."), True
        rows.append((reader.line_num, row))
    if commas:
        notes.append("commas in numbers are read as decimal points")
    return TextTable(header, rows, notes)


def refusal_of(kind: str, path: Path, faults: Sequence[Fault]) -> InputError:
    """Put all faults of a table into one refusal, each with its line; of more than forty the first twenty."""
    count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
    shown = [f"line {fault.line}, {fault.what}" for fault in sorted(faults)]
    if len(shown) > 2 * _SHOWN:
        shown = [*shown[:_SHOWN], f"and {len(shown) - _SHOWN} more"]
    return InputError(f"{kind} {path} has {count}", "; ".join(shown), "mend the table and read it again")
