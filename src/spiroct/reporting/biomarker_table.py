"""Biomarkers as rows of ``biomarkers.csv`` and as a short text table for the terminal."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from spiroct.biomarkers.biomarker import Biomarker
from spiroct.biomarkers.vocabulary import VOCABULARY
from spiroct.documents import finite_or_none

BIOMARKER_COLUMNS = ("scan_id", "region", "biomarker", "value", "unit", "grid")
_SHOWN = ("lungs", "right_lung", "left_lung")


def write_biomarkers(scan_id: str, biomarkers: Sequence[Biomarker], path: Path) -> None:
    """Write one scan's biomarkers as tidy CSV: a row for each region, biomarker and grid; empty where there is none."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(BIOMARKER_COLUMNS)
    for b in biomarkers:
        value = finite_or_none(b.value)
        writer.writerow([scan_id, b.region, b.name, "" if value is None else repr(value), b.unit, b.grid])
    path.write_text(buffer.getvalue(), encoding="utf-8")


def biomarker_text(biomarkers: Sequence[Biomarker]) -> str:
    """Table of both lungs and each, one grid after the other, with what has no value explained below."""
    lines = []
    for grid in dict.fromkeys(b.grid for b in biomarkers):
        found = {(b.region, b.name): b for b in biomarkers if b.grid == grid}
        lines.append(f"{grid + ' grid':<28}{'lungs':>12}{'right':>12}{'left':>12}  unit")
        for name in VOCABULARY:
            row = [found.get((region, name)) for region in _SHOWN]
            if row[0] is not None:
                cells = "".join(f"{_cell(b):>12}" for b in row)
                lines.append(f"{name:<28}{cells}  {row[0].unit}".rstrip())
        airways = found.get(("airways", "volume"))
        if airways is not None:
            lines.append(f"{'airways: volume':<28}{_cell(airways):>12}{'':>24}  {airways.unit}")
        reasons = {f"{b.name}: {b.reason}" for (region, _), b in found.items() if b.reason and region == "lungs"}
        lines += [f"  no {reason}" for reason in sorted(reasons)]
    return "\n".join(lines)


def _cell(biomarker: Biomarker | None) -> str:
    if biomarker is None:
        return ""
    return "-" if biomarker.value is None else f"{biomarker.value:.4g}"
