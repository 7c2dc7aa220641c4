"""``spiroct train``: from a cohort table to a checkpoint that predicts, with its held-out results."""

from __future__ import annotations

import csv
import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np

from spiroct.checkpoints.checkpoint import Checkpoint, half_precision
from spiroct.cohort.cohort import Cohort
from spiroct.cohort.folds import draw_folds, draw_split
from spiroct.cohort.table import read_cohort, write_cohort
from spiroct.errors import InputError
from spiroct.evaluation.agreement import icc_a1, pearson_r
from spiroct.imaging.orientation import to_canonical
from spiroct.imaging.reading import read_ct
from spiroct.imaging.volume import LabelMap
from spiroct.inference.engines.engine import make_engine
from spiroct.log import logger
from spiroct.phantom.draws import SIMULATED_PREFIX
from spiroct.preprocessing.network_input import GridScan, to_grid, to_input
from spiroct.quality.acquisition import TrainingDomain
from spiroct.reporting.table import PREDICTION_COLUMNS
from spiroct.run_folder import run_folder
from spiroct.segmentation.lungs import segment_lungs
from spiroct.training.fit import Fit, fit_network
from spiroct.training.input_cache import cached_scan
from spiroct.training.recipe import TrainingRecipe, load_recipe
from spiroct.types import Float64Array
from spiroct.workflows.versions import result_versions

VALIDATION_FOLD = 1


def train(
    cohort: Path, *, out: Path, recipe: str = "demonstration", seed: int = 0, overwrite: bool = False
) -> Checkpoint:
    """Train one network on a cohort's training patients and test it on those set aside.

    Writes ``checkpoint/`` (weights and card), ``predictions.csv`` (validation fold and test patients), ``history.csv``,
    ``cohort.csv`` with the split and folds as used, and ``run.json``.

    Parameters
    ----------
    cohort : Path
        ``cohort.csv``; a split and folds in it win, otherwise they are drawn.
    out : Path
        Output folder.
    recipe : str
        Name of a recipe or a TOML file.
    seed : int
        Decides weights, order and augmentation.
    overwrite : bool
        Replace an earlier run in the same folder.

    Returns
    -------
    Checkpoint
        As saved.

    Raises
    ------
    SpiroctError
        If the table, a scan, the recipe or the output folder is refused.
    """
    chosen = load_recipe(recipe)
    table = _with_parts(read_cohort(cohort))
    digest = hashlib.sha256(cohort.read_bytes()).hexdigest()
    arguments: dict[str, Any] = {"cohort": digest, "recipe": chosen.to_document(), "seed": seed}
    arguments["spiroct"] = result_versions()["spiroct"]
    with run_folder(out, verb="train", arguments=arguments, overwrite=overwrite) as run:
        if run.finished:
            return Checkpoint.load(out / "checkpoint")
        scans = [_scan(table, name, chosen) for name in table.scan_ids]
        targets = np.stack([table.values(m) for m in chosen.measures], axis=1)
        parts = _parts(table)
        found = fit_network(
            scans, targets, chosen, training=parts["training"], validation=parts["validation"], seed=seed
        )
        draft = _checkpoint(found, chosen, table, digest, seed, results={})
        estimates = _estimates(draft, scans, chosen)
        results = {name: _results(targets[i], estimates[i], chosen) for name, i in parts.items() if len(i) > 2}
        finished = _checkpoint(found, chosen, table, digest, seed, results)
        finished.save(run.work / "checkpoint")
        _write_predictions(table, chosen, parts, targets, estimates, run.work / "predictions.csv")
        _write_history(found, run.work / "history.csv")
        write_cohort(table, run.work / "cohort.csv", home=out)
    return finished


def _with_parts(cohort: Cohort) -> Cohort:
    cohort = cohort if cohort.has_split else draw_split(cohort)
    return cohort if cohort.has_folds else draw_folds(cohort)


def _parts(cohort: Cohort) -> dict[str, Any]:
    test = (cohort.table["split"] == "test").to_numpy(dtype=bool)
    validation = ~test & (cohort.table["fold"] == VALIDATION_FOLD).fillna(value=False).to_numpy(dtype=bool)
    parts = {"training": np.flatnonzero(~test & ~validation), "validation": np.flatnonzero(validation)}
    if len(parts["training"]) < 2:
        raise InputError(
            f"the cohort leaves {len(parts['training'])} patients for training",
            "a network needs two at least",
            "add patients or change split and folds",
        )
    return {**parts, "test": np.flatnonzero(test)}


