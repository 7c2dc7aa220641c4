"""``spiroct train``: from a cohort table to an ensemble that predicts, with its held-out results."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spiroct.checkpoints.checkpoint import Checkpoint, Member, TargetScaler, half_precision
from spiroct.checkpoints.readings import AUXILIARY, Covariates
from spiroct.cohort.cohort import Cohort
from spiroct.cohort.folds import draw_folds, draw_split
from spiroct.cohort.table import read_cohort, write_cohort
from spiroct.documents import write_json
from spiroct.errors import InputError
from spiroct.log import logger
from spiroct.networks.network import Network
from spiroct.phantom.draws import SIMULATED_PREFIX
from spiroct.run_folder import resumable_work, run_folder
from spiroct.training.fit import Fit, Hardware, check_nodes, fit_network
from spiroct.training.progress import FoldPlace
from spiroct.training.recipe import TrainingRecipe, load_recipe
from spiroct.types import AnyArray, Float64Array
from spiroct.workflows.cohort_estimates import member_estimates
from spiroct.workflows.mlflow_record import check_mlflow, record_training
from spiroct.workflows.training_data import (
    TrainingData,
    cache_folder,
    measured_targets,
    predicted_values,
    training_data,
)
from spiroct.workflows.training_options import check_hardware, initialiser, model_name, origin, with_options
from spiroct.workflows.training_record import (
    draw_history,
    join_histories,
    training_facts,
    write_fold_facts,
    write_history,
)
from spiroct.workflows.training_results import Outcome, conformal_scores, ladder_of, results_of, write_outcome
from spiroct.workflows.versions import result_versions


@dataclass(frozen=True, eq=False)
class _Job:
    """Everything that the folds share."""

    cohort: Cohort
    recipe: TrainingRecipe
    data: TrainingData
    targets: Float64Array
    seed: int
    initialise: Callable[[Network, TargetScaler], None] | None
    hardware: Hardware
    digest: str


def train(
    cohort: Path,
    *,
    out: Path,
    recipe: str | TrainingRecipe = "default",
    init: str = "scratch",
    weights: Path | None = None,
    region: str | None = None,
    measures: str | None = None,
    aux: str | None = None,
    folds: int = 4,
    seed: int = 0,
    accelerator: str = "auto",
    devices: int = 1,
    nodes: int = 1,
    mlflow: str | None = None,
    overwrite: bool = False,
) -> Checkpoint | None:
    """Cross-validate a network on a cohort's training patients and test the ensemble on those set aside.

    Writes ``checkpoint/`` (weights and card), ``fold-K/`` (each fold's checkpoint, history and learning curves),
    ``predictions.csv`` (validation, test; the network, every fold and the ladder of plain baselines), ``history.csv``
    and the learning curves of all folds, ``cohort.csv`` with the split and folds as used, ``training.json`` (time,
    memory, hardware) and ``run.json``. An interrupted run goes on at the epoch where it was.

    Parameters
    ----------
    cohort : Path
        ``cohort.csv``; a split and folds in it win, otherwise they are drawn.
    out : Path
        Output folder.
    recipe : str or TrainingRecipe
        Name of a recipe, a TOML file, or a recipe.
    init : str
        ``"scratch"``, ``"kinetics"``, or a checkpoint (:mod:`spiroct.checkpoints.initial_weights`).
    weights : Path, optional
        File of the pretrained weights, where ``init`` names a kind of them.
    region : str, optional
        Input region, instead of the recipe's.
    measures : str, optional
        Measures to learn, such as ``"DLCO"`` or ``"FEV1,FVC"``, instead of the recipe's.
    aux : str, optional
        ``"demographics"``, ``"biomarkers"`` or ``"both"``: readings that the network takes beside the image.
    folds : int
        Number of folds, where the table has none.
    seed : int
        Decides weights, order and augmentation.
    accelerator, devices, nodes
        What it runs on; more than one device trains in step (DDP).
    mlflow : str, optional
        Tracking URI of MLflow: the finished training is recorded there too.
    overwrite : bool
        Replace an earlier run in the same folder.

    Returns
    -------
    Checkpoint or None
        As saved; None in a process that follows another one in a training on several nodes.

    Raises
    ------
    SpiroctError
        If the table, a scan, the recipe or the output folder is refused.
    """
    found = load_recipe(recipe) if isinstance(recipe, str) else recipe
    chosen = with_options(found, region=region, measures=measures, aux=aux)
    check_hardware(accelerator, devices, nodes, seed=seed)
    initialise = initialiser(init, weights, chosen)
    table = _with_parts(read_cohort(cohort), folds)
    digest = hashlib.sha256(cohort.read_bytes()).hexdigest()
    arguments: dict[str, Any] = {"cohort": digest, "recipe": chosen.to_document(), "seed": seed, "folds": folds}
    arguments |= {"init": origin(init, weights), "devices": devices * nodes}
    arguments["spiroct"] = result_versions()["spiroct"]
    hardware = Hardware(accelerator, devices, nodes)  # type: ignore[arg-type]  # Lightning refuses other words
    check_nodes(hardware, overwrite=overwrite)
    if mlflow is not None:
        check_mlflow()

    def job() -> _Job:
        data = training_data(table, chosen.input)
        targets = measured_targets(table, chosen.measures, chosen.fit.quantity)
        return _Job(table, chosen, data, targets, seed, initialise, hardware, digest)

    numbers = sorted(int(f) for f in table.table["fold"].dropna().unique())
    places = [FoldPlace(fold, i, len(numbers)) for i, fold in enumerate(numbers, start=1)]
    if hardware.follows:
        work = resumable_work(out, verb="train", arguments=arguments)
        if work is not None:
            _follow(job(), places, work)
        return None
    with run_folder(out, verb="train", arguments=arguments, overwrite=overwrite, resumable=True) as run:
        if run.finished:
            return Checkpoint.load(out / "checkpoint")
        prepared = job()
        members = [_fold(prepared, place, run.work / f"fold-{place.number}") for place in places]
        outcome = _outcome(prepared, numbers, members, run.work)
        finished = _checkpoint(prepared, tuple(members), outcome)
        finished.save(run.work / "checkpoint")
        write_outcome(outcome, model_name(chosen), finished, run.work / "predictions.csv")
        join_histories(numbers, run.work)
        draw_history(model_name(chosen), chosen.fit.targets, run.work)
        write_cohort(table, run.work / "cohort.csv", home=out)
        write_json(run.work / "training.json", training_facts(numbers, run.work))
    if mlflow is not None:
        facts = finished.provenance
        record_training(mlflow, model_name(chosen), facts["recipe"], facts["results"], out / "history.csv")
    return finished


def _with_parts(cohort: Cohort, folds: int) -> Cohort:
    cohort = cohort if cohort.has_split else draw_split(cohort)
    cohort = cohort if cohort.has_folds else draw_folds(cohort, folds=folds)
    if cohort.table["fold"].dropna().nunique() < 2:
        raise InputError("the cohort has one fold", "cross-validation needs two at least", "leave the column out")
    return cohort


def _rows(cohort: Cohort, fold: int) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Find the training, validation and test scans of one fold."""
    test = (cohort.table["split"] == "test").to_numpy(dtype=bool)
    inside = (cohort.table["fold"] == fold).fillna(value=False).to_numpy(dtype=bool) & ~test
    known = cohort.table["fold"].notna().to_numpy(dtype=bool) & ~test
    return np.flatnonzero(known & ~inside), np.flatnonzero(inside), np.flatnonzero(test)


def _fold(job: _Job, place: FoldPlace, folder: Path) -> Member:
    """Train one fold, or load it where an earlier run finished it."""
    if _finished(folder):
        return Checkpoint.load(folder / "checkpoint").members[0]
    folder.mkdir(exist_ok=True)
    fold = place.number
    _, validation, test = _rows(job.cohort, fold)
    found, covariates = _fit(job, place, folder)
    member = Member(fold, found.scaler, half_precision(found.state), covariates)
    write_history(fold, found.history, folder / "history.csv")
    draw_history(f"fold {fold}", job.recipe.fit.targets, folder)
    rows = np.concatenate([validation, test])
    np.save(folder / ".estimates.npy", _estimates(job, member, rows))
    write_fold_facts(found, folder)
    _checkpoint(job, (member,), None).save(folder / "checkpoint")
    (folder / ".last.ckpt").unlink(missing_ok=True)
    return member


def _fit(job: _Job, place: FoldPlace, folder: Path) -> tuple[Fit, Covariates | None]:
    """Fit a fold's network to the other folds; with its covariates, standardised by them."""
    training, validation, _ = _rows(job.cohort, place.number)
    logger.info("fold %d: %d scans for training, %d for validation", place.number, len(training), len(validation))
    covariates = None
    if job.recipe.aux is not None:
        names = AUXILIARY[job.recipe.aux]
        covariates = Covariates.fitted(names, {name: job.data.readings[name][training] for name in names})
    found = fit_network(
        job.data.scans,
        job.targets,
        job.recipe,
        training=training,
        validation=validation,
        seed=_seed(job.seed, place.number),
        covariates=None if covariates is None else covariates.standardised(job.data.readings),
        initialise=job.initialise,
        folder=folder,
        hardware=job.hardware,
        place=place,
        cache=cache_folder(),
    )
    return found, covariates


def _follow(job: _Job, places: list[FoldPlace], work: Path) -> None:
    """Take part in the fitting of every fold that the leader fits, and write nothing.

    The leader cannot finish a fold without its followers: what is finished when a follower looks was so before.
    """
    for place in places:
        if not _finished(work / f"fold-{place.number}"):
            _fit(job, place, work / f"fold-{place.number}")


def _finished(folder: Path) -> bool:
    """Whether a fold's network is trained and stored; the card is written last."""
    return (folder / "checkpoint" / "checkpoint.json").is_file()


def _seed(seed: int, fold: int) -> int:
    return int(np.random.SeedSequence((seed, fold)).generate_state(1)[0])


def _estimates(job: _Job, member: Member, rows: AnyArray) -> Float64Array:
    """Estimate scans by one member: (rows, measures)."""
    return np.asarray(member_estimates(_checkpoint(job, (member,), None), job.data, rows)[0])


def _outcome(job: _Job, folds: list[int], members: list[Member], work: Path) -> Outcome:
    """Collect what every fold estimated of its validation and of the test scans."""
    count, measures = len(job.cohort), len(job.recipe.measures)
    estimates = np.full((len(folds), count, measures), np.nan)
    member_of = np.full(count, -1)
    for k, fold in enumerate(folds):
        _, validation, test = _rows(job.cohort, fold)
        rows = np.concatenate([validation, test])
        path = work / f"fold-{fold}" / ".estimates.npy"
        estimates[k, rows] = np.load(path) if path.is_file() else _estimates(job, members[k], rows)
        member_of[validation] = k
    return Outcome(
        cohort=job.cohort,
        measures=job.recipe.measures,
        quantity=job.recipe.fit.quantity,
        folds=folds,
        measured=job.targets,
        predicted=predicted_values(job.cohort, job.recipe.measures),
        estimates=estimates,
        member_of=member_of,
        readings=job.data.readings,
    )


def _checkpoint(job: _Job, members: tuple[Member, ...], outcome: Outcome | None) -> Checkpoint:
    # The simulator names its patients so; with even one of them among the others, estimates are for show.
    simulated = bool(job.cohort.table["patient_id"].str.startswith(SIMULATED_PREFIX).any())
    what = "simulated patients" if simulated else "patients"
    training = job.cohort.table.loc[job.cohort.table["split"] != "test", "patient_id"].nunique()
    name = model_name(job.recipe)
    scores = () if outcome is None else conformal_scores(outcome, np.flatnonzero(outcome.member_of >= 0))
    return Checkpoint(
        name=f"{'simulated-' if simulated else ''}{name}-{job.digest[:8]}",
        architecture=job.recipe.architecture,
        recipe=job.recipe.input,
        measures=job.recipe.measures,
        members=members,
        training_domain=job.data.domain,
        trained_on=f"{training} {what}, {len(members)} of their folds, recipe {name}",
        intended_use="Showing that the software works; its estimates say nothing of a patient"
        if simulated
        else "Research on scans like those that it was trained on; not for diagnosis or treatment",
        demonstration_only=simulated,
        provenance={
            "cohort_sha256": job.digest,
            "recipe": job.recipe.to_document(),
            "seed": job.seed,
            "results": {} if outcome is None else results_of(outcome, scores),
            "rounding": "weights are stored as float16; all results here were computed with the rounded weights",
            "versions": result_versions(),
        },
        quantity=job.recipe.fit.quantity,
        ladder=() if outcome is None else ladder_of(outcome),
        intervals=scores,
    )
