"""``spiroct calibrate``: a checkpoint's intervals from patients that none of its networks saw."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from spiroct.checkpoints.catalogue import DEFAULT_CHECKPOINT, find
from spiroct.checkpoints.checkpoint import Checkpoint
from spiroct.checkpoints.intervals import ENSEMBLE, LEVEL, ConformalScores, quantity_of
from spiroct.cohort.cohort import Cohort
from spiroct.cohort.table import read_cohort
from spiroct.errors import InputError
from spiroct.inference.engines.precision import LEAST_SCANS, RECORD, Deviation, deviation
from spiroct.log import logger
from spiroct.run_folder import run_folder
from spiroct.workflows.cohort_estimates import member_estimates
from spiroct.workflows.training_data import TrainingData, measured_targets, predicted_values, training_data
from spiroct.workflows.training_results import Outcome, conformal_scores, interval_coverage
from spiroct.workflows.versions import result_versions

FEWEST = 19
"""Patients below which a 90 % interval has no end: half of the misses are allowed on each side."""


def calibrate(
    cohort: Path,
    *,
    out: Path,
    model: str = DEFAULT_CHECKPOINT,
    keep: bool = False,
    bfloat16: bool = False,
    overwrite: bool = False,
) -> Checkpoint:
    """Score a checkpoint's errors on a cohort, and save it with intervals that hold for patients like these.

    The networks stay as they are, to the byte. What error is expected beside an estimate stays too; how often and how
    far the errors exceed it comes from the cohort. Writes ``checkpoint/`` and ``run.json``.

    Parameters
    ----------
    cohort : Path
        cohort.csv with measured lung function, of patients that the checkpoint was not trained on.
    out : Path
        Output folder.
    model : str
        Name or folder of the checkpoint.
    keep : bool
        Keep the scores that it has beside the new ones: for patients of the population that it was trained on.
    bfloat16 : bool
        Also record what computing in bfloat16 changes in these scans' estimates. Where that is next to nothing
        (:class:`spiroct.inference.engines.precision.Deviation`), ``predict`` computes in bfloat16 from then on.
    overwrite : bool
        Replace an earlier run in the same folder.

    Raises
    ------
    SpiroctError
        If the table or a scan is refused, the checkpoint was trained on this very table, patients are too few, or the
        processor has no bfloat16.
    """
    checkpoint, table = find(model), read_cohort(cohort)
    digest = hashlib.sha256(cohort.read_bytes()).hexdigest()
    if digest == checkpoint.provenance.get("cohort_sha256"):
        raise InputError(
            f"{cohort} is the table that {checkpoint.name} was trained on",
            "intervals come from patients that no network saw",
            "give other patients; training has made intervals of these already",
        )
    arguments = {"cohort": digest, "model": checkpoint.hash, "keep": keep, "bfloat16": bfloat16}
    arguments |= {"spiroct": result_versions()["spiroct"]}
    if bfloat16 and len(table) < LEAST_SCANS:
        raise InputError(
            f"{cohort} has {len(table)} scans",
            f"what bfloat16 changes is judged on {LEAST_SCANS} at least",
            "add patients, or leave --bfloat16 out",
        )
    with run_folder(out, verb="calibrate", arguments=arguments, overwrite=overwrite) as run:
        if run.finished:
            return Checkpoint.load(out / "checkpoint")
        data = training_data(table, checkpoint.recipe)
        outcome = _outcome(checkpoint, table, data)
        everyone = np.arange(len(table))
        scored = tuple(s for one in checkpoint.intervals if (s := _scored(one, outcome, keep=keep)) is not None)
        intervals = scored if checkpoint.intervals else conformal_scores(outcome, everyone)
        if not intervals:
            raise InputError(
                f"{cohort} has fewer than {FEWEST} patients with measured lung function",
                f"a {100 * LEVEL:g} % interval needs {FEWEST} errors at least, and says little with fewer than 100",
                "add patients",
            )
        facts = {
            "cohort_sha256": digest,
            "patients": int(table.table["patient_id"].nunique()),
            "keep": keep,
            "interval_coverage_before": {"level": LEVEL, **interval_coverage(outcome, checkpoint.intervals, everyone)},
            "versions": result_versions(),
        }
        provenance = checkpoint.provenance | {"calibration": facts}
        if bfloat16:
            provenance |= {RECORD: _bfloat16(checkpoint, data).to_document()}
        found = replace(checkpoint, intervals=intervals, provenance=provenance)
        found.save(run.work / "checkpoint")
    return found


def _bfloat16(checkpoint: Checkpoint, data: TrainingData) -> Deviation:
    """Compare the ensemble's estimates in bfloat16 with those in float32, in SDs of each measure."""
    sd = np.mean([member.scaler.sd for member in checkpoint.members], axis=0)
    found = [member_estimates(checkpoint, data, engine=e).mean(axis=0) / sd for e in ("openvino-bf16", "openvino")]
    return deviation(*found)


def _outcome(checkpoint: Checkpoint, cohort: Cohort, data: TrainingData) -> Outcome:
    """Estimate every scan by the whole ensemble, which saw none of them."""
    return Outcome(
        cohort=cohort,
        measures=checkpoint.measures,
        quantity=checkpoint.quantity,
        folds=[member.fold for member in checkpoint.members],
        measured=measured_targets(cohort, checkpoint.measures, checkpoint.quantity),
        predicted=predicted_values(cohort, checkpoint.measures),
        estimates=member_estimates(checkpoint, data, engine="auto"),
        member_of=np.full(len(cohort), ENSEMBLE),
        readings=data.readings,
    )


def _scored(scores: ConformalScores, outcome: Outcome, *, keep: bool) -> ConformalScores | None:
    """Score everyone whose value and readings are known; None where that makes too few for an interval."""
    columns = {m: i for i, m in enumerate(outcome.measures)}
    truth = quantity_of(scores.quantity, {m: outcome.measured[:, i] for m, i in columns.items()})
    guess = quantity_of(scores.quantity, {m: outcome.out_of_fold[:, i] for m, i in columns.items()})
    if truth is None or guess is None:
        return None
    told = {name: outcome.readings[name] for name in scores.errors.readings}
    known = np.isfinite([truth, guess, *told.values()]).all(axis=0)
    found = scores.scored(truth[known], guess[known], {n: v[known] for n, v in told.items()}, keep=keep)
    if len(found.score) >= FEWEST:
        return found
    logger.warning("%s: %d patients are too few for an interval, which is left out", scores.quantity, len(found.score))
    return None
