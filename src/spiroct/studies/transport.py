"""Networks of the study on other people: the other site as it is and recalibrated, and healthy controls."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from spiroct.checkpoints.checkpoint import Checkpoint
from spiroct.cohort.cohort import Cohort
from spiroct.cohort.predictions import COLUMNS
from spiroct.cohort.table import read_cohort
from spiroct.types import Float64Array
from spiroct.workflows.cohort_estimates import member_estimates
from spiroct.workflows.training_data import measured_targets, training_data


def estimates_of(checkpoint: Checkpoint, cohort: Cohort) -> Float64Array:
    """Estimate every scan of a cohort with an ensemble: (scans, measures), the mean of the members.

    The input is prepared as in training, through the same cache and with the cohort's own lung masks.
    """
    data = training_data(cohort, checkpoint.recipe)
    return np.asarray(member_estimates(checkpoint, data).mean(axis=0))


def prediction_rows(
    cohort: Cohort, checkpoint: Checkpoint, estimates: Float64Array, *, model: str, set_name: str = "external"
) -> pd.DataFrame:
    """Lay absolute estimates (scans, measures) out as rows of predictions.csv."""
    measured = measured_targets(cohort, checkpoint.measures, "absolute")
    rows = []
    for i, (patient, scan) in enumerate(zip(cohort.table["patient_id"], cohort.table["scan_id"], strict=True)):
        for j, measure in enumerate(checkpoint.measures):
            rows.append((patient, scan, model, set_name, "ensemble", measure.value, "absolute", measure.unit,
                         measured[i, j], estimates[i, j], np.nan, np.nan, np.nan))  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


def recalibrated(estimates: Float64Array, measured: Float64Array, given: Float64Array) -> Float64Array:
    """Correct estimates by a straight line of each measure, fitted on the patients that were given.

    Parameters
    ----------
    estimates, measured : arrays (n, measures)
        Of everyone; NaN where not measured.
    given : boolean array (n,)
        Who was given for the fit.

    Returns
    -------
    array (n, measures)
    """
    corrected = estimates.copy()
    for j in range(estimates.shape[1]):
        known = given & np.isfinite(measured[:, j])
        slope, intercept = np.polyfit(estimates[known, j], measured[known, j], 1)
        corrected[:, j] = slope * estimates[:, j] + intercept
    return corrected


def external_rows(checkpoint: Checkpoint, table: Path, *, count: int, seed: int) -> tuple[pd.DataFrame, int]:
    """Estimate the other site as it is and recalibrated, on the patients that fine-tuning did not see.

    Parameters
    ----------
    checkpoint : Checkpoint
        Trained at the first site.
    table : Path
        The external cohort with its split: ``train`` are the patients that fine-tuning sees.
    count : int
        Patients, of those, that recalibration is given.
    seed : int
        Draws them.

    Returns
    -------
    DataFrame
        Rows of predictions, models ``as it is`` and ``recalibrated with N``.
    int
        How many patients recalibration was given.
    """
    cohort = read_cohort(table)
    estimates = estimates_of(checkpoint, cohort)
    measured = measured_targets(cohort, checkpoint.measures, "absolute")
    seen = np.flatnonzero((cohort.table["split"] == "train").to_numpy(dtype=bool))
    rng = np.random.default_rng(np.random.SeedSequence((seed, 20)))
    chosen = rng.permutation(seen)[: min(count, len(seen))]
    given = np.zeros(len(cohort), bool)
    given[chosen] = True
    test = np.flatnonzero((cohort.table["split"] == "test").to_numpy(dtype=bool))
    judged = cohort.with_table(cohort.table.iloc[test].reset_index(drop=True))
    corrected = recalibrated(estimates, measured, given)
    parts = [
        prediction_rows(judged, checkpoint, values[test], model=name)
        for name, values in (("as it is", estimates), (f"recalibrated with {len(chosen)}", corrected))
    ]
    return pd.concat(parts, ignore_index=True), len(chosen)
