"""Someone evaluates a table of their own at the command line, and compares it with another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spiroct.errors import ExitCode


def table(folder: Path, name: str, noise: float, *, decimal: str = ".") -> Path:
    """Write a plain table of 30 patients, as a spreadsheet exports it."""
    measured = np.random.default_rng(0).normal(3.3, 0.6, 30)
    estimated = measured + np.random.default_rng(1).normal(0, noise, 30)
    rows = {"patient_id": [f"p{i}" for i in range(30)], "measure": "FVC", "unit": "L"}
    path = folder / name
    separator = ";" if decimal == "," else ","
    frame = pd.DataFrame({**rows, "measured": measured.round(3), "estimated": estimated.round(3)})
    frame.to_csv(path, index=False, sep=separator, decimal=decimal)
    return path


def test_two_tables_compared(spiroct: Callable, tmp_path: Path) -> None:
    ours, theirs = table(tmp_path, "ours.csv", 0.2, decimal=","), table(tmp_path, "theirs.csv", 0.6)
    answer = spiroct("evaluate", ours, "--against", theirs, "--out", tmp_path / "out", "--resamples", "200")
    assert answer.code == ExitCode.DONE
    lines = answer.out.splitlines()
    assert lines[0].split()[:4] == ["model", "set", "measure", "n"]
    assert [line.split()[0] for line in lines[1:3]] == ["ours", "theirs"]
    assert "semicolons" in answer.err
    assert lines[-1] == f"page: {tmp_path / 'out/evaluation.html'}"
    summary = pd.read_csv(tmp_path / "out/tables/comparison-summary.csv")
    assert summary["Model"].tolist() == ["ours"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop(columns="unit"), "column unit is missing"),
        (lambda t: t.assign(measure="VC"), "none of DLCO, FEV1, FVC, TLC"),
        (lambda t: t.assign(measured=3.0), "agreement needs patients who differ"),
        (lambda t: t.head(2), "an evaluation needs three at least"),
        (lambda t: t.assign(measured=""), "fill in the measured values"),
        (lambda t: pd.concat([t, t.head(1)]), "is there already in line 2"),
        (lambda t: t.assign(unit=["L"] * 29 + ["mL"]), "use one unit"),
        (lambda t: t.assign(measured=(1000 * t["measured"])), "looks like mL"),
    ],
)
def test_bad_tables_end_in_one_sentence(spiroct: Callable, tmp_path: Path, change: Callable, words: str) -> None:
    path = table(tmp_path, "p.csv", 0.3)
    change(pd.read_csv(path)).to_csv(path, index=False)
    answer = spiroct("evaluate", path, "--out", tmp_path / "out")
    assert answer.code == ExitCode.REFUSED
    assert words in answer.sentence
    assert answer.out == ""
    assert not (tmp_path / "out").exists()
