"""The record of a training: every epoch's losses, and what it took in time and memory."""

from __future__ import annotations

import csv
import json
import platform
import resource
from pathlib import Path
from typing import Any

import pandas as pd

from spiroct.documents import write_json
from spiroct.reporting.figures.rendering import write_svg
from spiroct.reporting.figures.sheets import learning_sheet
from spiroct.training.fit import Fit

HISTORY_COLUMNS = (
    "fold", "epoch", "training", "validation", "validation_mae", "learning_rate", "seconds", "wait_share",
)  # fmt: skip


def write_fold_facts(found: Fit, folder: Path) -> None:
    """Keep what a fold took, for the record of the whole training: epochs, seconds, largest memory so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if platform.system() == "Darwin" else 1024)
    facts = {"best_epoch": found.best_epoch, "peak_memory_mib": round(peak), "epochs": len(found.history)}
    seconds = sum(row["seconds"] for row in found.history)
    waited = sum(row["seconds"] * row["wait_share"] for row in found.history)
    share = round(waited / seconds, 4) if seconds else None
    write_json(folder / ".facts.json", facts | {"seconds": round(seconds, 1), "wait_share": share})


def write_history(fold: int, history: list[dict[str, float]], path: Path) -> None:
    """Write a fold's ``history.csv``, one row an epoch."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, HISTORY_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({"fold": fold, **row, "epoch": int(row["epoch"])} for row in history)


def draw_history(name: str, targets: str, folder: Path) -> None:
    """Draw ``learning.svg`` from the ``history.csv`` beside it (the paper's Figure 5).

    Parameters
    ----------
    name : str
        Of the run, for the legend.
    targets : {"standardised", "raw"}
        What the loss is of.
    folder : Path
        Holds ``history.csv``.
    """
    label = {"standardised": "Loss (mean squared error / variance)", "raw": "Loss (mean squared error)"}[targets]
    history = pd.read_csv(folder / "history.csv")
    # Logarithmic: one bad epoch at a high learning rate must not flatten all others.
    write_svg(learning_sheet({name: history}, label=label, logarithmic=True), folder, "learning")


def join_histories(folds: list[int], work: Path) -> None:
    """Join the folds' histories into one ``history.csv``."""
    texts = [(work / f"fold-{fold}" / "history.csv").read_text(encoding="utf-8") for fold in folds]
    rows = [text.split("\n", 1)[1] for text in texts]
    (work / "history.csv").write_text(texts[0].split("\n", 1)[0] + "\n" + "".join(rows), encoding="utf-8")


def training_facts(folds: list[int], work: Path) -> dict[str, Any]:
    """Tell what may differ between two runs with the same results: time, memory, hardware."""
    import torch

    found = {f"fold-{f}": json.loads((work / f"fold-{f}" / ".facts.json").read_text(encoding="utf-8")) for f in folds}
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    processor = platform.processor() or platform.machine()  # Linux tells the first of no one
    hardware = {"gpu": gpu, "processor": processor, "threads": torch.get_num_threads()}
    return {"schema": "spiroct.training", "schema_version": 1, "folds": found, **hardware}