def _scan(cohort: Cohort, scan_id: str, recipe: TrainingRecipe) -> GridScan:
    image, mask = cohort.path(scan_id), cohort.path(scan_id, "lung_mask")
    if image is None:
        raise InputError(f"scan {scan_id} has no image", "training needs the CT of every scan", "add it to the table")
    keys = tuple(p for p in (image, mask) if p is not None and p.is_file())

    def make() -> GridScan:
        volume = read_ct(image)
        lungs = segment_lungs(volume) if mask is None else _read_mask(mask)
        canonical = to_canonical(volume)
        return to_grid(canonical.hu, canonical.geometry.spacing, to_canonical(lungs).labels, recipe.input)

    return cached_scan(keys, recipe.input, _cache_folder(), make) if image.is_file() else make()


def _read_mask(path: Path) -> LabelMap:
    from spiroct.imaging.image_files import read_image

    values, geometry = read_image(path)
    return LabelMap(values.astype(np.uint8), geometry)


def _cache_folder() -> Path:
    home = os.environ.get("SPIROCT_CACHE")
    return Path(home) if home else Path.home() / ".cache" / "spiroct" / "inputs"


def _checkpoint(
    found: Fit, recipe: TrainingRecipe, cohort: Cohort, digest: str, seed: int, results: dict[str, Any]
) -> Checkpoint:
    # The simulator names its patients so; with even one of them among the others, estimates are for show.
    simulated = bool(cohort.table["patient_id"].str.startswith(SIMULATED_PREFIX).any())
    what = "simulated patients" if simulated else "patients"
    count = len(_parts(cohort)["training"])
    return Checkpoint(
        name="demonstration-simulated-patients" if simulated else f"{recipe.name}-{digest[:8]}",
        architecture=recipe.network,
        recipe=recipe.input,
        measures=recipe.measures,
        scaler=found.scaler,
        training_domain=TrainingDomain((0.5, 6.0), (100.0, 140.0), sharp_kernels=True, contrast=False),
        trained_on=f"{count} {what}, recipe {recipe.name}, no pre-training",
        intended_use="Showing that the software works; its estimates say nothing of a patient"
        if simulated
        else "Research on scans like those that it was trained on; not for diagnosis or treatment",
        demonstration_only=simulated,
        provenance={
            "cohort_sha256": digest,
            "recipe": recipe.to_document(),
            "seed": seed,
            "results": results,
            "rounding": "weights are stored as float16; all results here were computed with the rounded weights",
            "versions": result_versions(),
        },
        weights=half_precision(found.state),
    )


def _estimates(checkpoint: Checkpoint, scans: list[GridScan], recipe: TrainingRecipe) -> Float64Array:
    """Estimate every scan as ``predict`` would, rounded weights and all."""
    engine = make_engine("torch", checkpoint)
    outputs = [engine.run(to_input(scan, recipe.input).array[None])[0] for scan in scans]
    return np.asarray(checkpoint.scaler.invert(np.stack(outputs)))


def _results(measured: Float64Array, estimated: Float64Array, recipe: TrainingRecipe) -> dict[str, dict[str, float]]:
    results = {}
    for column, measure in enumerate(recipe.measures):
        known = np.isfinite(measured[:, column])
        truth, guess = measured[known, column], estimated[known, column]
        results[measure.value] = {
            "n": float(len(truth)),
            "mae": float(np.mean(np.abs(guess - truth))),
            "r": pearson_r(truth, guess),
            "icc_a1": icc_a1(truth, guess),
        }
        logger.info("%s: MAE %.2f %s, ICC %.2f", measure, results[measure.value]["mae"], measure.unit,
                    results[measure.value]["icc_a1"])  # fmt: skip
    return results


def _write_predictions(
    cohort: Cohort,
    recipe: TrainingRecipe,
    parts: dict[str, Any],
    targets: Float64Array,
    estimates: Float64Array,
    path: Path,
) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(PREDICTION_COLUMNS)
        for name in ("validation", "test"):
            for i in parts[name]:
                row = cohort.table.iloc[i]
                for column, measure in enumerate(recipe.measures):
                    value = targets[i, column]
                    measured = repr(float(value)) if np.isfinite(value) else ""
                    place = (row["patient_id"], row["scan_id"], recipe.name, name, VALIDATION_FOLD)
                    numbers = (measured, repr(float(estimates[i, column])), "", "", "")
                    writer.writerow([*place, measure.value, "absolute", measure.unit, *numbers])


def _write_history(found: Fit, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["epoch", "training", "validation"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(found.history)
