"""Lung function of simulated patients beside the published table, and the headroom above plain readers.

Run: ``python -m benchmarks.simulated_functions [draws] [seeds]``. Needs no image. Published figures: Jia 2023, Table 1
and Figure 2; limits as the simulator's design sets them. The headroom counts at 1.5 mm, the cohort's own grid; coarser
grids are shown beside it, because there the ceiling itself is lower.
"""

from __future__ import annotations

import itertools
import json
import sys

import numpy as np

from spiroct.pft.measures import Measure
from spiroct.phantom.identity import simulator_hash
from spiroct.phantom.patient import PhantomPatient
from spiroct.phantom.physiology import draw_patient, lung_functions, predicted
from spiroct.workflows.ceiling import ceiling
from spiroct.workflows.simulate import REFERENCE_COUNT, REFERENCE_FIRST

# Mean and SD: absolute in mmol/min/kPa and L, and %predicted.
ABSOLUTE = {"DLCO": (5.55, 1.92), "FEV1": (2.62, 0.77), "FVC": (3.32, 0.97), "TLC": (4.91, 1.23)}
PERCENT = {"DLCO": (71.95, 20.10), "FEV1": (89.32, 17.69), "FVC": (90.58, 18.97), "TLC": (85.62, 17.07)}
CORRELATIONS = {"absolute": (0.70, 0.96), "%predicted": (0.40, 0.89)}  # published range +- 0.01
PREVALENCES = {"ILD": 41.8, "PAH": 27.8}
EXACT = {"female": 81.4, "non-cutaneous": 12.7, "diffuse": 26.9, "limited": 57.9, "other": 2.5}
OLDEST_TLC = 80.0  # years: GLI-2021 ends there
HEADROOM = {"lung_volume": 0.85, "lung_volume_perc85_demographics": 0.92}
GRIDS_MM = (1.5, 3.0, 5.0)


def table(patients: list[PhantomPatient]) -> dict[str, object]:
    """Worst deviation from each part of the published table, in its own unit."""
    measured, medians = lung_functions(patients)[1], predicted(patients)[0]
    percent = {m: 100 * measured[m] / medians[m] for m in Measure}
    young = np.array([p.age <= OLDEST_TLC for p in patients])
    means, sds = {}, {}
    for kind, values, published in (("absolute", measured, ABSOLUTE), ("%predicted", percent, PERCENT)):
        for m in Measure:
            mean, sd = published[m.value]
            here = values[m][young] if m is Measure.TLC and kind == "%predicted" else values[m]
            means[f"{m.value} {kind}"] = 100 * (here.mean() / mean - 1)
            sds[f"{m.value} {kind}"] = 100 * (here.std() / sd - 1)
    pairs = {
        kind: [float(np.corrcoef(values[a], values[b])[0, 1]) for a, b in itertools.combinations(Measure, 2)]
        for kind, values in (("absolute", measured), ("%predicted", percent))
    }
    shares = {"ILD": [p.ild_extent > 0 for p in patients], "PAH": [p.pah for p in patients]}
    exact = {"female": [p.sex == "F" for p in patients]}
    exact |= {name: [p.subset == name for p in patients] for name in EXACT if name != "female"}
    return {
        "mean, % from published": {k: round(float(v), 2) for k, v in means.items()},
        "SD, % from published": {k: round(float(v), 2) for k, v in sds.items()},
        "R, lowest and highest": {k: [round(min(v), 3), round(max(v), 3)] for k, v in pairs.items()},
        "prevalence, %": {k: round(100 * float(np.mean(v)), 2) for k, v in (shares | exact).items()},
    }


def unmet(figures: dict[str, object]) -> list[str]:
    """Name the figures of a table that miss their limits: 3 % of a mean, 8 % of an SD, 2 points of a prevalence."""
    missed = []
    for part, limit in (("mean, % from published", 3.0), ("SD, % from published", 8.0)):
        missed += [f"{part}: {name}" for name, v in figures[part].items() if abs(v) > limit]  # type: ignore[attr-defined]
    for kind, (low, high) in figures["R, lowest and highest"].items():  # type: ignore[attr-defined]
        if low < CORRELATIONS[kind][0] or high > CORRELATIONS[kind][1]:
            missed.append(f"R {kind}")
    found = figures["prevalence, %"]
    missed += [name for name, share in PREVALENCES.items() if abs(found[name] - share) > 2.0]  # type: ignore[index]
    missed += [name for name, share in EXACT.items() if abs(found[name] - share) > 0.1]  # type: ignore[index]
    return missed


def headroom(seed: int, count: int) -> dict[str, dict[str, float]]:
    """Share of the ceiling's ICC that plain readers reach, for each grid, reader and measure."""
    patients = [draw_patient(seed, i) for i in range(count)]
    reference = [draw_patient(seed, REFERENCE_FIRST + i) for i in range(REFERENCE_COUNT)]
    measured = lung_functions(patients)[1]
    shares: dict[str, dict[str, float]] = {}
    for grid in GRIDS_MM:
        readers = ceiling(patients, measured, reference, spacing=grid)["readers"]
        for reader in HEADROOM:
            shares[f"{reader}, {grid:g} mm"] = {
                m.value: readers[reader][m.value]["all"]["share_of_ceiling_icc"] for m in Measure
            }
    return shares


def main(draws: int, seeds: int) -> int:
    """Print one JSON document; fail when a seed's table or the headroom at 1.5 mm misses its limit."""
    result: dict[str, object] = {"simulator": simulator_hash(), "draws": draws, "seeds": seeds}
    tables = [table([draw_patient(seed, i) for i in range(draws)]) for seed in range(seeds)]
    missed = [f"seed {seed}: {what}" for seed, figures in enumerate(tables) for what in unmet(figures)]
    result["table of seed 0"] = tables[0]
    each = [headroom(seed, 2000) for seed in range(seeds)]
    summary = {}
    for row in each[0]:
        for m in Measure:
            values = [one[row][m.value] for one in each]
            summary[f"{row}, {m.value}"] = [round(f(values), 3) for f in (np.mean, min, max)]
            bound = 0.92 if m is Measure.TLC else HEADROOM[row.split(",")[0]]
            judged = row.endswith(" 1.5 mm") and not (m is Measure.TLC and "perc85" in row)
            if judged and max(values) > bound:
                missed.append(f"{row}, {m.value}: {max(values):.3f}")
    result["share of the ceiling's ICC: mean, lowest, highest seed"] = summary
    result["missed"] = missed
    print(json.dumps(result, indent=2))
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main(*(int(v) for v in (sys.argv[1:] + ["5000", "8"][len(sys.argv) - 1 :])[:2])))
