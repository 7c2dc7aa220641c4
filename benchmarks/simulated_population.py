"""What a simulated population with images shows, beside the published correlations.

Run: ``python -m benchmarks.simulated_population [patients] [workers]``. Renders the patients at 5 mm, measures Perc85
and volumes in the true label maps and alpha and beta on the true centre lines, and prints one JSON document.
Published correlations come with the 95 % interval of their own n (Fisher); each n is in the article's abstract. Zhai
2019 gives Spearman's coefficient, Ninaber 2015 does not say which; both are computed here and both must lie inside.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
from scipy import stats

from spiroct.pft.measures import Measure
from spiroct.phantom.identity import simulator_hash
from spiroct.phantom.patient import PhantomPatient
from spiroct.phantom.physiology import draw_patient, lung_functions, predicted
from spiroct.phantom.render import render

SEED = 5
SPACING_MM = 5.0
EDGES_MM = np.arange(0.5, 5.01, 0.5)  # of the histogram of radii
GRID_MM = 1.5  # the authors' grid: beta counts centre-line voxels of this size
SIGNIFICANT_AT_64 = 0.246  # |R| with p < 0.05 (two-sided t) at n = 64
PUBLISHED = {
    ("perc85", "DLCO %predicted", "all"): (-0.49, 41, "Ninaber 2015"),
    ("perc85", "FVC %predicted", "all"): (-0.64, 41, "Ninaber 2015"),
    ("alpha", "DLCO %predicted", "no ILD"): (-0.29, 77, "Zhai 2019"),
    ("beta", "DLCO %predicted", "no ILD"): (0.32, 77, "Zhai 2019"),
}


def measure(patient: PhantomPatient) -> dict[str, float]:
    """Biomarkers of one patient from its truth."""
    phantom = render(patient, spacing=SPACING_MM)
    lungs = phantom.labels["lungs"] > 0
    litres = float(np.prod(phantom.spacing)) / 1e6
    start, end, radius = phantom.centre_lines[:, :3], phantom.centre_lines[:, 3:6], phantom.centre_lines[:, 6]
    length, _ = np.histogram(radius, EDGES_MM, weights=np.linalg.norm(end - start, axis=1))
    middles, seen = (EDGES_MM[:-1] + EDGES_MM[1:]) / 2, length > 0
    alpha, beta = np.polyfit(middles[seen], np.log(length[seen] / GRID_MM), 1)
    return {
        "perc85": float(np.percentile(phantom.hu[lungs], 85)),
        "lung_volume": np.count_nonzero(lungs) * litres,
        "vessel_volume": np.count_nonzero(phantom.labels["vessels"]) * litres,
        "mean_density": float(phantom.hu[lungs].mean()),
        "laa950": 100 * float(np.mean(phantom.hu[lungs] < -950)),
        "alpha": float(alpha),
        "beta": float(beta),
    }


def interval(r: float, n: int) -> tuple[float, float]:
    """95 % interval of a correlation (Fisher 1921)."""
    half = 1.959964 / np.sqrt(n - 3)
    return float(np.tanh(np.arctanh(r) - half)), float(np.tanh(np.arctanh(r) + half))


def main(count: int, workers: int) -> int:
    """Print the population's correlations; fail when one lies outside its published interval."""
    patients = [draw_patient(SEED, i) for i in range(count)]
    with ProcessPoolExecutor(workers) as pool:
        rows = list(pool.map(measure, patients, chunksize=8))
    markers = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    measured, medians = lung_functions(patients)[1], predicted(patients)[0]
    targets = {m.value: measured[m] for m in Measure} | {
        f"{m.value} %predicted": 100 * measured[m] / medians[m] for m in Measure
    }
    groups = {"all": np.arange(count) >= 0, "no ILD": np.array([p.ild_extent == 0 for p in patients])}
    r = partial(_correlation, markers, targets, groups)
    outside = []
    table = {}
    for (marker, target, group), (published, n, source) in PUBLISHED.items():
        low, high = interval(published, n)
        found = r(marker, target, group)
        ranked = float(stats.spearmanr(markers[marker][groups[group]], targets[target][groups[group]]).statistic)
        table[f"{marker} with {target}, {group}"] = {
            "simulated": round(found, 3),
            "simulated, Spearman": round(ranked, 3),
            "published": [published, round(low, 2), round(high, 2), n, source],
        }
        if not (low <= found <= high and low <= ranked <= high):
            outside.append(f"{marker} with {target}, {group}")
    volume = {target: round(r("lung_volume", target, "all"), 3) for target in targets}
    outside += [f"lung_volume with {target}" for target, found in volume.items() if abs(found) < SIGNIFICANT_AT_64]
    document = {
        "simulator": simulator_hash(),
        "patients": count,
        "seed": SEED,
        "spacing_mm": SPACING_MM,
        "correlations": table,
        "lung_volume with": volume,
        "perc85 with": {t: round(r("perc85", t, "all"), 3) for t in targets if "%" in t},
        "vessel_volume with TLC": round(r("vessel_volume", "TLC", "all"), 3),
        "beta with absolute, all": {m.value: round(r("beta", m.value, "all"), 3) for m in Measure},
        "vessel share of lung, %": round(float(np.median(100 * markers["vessel_volume"] / markers["lung_volume"])), 2),
        "percentiles 1, 50, 99": {
            name: [round(float(v), 2) for v in np.percentile(values, [1, 50, 99])] for name, values in markers.items()
        },
        "outside": outside,
    }
    print(json.dumps(document, indent=2))
    return int(bool(outside))


def _correlation(
    markers: dict[str, np.ndarray],
    targets: dict[str, np.ndarray],
    groups: dict[str, np.ndarray],
    marker: str,
    target: str,
    group: str,
) -> float:
    chosen = groups[group]
    return float(np.corrcoef(markers[marker][chosen], targets[target][chosen])[0, 1])


if __name__ == "__main__":
    sys.exit(main(*(int(v) for v in (sys.argv[1:] + ["2000", "2"][len(sys.argv) - 1 :])[:2])))
