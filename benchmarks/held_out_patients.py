"""A checkpoint on simulated patients that no training saw: ``python -m benchmarks.held_out_patients COHORT RESULTS``.

COHORT is a folder of ``spiroct simulate cohort``, RESULTS one of ``spiroct predict COHORT/cohort.csv``. Prints one JSON
document: agreement of the network and of every rung of the ladder, the network's gain over each rung on the same
patients, the share of the ceiling's ICC, what is left beyond lung volume, and the coverage of the intervals by sex,
true ILD extent and measured severity.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from spiroct.evaluation.agreement import icc_a1, partial_r
from spiroct.evaluation.calibration import share
from spiroct.evaluation.comparison import BOOTSTRAP, compare
from spiroct.pft.measures import Measure
from spiroct.pft.patterns import severity
from spiroct.phantom.physiology import draw_patient
from spiroct.workflows.ceiling import ceiling
from spiroct.workflows.simulate import REFERENCE_COUNT, REFERENCE_FIRST, read_patient

NETWORK = "network"
COMPARED = ("icc_a1", "mae")
ILD_LIMITED = 0.2  # share of the lungs; Goh 2008, Am J Respir Crit Care Med 177:1248


def read_results(cohort: pd.DataFrame, results: Path) -> tuple[pd.DataFrame, list[str]]:
    """Collect the network's and the rungs' estimates; the scans without a prediction are named apart."""
    rows, missing = [], []
    for patient in cohort.itertuples():
        file = results / patient.scan_id / "prediction.json"
        if not file.is_file():
            missing.append(patient.scan_id)
            continue
        document = json.loads(file.read_text(encoding="utf-8"))
        volume = document["biomarkers"]["lungs"]["volume"]["value"]
        for measure in Measure:
            head = {
                "patient_id": patient.patient_id, "scan_id": patient.scan_id, "set": "held out", "fold": "ensemble",
                "measure": measure.value, "quantity": "absolute", "unit": measure.unit, "level": np.nan,
                "measured": getattr(patient, measure.value), "lower": np.nan, "upper": np.nan, "lung_volume": volume,
                "measured_z": document["measured"][measure.value]["z_score"],
                "estimated_z": document["estimates"][measure.value]["z_score"],
            }  # fmt: skip
            found = document["estimates"][measure.value]
            rows.append(
                head | {"model": NETWORK, "estimated": found["value"]} | {k: found[k] for k in ("lower", "upper")}
            )
            rows += [
                head | {"model": rung, "estimated": baseline["values"][measure.value]["value"]}
                for rung, baseline in document["baselines"].items()
                if measure.value in baseline["values"] and rung not in {"reference_value", "ct_lung_volume"}
            ]
    return pd.DataFrame(rows), missing


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
        "estimated severity": [str(severity(z)) for z in network["estimated_z"]],
        "measured severity": [str(severity(z)) for z in network["measured_z"]],
    }
    network["inside"] = (network["lower"] <= network["measured"]) & (network["measured"] <= network["upper"])
    found: dict[str, object] = {"all": _shares(network)}
    for name, labels in groups.items():
        found[name] = {str(label): _shares(rows) for label, rows in network.groupby(np.asarray(labels))}
    return found


def _shares(rows: pd.DataFrame) -> dict[str, list[float]]:
    found = {}
    for measure, part in rows.groupby("measure", sort=False):
        inside = share(int(part["inside"].sum()), len(part))
        found[str(measure)] = [len(part), *(round(v, 1) for v in (inside.value, inside.lower, inside.upper))]
    return found


def main() -> int:
    """Print what was found."""
    folder, results = Path(sys.argv[1]), Path(sys.argv[2])
    cohort = pd.read_csv(folder / "cohort.csv")
    table, missing = read_results(cohort, results)
    extent = pd.read_csv(folder / "truth" / "causes.csv").set_index("patient_id")["ild_extent"]
    document = {
        "patients": len(cohort), "predicted": len(cohort) - len(missing), "not predicted": missing,
        "agreement": agreement(table), "ceiling": share_of_ceiling(folder, cohort, table),
        "coverage": coverage(cohort, table, extent),
    }  # fmt: skip
    print(json.dumps(document, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
