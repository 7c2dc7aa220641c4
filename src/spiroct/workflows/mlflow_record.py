"""A finished training as a run in MLflow: parameters, the losses of every epoch and fold, and the held-out results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spiroct.errors import OutputError
from spiroct.optional import require

EXPERIMENT = "spiroct"
_AT_ONCE = 500  # metrics in a request; servers take 1000


def check_mlflow() -> None:
    """Refuse before hours of training what could not be recorded after them.

    Raises
    ------
    MissingExtraError
        If MLflow is not installed.
    """
    require("mlflow", extra="mlflow", feature="recording a training in MLflow")


def record_training(uri: str, name: str, recipe: dict[str, Any], results: dict[str, Any], history: Path) -> str:
    """Write one run into the experiment ``spiroct``.

    Parameters
    ----------
    uri : str
        MLflow's tracking URI: a server's address or a ``file:`` folder.
    name : str
        Of the run.
    recipe, results : dict
        Plain data; results as in the checkpoint's provenance.
    history : Path
        ``history.csv``.

    Returns
    -------
    str
        MLflow's identifier of the run.

    Raises
    ------
    OutputError
        If MLflow refuses; the training itself is finished and kept.
    """
    check_mlflow()
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param
    from mlflow.exceptions import MlflowException

    metrics = [Metric(key, value, 0, step) for key, value, step in (*_of_history(history), *_of_results(results))]
    try:
        client = MlflowClient(tracking_uri=uri)
        found = client.get_experiment_by_name(EXPERIMENT)
        experiment = client.create_experiment(EXPERIMENT) if found is None else found.experiment_id
        run = client.create_run(experiment, run_name=name).info.run_id
        client.log_batch(run, params=[Param(key, value) for key, value in _flat(recipe)])
        for first in range(0, len(metrics), _AT_ONCE):
            client.log_batch(run, metrics=metrics[first : first + _AT_ONCE])
        client.set_terminated(run)
    except (MlflowException, OSError) as refused:
        raise OutputError(
            f"MLflow at {uri} does not take the record of the training ({str(refused).splitlines()[0]})",
            "the training itself is finished and kept",
            "mend the address; spiroct models show and history.csv have the same numbers",
        ) from refused
    return str(run)


def _of_history(history: Path) -> Iterator[tuple[str, float, int]]:
    table = pd.read_csv(history)
    for row in table.to_dict("records"):
        for key in ("training", "validation", "validation_mae", "learning_rate"):
            if np.isfinite(row[key]):
                yield f"fold-{int(row['fold'])}.{key}", float(row[key]), int(row["epoch"])


def _of_results(results: dict[str, Any]) -> Iterator[tuple[str, float, int]]:
    for part in ("validation", "test"):
        for model, measures in results.get(part, {}).items():
            for measure, figures in measures.items():
                for figure, value in figures.items():
                    if value is not None:
                        yield f"{part}.{model}.{measure}.{figure}", float(value), 0


def _flat(document: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in document.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", str(value)
