"""A table of results as a manuscript has it, in CSV, Markdown and LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spiroct.reporting.wording import DASH, MINUS

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    MINUS: "$-$",
    "±": r"$\pm$",
    DASH: "--",
    "²": r"\textsuperscript{2}",
    "<": "$<$",
    ">": "$>$",
    "≤": r"$\leq$",
}


@dataclass(frozen=True)
class ResultTable:
    """A table as it is printed: every cell is a text, rounded as its unit deserves.

    Parameters
    ----------
    name : str
        Stem of its files.
    title : str
        What it shows, of whom.
    columns : tuple of str
        Headings.
    rows : tuple of tuple of str
        As long as ``columns``.
    words : int
        How many columns at the left hold words; the others hold numbers.
    notes : tuple of str
        Sentences below it.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        uneven = [row for row in self.rows if len(row) != len(self.columns)]
        if uneven:
            raise ValueError(f"table {self.name} has {len(self.columns)} columns and a row of {len(uneven[0])}")

    @classmethod
    def of(
        cls, name: str, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], **rest: Any
    ) -> ResultTable:
        """Make a table from any sequences."""
        return cls(name, title, tuple(columns), tuple(tuple(row) for row in rows), **rest)

    def to_csv(self) -> str:
        """Write the cells as CSV, with plain minus signs."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([cell.replace(MINUS, "-") for cell in row] for row in self.rows)
        return buffer.getvalue()

    def to_markdown(self) -> str:
        """Write the table as Markdown, title above and notes below."""
        marks = ["---"] * self.words + ["---:"] * (len(self.columns) - self.words)
        lines = [[*self.columns], marks, *self.rows]
        body = "\n".join("| " + " | ".join(_plain_markdown(c) for c in line) + " |" for line in lines)
        notes = "".join(f"\n\n{note}" for note in self.notes)
        return f"**{self.title}**\n\n{body}{notes}\n"

    def to_latex(self) -> str:
        """Write the table as LaTeX for the package booktabs."""
        places = "l" * self.words + "r" * (len(self.columns) - self.words)
        head = " & ".join(map(latex_text, self.columns))
        body = "\n".join(" & ".join(map(latex_text, row)) + r" \\" for row in self.rows)
        notes = "".join(f"\n\\par\\footnotesize {latex_text(note)}" for note in self.notes)
        return (
            f"% \\usepackage{{booktabs}}\n\\begin{{table}}\n\\caption{{{latex_text(self.title)}}}\n"
            f"\\label{{tab:{self.name}}}\n\\begin{{tabular}}{{{places}}}\n\\toprule\n{head} \\\\\n\\midrule\n{body}\n"
            f"\\bottomrule\n\\end{{tabular}}{notes}\n\\end{{table}}\n"
        )

    def write(self, folder: Path) -> None:
        """Write ``<name>.csv``, ``.md`` and ``.tex`` into a folder that exists."""
        for ending, text in (("csv", self.to_csv()), ("md", self.to_markdown()), ("tex", self.to_latex())):
            (folder / f"{self.name}.{ending}").write_text(text, encoding="utf-8", newline="\n")


def latex_text(text: str) -> str:
    r"""Write text so that LaTeX prints it as it is.

    Examples
    --------
    >>> latex_text("MAPE 5% of R_1")
    'MAPE 5\\% of R\\_1'
    """
    return "".join(_LATEX.get(c, c) for c in text)


def _plain_markdown(text: str) -> str:
    return text.replace("|", r"\|").replace("*", r"\*").replace("_", r"\_")
