"""The Cohort: patients, scans and measurements as one checked table."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from spiroct.pft.measures import Measure
from spiroct.types import Float64Array

REQUIRED = ("patient_id", "image", "sex", "age", "height_cm", *(m.value for m in Measure))
OPTIONAL = (
    "scan_id",
    "ethnicity",
    "fold",
    "split",
    "site",
    "lung_mask",
    "vessel_mask",
    "lobe_mask",
    "ct_pft_interval_days",
    "subset",
    "ild",
    "pah",
    "smoking",
    "haemoglobin",
    "dlco_hb_corrected",
    "tlc_method",
)
DLCO_TRADITIONAL = "DLCO_mL_min_mmHg"
PATHS = ("image", "lung_mask", "vessel_mask", "lobe_mask")
NUMBERS = ("age", "height_cm", *(m.value for m in Measure), "ct_pft_interval_days", "haemoglobin")
FLAGS = ("ild", "pah", "dlco_hb_corrected")
# Order of the columns in a file that spiroct writes; other columns follow as they came.
ORDER = (
    *("patient_id", "scan_id", "image", "lung_mask", "vessel_mask", "lobe_mask", "site", "split", "fold"),
    *("sex", "age", "height_cm", "ethnicity", "subset", "ild", "pah", "smoking", "haemoglobin"),
    *(m.value for m in Measure),
    *("dlco_hb_corrected", "tlc_method", "ct_pft_interval_days"),
)


@dataclass(frozen=True, eq=False)
class Cohort:
    """Scans of patients with their measured lung function; made by ``read_cohort``, which checks everything.

    Parameters
    ----------
    table : DataFrame
        One row a scan, columns as in cohort.csv: ``scan_id`` always there and unique, numbers as float64 with
        NaN where missing, ``fold`` and flags as nullable Int64, text as str with ``""`` where missing. DLCO
        in mmol/min/kPa. Do not change it in place.
    folder : Path
        Folder that relative paths in the table start from.
    notes : tuple of str
        What reading had to interpret (decimal commas, units), one sentence each.
    """

    table: pd.DataFrame
    folder: Path
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.table)

    @property
    def scan_ids(self) -> tuple[str, ...]:
        """Unique names of the scans, in the table's order."""
        return tuple(self.table["scan_id"])

    @property
    def has_folds(self) -> bool:
        """Whether the training scans have folds."""
        return "fold" in self.table and bool(self.table["fold"].notna().any())

    @property
    def has_split(self) -> bool:
        """Whether test patients are set aside."""
        return "split" in self.table and bool((self.table["split"] != "").any())

    def path(self, scan_id: str, column: str = "image") -> Path | None:
        """Find the file of a scan; None where the table names none.

        Raises
        ------
        KeyError
            If there is no such scan.
        """
        rows = self.table.loc[self.table["scan_id"] == scan_id]
        if rows.empty:
            raise KeyError(scan_id)
        name = rows.iloc[0][column] if column in rows else ""
        return self.folder / name if name else None

    def values(self, measure: Measure) -> Float64Array:
        """Measured values (n,) in the measure's unit; NaN where missing."""
        column: Float64Array = self.table[measure.value].to_numpy(dtype=np.float64)
        return column

    def part(self, split: str) -> Self:
        """Keep the scans of one split (``"train"`` or ``"test"``)."""
        return self.with_table(self.table.loc[self.table["split"] == split].reset_index(drop=True))

    def with_table(self, table: pd.DataFrame) -> Self:
        """Return the same cohort with another table."""
        return dataclasses.replace(self, table=table)
