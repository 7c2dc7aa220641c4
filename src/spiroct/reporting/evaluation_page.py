"""The evaluation's page: one self-contained HTML file with every table, figure and remark."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spiroct.reporting.html_template import html_template
from spiroct.reporting.result_table import ResultTable


@dataclass(frozen=True)
class Illustration:
    """A figure of the page.

    Parameters
    ----------
    name : str
        Stem of its files.
    caption : str
    svg : bytes
        Drawn as SVG.
    """

    name: str
    caption: str
    svg: bytes

    @property
    def uri(self) -> str:
        """Address that holds the drawing itself."""
        return f"data:image/svg+xml;base64,{base64.b64encode(self.svg).decode('ascii')}"


@dataclass(frozen=True)
class Section:
    """A part of the page: a heading with tables and figures below it."""

    title: str
    intro: str
    tables: tuple[ResultTable, ...] = ()
    illustrations: tuple[Illustration, ...] = ()


def write_evaluation_page(
    path: Path,
    *,
    title: str,
    facts: Mapping[str, str],
    notes: Sequence[str],
    sections: Sequence[Section],
    methods: str,
    references: Sequence[str],
) -> None:
    """Write the page; the same arguments give the same bytes.

    Parameters
    ----------
    path : Path
        The HTML file.
    title : str
    facts : mapping of str to str
        What was evaluated, at the head.
    notes : sequence of str
        What to keep in mind; each a sentence.
    sections : sequence of Section
        Those without tables and figures are left out.
    methods : str
        The paragraph for a manuscript.
    references : sequence of str
        What it cites.
    """
    context: dict[str, Any] = {
        "title": title,
        "facts": facts,
        "notes": notes,
        "sections": [s for s in sections if s.tables or s.illustrations],
        "methods": methods,
        "references": references,
    }
    text = html_template("evaluation.html.j2").render(context)
    path.write_text(text, encoding="utf-8", newline="\n")
