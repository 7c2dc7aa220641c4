"""What an importer finds: scans with their measurements, and what it had to leave out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from spiroct.cohort.cohort import REQUIRED
from spiroct.cohort.faults import Fault, faults_of


@dataclass(frozen=True)
class LeftOut:
    """A patient or scan that is not in the cohort.

    Parameters
    ----------
    scan_id : str
        As the source names it.
    source : str
        Where it was looked for.
    kind : str
        ``no measurement``, ``no scan``, ``too far apart``, ``impossible value``, ``not named in the table``.
    reason : str
        One sentence.
    """

    scan_id: str
    source: str
    kind: str
    reason: str


@dataclass(frozen=True)
class FoundScan:
    """One scan with the cells of its row in ``cohort.csv``, as text, and the files it names.

    Parameters
    ----------
    scan_id, patient_id : str
        Names in the source.
    image : Path
        DICOM folder or image file.
    cells : mapping of str to str
        Columns of ``cohort.csv`` without names and paths; a missing value is ``""``.
    masks : mapping of str to Path
        ``lung_mask``, ``vessel_mask`` where the source has them.
    """

    scan_id: str
    patient_id: str
    image: Path
    cells: Mapping[str, str]
    masks: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Imported:
    """Scans in the order of their names, what was left out, and what had to be interpreted (one sentence each)."""

    scans: tuple[FoundScan, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...] = ()


def rows_for(scans: Sequence[FoundScan], home: Path) -> tuple[list[dict[str, str]], list[LeftOut]]:
    """Make the rows of a cohort.csv in the folder ``home``; those with an impossible value are left out and listed.

    Parameters
    ----------
    scans : sequence of FoundScan
    home : Path
        Folder that the table will lie in; paths are relative to it.

    Returns
    -------
    rows : list of dict
        Cells as text, one dict a scan, all with the same columns.
    left_out : list of LeftOut
    """
    optional = list(dict.fromkeys(name for scan in scans for name in (*scan.cells, *scan.masks)))
    columns = list(dict.fromkeys((*REQUIRED, "scan_id", *optional)))
    rows, left_out = [], []
    for scan in scans:
        files = {"image": scan.image, **scan.masks}
        row = dict.fromkeys(columns, "") | dict(scan.cells)
        row |= {"patient_id": scan.patient_id, "scan_id": scan.scan_id}
        # `home` need not be there yet, so that files are looked for where they are
        there = row | {name: str(path.resolve()) for name, path in files.items()}
        faults: list[Fault] = list(faults_of([(1, there)], folder=home, images=True))
        if faults:
            words = "; ".join(fault.what for fault in faults)
            left_out.append(LeftOut(scan.scan_id, str(scan.image), "impossible value", words))
        else:
            rows.append(row | {name: _relative(path, home) for name, path in files.items()})
    return rows, left_out


def as_table(rows: Sequence[Mapping[str, str]]) -> pd.DataFrame:
    """Turn rows of text into a table of text, ready to be written as a cohort."""
    return pd.DataFrame(rows, dtype=object)


def _relative(path: Path, home: Path) -> str:
    return Path(os.path.relpath(path.resolve(), home.resolve())).as_posix()
