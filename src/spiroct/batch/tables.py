"""Tables of a batch: its scans, the failures, every scan's rows joined; each replaced whole or not at all."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

SCANS = "scans.csv"
FAILURES = "failures.csv"


@dataclass(frozen=True)
class Failure:
    """One scan that could not be done.

    Parameters
    ----------
    scan_id : str
        Name of the scan.
    image : str
        Where it was read from.
    kind : str
        Class of the failure, such as ``ScanError``.
    reason : str
        The sentence that the command would have printed.
    """

    scan_id: str
    image: str
    kind: str
    reason: str


def write_failures(failures: Iterable[Failure], path: Path) -> None:
    """Write the failures as CSV; a header alone where there are none."""
    _write(path, [field.name for field in fields(Failure)], (astuple(failure) for failure in failures))


def write_scans(images: Iterable[tuple[str, str]], path: Path) -> None:
    """Write which name is which scan: pairs of ``scan_id`` and where it was read from, as CSV."""
    _write(path, ["scan_id", "image"], images)


def write_joined(tables: Sequence[Path], path: Path) -> None:
    """Join CSV files of one header, in order, without reading their cells.

    Raises
    ------
    ValueError
        If two headers differ.
    """
    header, rows = "", []
    for table in tables:
        first, _, rest = table.read_text(encoding="utf-8").partition("\n")
        if header and first != header:
            raise ValueError(f"{table} has the columns {first}, the tables before it {header}")
        header = first
        rows.append(rest)
    _replace(path, "".join([f"{header}\n" if header else "", *rows]))


class RowsAsTheyCome:
    """Tables that grow by the rows of each scan as it ends, in that order.

    Parameters
    ----------
    tables : dict of str to Path
        Name of the CSV in a scan's folder, and the table that its rows go to; begun anew.
    """

    def __init__(self, tables: dict[str, Path]) -> None:
        self.tables = tables
        for path in tables.values():
            path.write_text("", encoding="utf-8")

    def add(self, folder: Path) -> None:
        """Add the rows of one scan, and the header where they are the first."""
        for name, path in self.tables.items():
            text = (folder / name).read_text(encoding="utf-8")
            if path.stat().st_size:
                text = text.partition("\n")[2]
            with path.open("a", encoding="utf-8") as file:
                file.write(text)


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    _replace(path, buffer.getvalue())


def _replace(path: Path, text: str) -> None:
    whole = path.with_name(f".{path.name}.partial")
    whole.write_text(text, encoding="utf-8")
    whole.replace(path)
