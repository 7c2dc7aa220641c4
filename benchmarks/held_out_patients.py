"""A checkpoint on simulated patients that no training saw: ``python -m benchmarks.held_out_patients COHORT [MODEL]``.

COHORT is a folder of ``spiroct simulate cohort``, MODEL a checkpoint (the packaged one by default). Prints one JSON
document: agreement of the network and of every rung of the ladder, the network's gain over each rung on the same
patients, the share of the ceiling's ICC, what is left beyond lung volume, and the coverage of the intervals by sex,
true ILD extent and severity. Scans are prepared through training's cache, in a tenth of the time of ``predict``; with
``--predicted RESULTS``, a folder of ``spiroct predict`` on some of the patients, it prints the largest difference.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from spiroct.checkpoints.catalogue import DEFAULT_CHECKPOINT, find
from spiroct.checkpoints.checkpoint import Checkpoint
from spiroct.checkpoints.intervals import intervals_of
from spiroct.cohort.cohort import Cohort
from spiroct.cohort.table import read_cohort
from spiroct.evaluation.agreement import icc_a1, partial_r
from spiroct.evaluation.calibration import share
from spiroct.evaluation.comparison import BOOTSTRAP, compare
from spiroct.pft.demographics import Demographics
from spiroct.pft.measures import Measure
from spiroct.pft.patterns import severity
from spiroct.pft.reference import interpret
from spiroct.phantom.physiology import draw_patient
from spiroct.workflows.ceiling import ceiling
from spiroct.workflows.cohort_estimates import member_estimates
from spiroct.workflows.estimate import fitted_baselines
from spiroct.workflows.simulate import REFERENCE_COUNT, REFERENCE_FIRST, read_patient
from spiroct.workflows.training_data import training_data

NETWORK = "network"
COMPARED = ("icc_a1", "mae")
ILD_LIMITED = 0.2  # share of the lungs; Goh 2008, Am J Respir Crit Care Med 177:1248


def estimate(cohort: Cohort, checkpoint: Checkpoint) -> pd.DataFrame:
    """Estimate every patient with the network, its intervals and the rungs; one row a patient, measure and reader."""
    data = training_data(cohort, checkpoint.recipe)
    members = member_estimates(checkpoint, data, engine="auto")
    rows = []
    for i, patient in enumerate(cohort.table.itertuples()):
        readings = {name: float(values[i]) for name, values in data.readings.items()}
        each = {measure: members[:, i, j] for j, measure in enumerate(checkpoint.measures)}
        values = {measure: float(np.mean(v)) for measure, v in each.items()}
        intervals = intervals_of(checkpoint.intervals, each, readings)
        rungs = fitted_baselines(checkpoint, readings, values)
        person = Demographics(patient.sex, patient.age, patient.height_cm)
        for measure, value in values.items():
            measured = float(getattr(patient, measure.value))
            lower, upper = intervals[measure.value]
            head = {
                "patient_id": patient.patient_id, "scan_id": patient.scan_id, "set": "held out", "fold": "ensemble",
                "measure": measure.value, "quantity": "absolute", "unit": measure.unit, "level": np.nan,
                "measured": measured, "lower": np.nan, "upper": np.nan, "lung_volume": readings["lung_volume"],
                "measured_z": interpret(measure, measured, person).z_score,
                "estimated_z": interpret(measure, value, person).z_score,
            }  # fmt: skip
            rows.append(head | {"model": NETWORK, "estimated": value, "lower": lower, "upper": upper})
            rows += [head | {"model": rung.name, "estimated": rung.values[measure]} for rung in rungs]  # noqa: PD011 - no pandas here
    return pd.DataFrame(rows)


def difference(table: pd.DataFrame, results: Path) -> dict[str, object]:
    """Find the largest difference from what ``spiroct predict`` said of the same patients."""
    ours = table[table["model"] == NETWORK].set_index(["scan_id", "measure"])
    worst = {"estimated": 0.0, "lower": 0.0, "upper": 0.0}
    files = sorted(results.glob("*/prediction.json"))
    for file in files:
        document = json.loads(file.read_text(encoding="utf-8"))
        for measure, found in document["estimates"].items():
            row = ours.loc[(document["scan_id"], measure)]
            for name, theirs in zip(worst, (found["value"], found["lower"], found["upper"]), strict=True):
                worst[name] = max(worst[name], abs(float(row[name]) - theirs))
    return {"patients": len(files), "largest_difference": worst}


def agreement(table: pd.DataFrame) -> dict[str, object]:
    """ICC(A,1) and MAE of every reader, and each gain of the network with its paired 95 % interval."""
    network, rungs = table[table["model"] == NETWORK], table[table["model"] != NETWORK]
    found: dict[str, dict[str, dict[str, object]]] = {}
    for reader in ("network", "network_demographics"):
        ours = network if reader == NETWORK else rungs[rungs["model"] == reader]
        compared = compare(ours, rungs[rungs["model"] != reader])
        for row in compared[compared["test"].eq(BOOTSTRAP) & compared["metric"].isin(COMPARED)].itertuples():
            cell = found.setdefault(row.measure, {}).setdefault(f"{row.model} against {row.against}", {})
            cell[row.metric] = [
                round(v, 4) for v in (row.value, row.against_value, row.difference, row.lower, row.upper)
            ]
    return {"columns": ["value", "against", "difference", "lower", "upper"], **found}


def share_of_ceiling(folder: Path, cohort: pd.DataFrame, table: pd.DataFrame) -> dict[str, object]:
    """Share of the ceiling's ICC for the same patients, and the partial R at fixed lung volume."""
    network = table[table["model"] == NETWORK]
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))["arguments"]
    kept = cohort[cohort["scan_id"].isin(network["scan_id"])]
    patients = [read_patient(folder / "truth" / f"{scan}.json") for scan in kept["scan_id"]]
    origin = {name: run[name] for name in ("site", "preset", "variant", "without")}
    reference = [draw_patient(run["seed"], REFERENCE_FIRST + i, **origin) for i in range(REFERENCE_COUNT)]
    measured = {m: kept[m.value].to_numpy(dtype=np.float64) for m in Measure}
    best = ceiling(patients, measured, reference, spacing=run["spacing"])["readers"]["ceiling"]
    found: dict[str, object] = {}
    for measure, part in network.groupby("measure", sort=False):
        columns = (part[name].to_numpy(dtype=np.float64) for name in ("measured", "estimated", "lung_volume"))
        x, y, volume = columns
        own, top = icc_a1(x, y), best[measure]["all"]["ICC"]
        found[str(measure)] = {
            "icc": round(own, 4), "ceiling_icc": top, "share": round(own / top, 4),
            "partial_r_at_fixed_volume": round(partial_r(x, y, volume), 4),
        }  # fmt: skip
    return found


