"""Tables of a source as text, row by row: CSV, or the first sheet of an Excel file."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from spiroct.errors import InputError
from spiroct.optional import require

EXCEL = (".xlsx", ".xlsm")


def read_source_table(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Read a table with a header, every cell as stripped text.

    Parameters
    ----------
    path : Path
        CSV (commas or semicolons, UTF-8) or Excel.
    columns : sequence of str
        That have to be there.

    Raises
    ------
    InputError
        If the file cannot be read, or lacks a column.
    MissingExtraError
        If it is an Excel file and openpyxl is not installed.
    """
    rows = _excel(path) if path.suffix.lower() in EXCEL else _csv(path)
    header = [name.strip() for name in rows[0]] if rows else []
    if missing := [name for name in columns if name not in header]:
        raise InputError(
            f"{path} has no column {', '.join(missing)}",
            f"it needs {', '.join(columns)}",
            f"its columns are {', '.join(filter(None, header)) or 'none'}: name another table or add what is missing",
        )
    filled = [[*row, *[""] * (len(header) - len(row))] for row in rows[1:] if any(cell.strip() for cell in row)]
    return [{n: c.strip() for n, c in zip(header, row, strict=False)} for row in filled]


def number_in(text: str, *, missing: Iterable[str] = ()) -> float | None:
    """Read a number, with a point or a comma; None where the cell is empty or one of the words for missing.

    Raises
    ------
    ValueError
        If the text is anything else.
    """
    if text == "" or text.upper() in missing:
        return None
    number = float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _csv(path: Path) -> list[list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as unreadable:
        raise InputError(
            f"{path} cannot be read as text ({unreadable})", "a table is CSV in UTF-8 or Excel", "save it so"
        ) from None
    first = text.partition("\n")[0]
    return list(csv.reader(io.StringIO(text), delimiter=";" if first.count(";") > first.count(",") else ","))


def _excel(path: Path) -> list[list[str]]:
    openpyxl = require("openpyxl", extra="spreadsheets", feature=f"reading {path.name}")
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as damaged:
        raise InputError(
            f"{path} is not an Excel table ({type(damaged).__name__})", "a table is CSV in UTF-8 or Excel", "save it so"
        ) from damaged
    try:
        return [[_cell(value) for value in row] for row in book.worksheets[0].iter_rows(values_only=True)]
    finally:
        book.close()


def _cell(value: object) -> str:
    """Write a cell as text; whole numbers that Excel keeps as floats lose their point."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
