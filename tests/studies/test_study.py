"""``spiroct study`` at the scale tiny: all questions, tables recomputed, stopped and started again."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spiroct.cohort.predictions import read_predictions
from spiroct.cohort.table import read_cohort
from spiroct.errors import InputError, OutputError, SpiroctError, UsageError
from spiroct.pft.measures import Measure
from spiroct.studies.recipe import study_recipes
from spiroct.studies.study import plan, study
from spiroct.workflows.simulate import simulate_cohort

RECOMPUTED = ("mae", "mape", "bias", "r", "icc_a1")


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the table of 24 simulated patients."""
    folder = tmp_path_factory.mktemp("patients")
    simulate_cohort(folder / "c", n=24, seed=41, spacing=6.0)
    return folder / "c" / "cohort.csv"


def test_what_a_study_cannot_use_is_refused_before_any_scan_is_measured(cohort: Path, tmp_path: Path) -> None:
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "mine.txt").touch()
    with pytest.raises(OutputError, match=r"mine\.txt"):
        study(cohort, out=tmp_path / "foreign", scale="tiny")
    assert [p.name for p in (tmp_path / "foreign").iterdir()] == ["mine.txt"]
    for words in ({"healthy": tmp_path / "none.csv"}, {"external": tmp_path}, {"seed": -1}, {"accelerator": "tpu"}):
        with pytest.raises(SpiroctError, match=r"none\.csv|folder|seed|tpu"):
            study(cohort, out=tmp_path / "out", scale="tiny", **words)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"none\.csv"):
        study(tmp_path / "none.csv", out=tmp_path / "out", scale="tiny")
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def studied(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a whole study."""
    out = tmp_path_factory.mktemp("study") / "out"
    study(cohort, out=out, scale="tiny")
    return out


def by_hand(rows: pd.DataFrame) -> dict[str, float]:
    """Compute the metrics from their definitions."""
    x, y = rows["measured"].to_numpy(), rows["estimated"].to_numpy()
    n, error = len(x), y - x
    pair = np.stack([x, y], axis=1)
    between = 2 * np.sum((pair.mean(axis=1) - pair.mean()) ** 2) / (n - 1)
    raters = n * np.sum((pair.mean(axis=0) - pair.mean()) ** 2)
    within = pair - pair.mean(axis=1, keepdims=True) - pair.mean(axis=0, keepdims=True) + pair.mean()
    residual = np.sum(within**2) / (n - 1)
    icc = (between - residual) / (between + residual + 2 / n * (raters - residual))
    return {
        "mae": float(np.mean(np.abs(error))),
        "mape": float(np.mean(100 * np.abs(error) / x)),
        "bias": float(np.mean(error)),
        "r": float(np.corrcoef(x, y)[0, 1]) if np.ptp(x) > 0 and np.ptp(y) > 0 else float("nan"),
        "icc_a1": float(icc),
    }


@pytest.mark.slow
def test_every_number_recomputes_from_the_predictions(studied: Path) -> None:
    metrics = pd.read_csv(studied / "metrics.csv", dtype={"fold": str})
    checked = 0
    for cohort, own in metrics.loc[metrics["metric"].isin(RECOMPUTED)].groupby("cohort"):
        path = studied / "predictions" / f"{cohort}.csv"
        table = read_predictions(path).table.dropna(subset=["measured", "estimated"])
        for (model, part, fold, measure, quantity), rows in own.groupby(
            ["model", "set", "fold", "measure", "quantity"]
        ):
            group = table.loc[
                (table["model"] == model) & (table["set"] == part) & (table["measure"] == measure)
                & (table["quantity"] == quantity)
            ]  # fmt: skip
            group = group.loc[group["fold"] != "ensemble"] if fold == "pooled" else group.loc[group["fold"] == fold]
            mine = by_hand(group)
            for row in rows.itertuples():
                if np.isfinite(row.value):
                    assert row.value == pytest.approx(mine[row.metric], rel=1e-12, abs=1e-12), row
                    checked += 1
    assert checked > 1000
    for name in ("table2", "table3", "table4", "table5", "table7"):
        values = pd.read_csv(studied / "tables" / f"{name}-values.csv", dtype={"fold": str})
        key = ["model", "set", "fold", "measure", "metric"]
        both = values.loc[values["metric"].isin(RECOMPUTED)].merge(
            metrics.loc[(metrics["cohort"] == "patients")], on=key, suffixes=("", "_all")
        )
        same = both.loc[both["quantity"].str.removesuffix("_indirect") == both["quantity_all"]]
        assert len(same) >= 20, name
        np.testing.assert_allclose(same["value"], same["value_all"], rtol=1e-12)


@pytest.mark.slow
def test_all_tables_and_figures_are_there_with_the_published_numbers(studied: Path) -> None:
    for i in range(1, 8):
        for ending in ("csv", "md", "tex"):
            text = (studied / "tables" / f"table{i}.{ending}").read_text()
            assert "Jia 2023" in text, (i, ending)
    for i in (1, 2, 3, 4, 5, 6, 7, "8a", "8b", "8c", 9):
        assert (studied / "figures" / f"figure{i}.png").stat().st_size > 2000
        assert (studied / "figures" / f"figure{i}.svg").read_text().startswith("<?xml")
    page = (studied / "report.html").read_text()
    for words in ("Negative controls", "TRIPOD+AI", "barely trained", "The patients are simulated"):
        assert words in page
    models = set(read_predictions(studied / "predictions/patients.csv").table["model"])
    assert {r.label for r in study_recipes() if r.cohort == "patients"} <= models
    findings = pd.read_csv(studied / "tables/findings-values.csv")
    assert {"Q1", "Q2", "Q3", "Q4", "Q5", "Q6", "controls"} <= set(findings["question"])


@pytest.mark.slow
def test_nothing_is_learned_from_permuted_function(studied: Path) -> None:
    """R within folds, averaged over folds and measures; 4 or 5 patients a fold make R vary by about 0.5."""
    table = read_predictions(studied / "predictions/permuted.csv").table
    own = table.loc[(table["set"] == "validation") & (table["quantity"] == "absolute")]
    r = [np.corrcoef(g["measured"], g["estimated"])[0, 1] for _, g in own.groupby(["measure", "fold"])]
    assert len(r) == 16
    assert abs(np.mean(r)) < 0.5
    real = read_cohort(studied / "steps/cohorts/patients.csv").table.set_index("scan_id")
    there = own.loc[own["measure"] == "FVC"].set_index("scan_id")["measured"]
    assert (there != real.loc[there.index, "FVC"]).all()


@pytest.mark.slow
def test_the_twin_shows_the_same_scans_and_other_function(studied: Path) -> None:
    patients, twin = (read_cohort(studied / f"steps/cohorts/{name}.csv") for name in ("patients", "twin"))
    assert [patients.path(s) for s in patients.scan_ids] == [twin.path(s) for s in twin.scan_ids]
    gain = twin.values(Measure.TLC) - patients.values(Measure.TLC)
    assert (gain > -1e-9).all()  # nothing outside the lungs takes any air away
    assert (gain > 0.01).mean() > 0.5


@pytest.mark.slow
def test_the_same_command_again_does_nothing_and_another_is_refused(studied: Path, cohort: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in (studied / "tables").iterdir()}
    started = time.monotonic()
    again = study(cohort, out=studied, scale="tiny")
    assert time.monotonic() - started < 60
    assert {p: p.stat().st_mtime_ns for p in (studied / "tables").iterdir()} == before
    written = pd.read_csv(studied / "tables/findings-values.csv")
    assert [one.sentence for one in again] == list(written["sentence"])
    from spiroct.errors import OutputError

    with pytest.raises(OutputError, match="another run"):
        study(cohort, out=studied, scale="small", finished_only=True)


@pytest.mark.slow
def test_stopped_anywhere_it_ends_with_the_same_tables(studied: Path, cohort: Path, tmp_path: Path) -> None:
    """Killed without warning three times, then let finish: the same bytes as the study that nobody stopped."""
    out = tmp_path / "out"
    command = [sys.executable, "-m", "spiroct", "study", str(cohort), "--out", str(out), "--scale", "tiny",
               "--questions", "Q2"]  # fmt: skip
    for marker in ("steps/measurements/SIM-A41-00005", "steps/pretraining/run.json", "steps/whole-transfer/.partial-*"):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while not list(out.glob(marker)) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not (out / "report.html").exists()
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    whole = read_predictions(studied / "predictions/patients.csv").table
    stopped = read_predictions(out / "predictions/patients.csv").table
    kept = whole.loc[whole["model"].isin(set(stopped["model"])) & (whole["quantity"] == "absolute")]
    same = stopped.loc[stopped["quantity"] == "absolute"]
    key = ["model", "set", "fold", "measure", "scan_id"]
    pd.testing.assert_frame_equal(
        kept.sort_values(key).reset_index(drop=True), same.sort_values(key).reset_index(drop=True)
    )
    assert (out / "tables/table2.csv").is_file()
    assert not (out / "tables/table4.csv").is_file() or "both lungs" not in (out / "tables/table4.csv").read_text()


def test_a_plan_names_every_training_and_writes_nothing(cohort: Path, tmp_path: Path) -> None:
    table = plan(cohort, out=tmp_path / "out", scale="tiny", questions=["Q2", "Q5"])
    assert list(table["step"])[:3] == ["pretraining", "whole-scratch", "whole-transfer"]
    assert (table["minutes"] > 0).all()
    assert set(table["state"]) == {"to do"}
    own = table.loc[table["cohort"] == "patients", "scans"]
    assert set(own) == {19}
    assert not (tmp_path / "out").exists()


def test_nothing_finished_and_bad_shards_are_refused(cohort: Path, tmp_path: Path) -> None:
    for shard in ("3", "9/8", "x/2"):
        with pytest.raises(UsageError, match="shard"):
            study(cohort, out=tmp_path / "a", scale="tiny", shard=shard)
    with pytest.raises(UsageError, match="0/2 first"):
        study(cohort, out=tmp_path / "a", scale="tiny", shard="1/2")
    with pytest.raises(UsageError, match="nothing is finished"):
        study(cohort, out=tmp_path / "b", scale="tiny", finished_only=True)
