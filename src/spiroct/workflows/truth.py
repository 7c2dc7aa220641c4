"""What is known of simulated patients: their true and measured function, causes, and the cohort's table."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spiroct.cohort.cohort import Cohort
from spiroct.cohort.folds import draw_folds, draw_split
from spiroct.pft.measures import Measure
from spiroct.phantom.density import expected_percentile
from spiroct.phantom.patient import PhantomPatient
from spiroct.phantom.physiology import NOISE_CV, lung_functions, scan_states, uncorrected_dlco
from spiroct.types import Float64Array

SCHEMA = "spiroct.phantom-truth"
SCHEMA_VERSION = 1
FOLDS = 4
_DIGITS = 6  # of numbers in files: below any meaning, above the arithmetic's last bits
_STATE_UNITS = {
    "lung_air_l": ("lung_air", "L"),
    "lung_tissue_kg": ("lung_tissue", "kg"),
    "lung_volume_l": ("lung_volume", "L"),
    "mean_density_hu": ("mean_density", "HU"),
}


def truth_documents(patients: Sequence[PhantomPatient]) -> list[dict[str, Any]]:
    """Tell for each patient the record, true and measured function, and what the lungs hold at the CT.

    Returns
    -------
    list of dict
        Plain data for ``truth/<id>.json``, each number with its unit.
    """
    true, measured = lung_functions(patients)
    states, perc85 = scan_states(patients), expected_percentile(patients)
    documents = []
    for i, patient in enumerate(patients):
        corrected = {m: float(measured[m][i]) for m in Measure}
        at_ct = {name: _quantity(float(states[column][i]), unit) for column, (name, unit) in _STATE_UNITS.items()}
        documents.append(
            {
                "schema": SCHEMA,
                "schema_version": SCHEMA_VERSION,
                "patient": patient.to_document(),
                "true": {m.value: _quantity(float(true[m][i]), m.unit) for m in Measure},
                "measured": {m.value: _quantity(corrected[m], m.unit) for m in Measure},
                "measurement_cv": {m.value: NOISE_CV[m] for m in Measure},
                "dlco_uncorrected": _quantity(uncorrected_dlco(patient, corrected[Measure.DLCO]), Measure.DLCO.unit),
                "lungs_at_ct": at_ct | {"expected_perc85": _quantity(float(perc85[i]), "HU")},
            }
        )
    return documents


def cohort_of(
    patients: Sequence[PhantomPatient], folder: Path, *, permute: bool, images: bool
) -> tuple[Cohort, dict[Measure, Float64Array]]:
    """Lay the patients out as a cohort with test split and folds.

    Parameters
    ----------
    patients : sequence of PhantomPatient
    folder : Path
        Where cohort.csv will lie.
    permute : bool
        Give every patient the PFTs of another one, the four together.
    images : bool
        Whether the table names images and masks.

    Returns
    -------
    cohort : Cohort
        Split as the paper's 252 and 64; four folds where there are patients enough.
    measured : dict of Measure to array (n,)
        As in the table.
    """
    measured = lung_functions(patients)[1]
    if permute:
        measured = permuted(measured, seed=patients[0].seed)
    measured = {m: values.round(_DIGITS) for m, values in measured.items()}
    names = [p.patient_id for p in patients]
    columns: dict[str, Any] = {
        "patient_id": names,
        "scan_id": names,
        "image": [f"images/{n}.nii.gz" if images else "" for n in names],
        "lung_mask": [f"masks/{n}.nii.gz" if images else "" for n in names],
        **{name: [getattr(p, name) for p in patients] for name in ("site", "sex", "age", "height_cm", "subset")},
        "ild": [int(p.ild_extent > 0) for p in patients],
        "pah": [int(p.pah) for p in patients],
        "smoking": ["ever" if p.smoker else "never" for p in patients],
        "haemoglobin": [p.haemoglobin for p in patients],
        **{m.value: measured[m] for m in Measure},
        "dlco_hb_corrected": 1,
        "tlc_method": "simulated",
        "ct_pft_interval_days": 0.0,
    }
    seed = patients[0].seed
    cohort = draw_split(Cohort(pd.DataFrame(columns), folder), seed=seed)
    if int((cohort.table["split"] == "train").sum()) >= FOLDS:
        cohort = draw_folds(cohort, folds=FOLDS, seed=seed)
    return cohort, measured


def permuted(measured: dict[Measure, Float64Array], *, seed: int) -> dict[Measure, Float64Array]:
    """Give every patient another one's values (a cyclic shift in a random order), the four together."""
    n = len(measured[Measure.TLC])
    order = np.random.default_rng(np.random.SeedSequence((seed, n, 3))).permutation(n)
    source = np.empty(n, dtype=int)
    source[order] = np.roll(order, 1)
    return {m: values[source] for m, values in measured.items()}


def write_causes(patients: Sequence[PhantomPatient], path: Path) -> None:
    """Write all records as one table, a row a patient, for regressions."""
    names = [f.name for f in fields(PhantomPatient)]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(names)
    for patient in patients:
        writer.writerow(_plain(getattr(patient, name)) for name in names)
    path.write_text(buffer.getvalue(), encoding="utf-8")


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return " ".join(value)
    return int(value) if isinstance(value, bool) else value


def _quantity(value: float, unit: str) -> dict[str, Any]:
    return {"value": round(value, _DIGITS), "unit": unit}