def coverage(cohort: pd.DataFrame, table: pd.DataFrame, extent: pd.Series) -> dict[str, object]:
    """Share of measured values inside the 90 % interval, with Wilson's 95 % interval, in percent.

    Severity by the estimate is what a reader of a report sees. Severity by the measurement picks the patients with
    large errors of one sign, so that no interval around an estimate can cover 90 % of each of its grades.
    """
    network = table[table["model"] == NETWORK].merge(cohort[["scan_id", "sex"]], on="scan_id")
    ild = network["patient_id"].map(extent)
    groups = {
        "sex": network["sex"],
        "ILD": np.select([ild == 0, ild < ILD_LIMITED], ["none", "below 20 %"], "20 % and above"),
        "estimated severity": [_grade(z) for z in network["estimated_z"]],
        "measured severity": [_grade(z) for z in network["measured_z"]],
    }
    network["inside"] = (network["lower"] <= network["measured"]) & (network["measured"] <= network["upper"])
    found: dict[str, object] = {"all": _shares(network)}
    for name, labels in groups.items():
        found[name] = {str(label): _shares(rows) for label, rows in network.groupby(np.asarray(labels))}
    return found


def _grade(z: float) -> str:
    return str(severity(z)) if np.isfinite(z) else "no reference value"


def _shares(rows: pd.DataFrame) -> dict[str, list[float]]:
    found = {}
    for measure, part in rows.groupby("measure", sort=False):
        inside = share(int(part["inside"].sum()), len(part))
        found[str(measure)] = [len(part), *(round(v, 1) for v in (inside.value, inside.lower, inside.upper))]
    return found


def main() -> int:
    """Print what was found."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("cohort", type=Path)
    options.add_argument("model", nargs="?", default=DEFAULT_CHECKPOINT)
    options.add_argument("--predicted", type=Path)
    given = options.parse_args()
    checkpoint, cohort = find(given.model), read_cohort(given.cohort / "cohort.csv")
    table = estimate(cohort, checkpoint)
    extent = pd.read_csv(given.cohort / "truth" / "causes.csv").set_index("patient_id")["ild_extent"]
    document: dict[str, object] = {
        "patients": len(cohort),
        "checkpoint": checkpoint.hash,
        "agreement": agreement(table),
        "ceiling": share_of_ceiling(given.cohort, cohort.table, table),
        "coverage": coverage(cohort.table, table, extent),
    }
    if given.predicted is not None:
        document["against_predict"] = difference(table, given.predicted)
    print(json.dumps(document, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
