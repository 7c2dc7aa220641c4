"""Which causes plain measures can read from a coarse grid, beside what the ceiling counts there.

Run: ``python -m benchmarks.simulated_visibility [patients] [spacing in mm]``. A ridge regression, judged by ten-fold
cross-validation, estimates each cause from demographics, percentiles of density away from the lungs' border, rings
of skin, and sizes of the true structures. A cause that it finds is seen on that grid; one
that it misses may still be seen by a better reader.
"""

from __future__ import annotations

import json
import sys

import numpy as np
from scipy import ndimage

from spiroct.phantom.identity import simulator_hash
from spiroct.phantom.patient import PhantomPatient
from spiroct.phantom.physiology import draw_patient
from spiroct.phantom.render import render
from spiroct.phantom.shown import resolved
from spiroct.types import Float64Array

SEED = 77
FOLDS = 10
RIDGE = 5.0
SIZES = ("great_vessels", "heart", "lungs", "vessels", "airways", "muscle")
CAUSES = (
    *("ild_extent", "emphysema", "vasculopathy", "chest_wall_stiffness", "muscle_weakness"),
    *("capillary_z", "airway_narrowing", "airway_size_z"),
)
PATTERNS = ("ild_ground_glass", "ild_honeycombing")  # as extents: share times extent of ILD


def measures(patient: PhantomPatient, spacing: float) -> list[float]:
    """Plain measures of one rendered patient."""
    phantom = render(patient, spacing=spacing)
    hu, labels = phantom.hu.astype(float), phantom.labels
    lungs = labels["lungs"] > 0
    inner = ndimage.binary_erosion(lungs, iterations=2)
    dense = hu[inner]
    level = np.flatnonzero(lungs.any(axis=(1, 2)))
    middle = slice(level[0] + 5, level[-1] - 5)
    in_plane = (1e6, spacing, spacing)  # distances within a slice only
    body, ring = labels["body"][middle] > 0, hu[middle]
    depth = ndimage.distance_transform_edt(body, sampling=in_plane)
    outside = ndimage.distance_transform_edt(~body, sampling=in_plane)
    rings = [ring[(depth > n * spacing) & (depth <= (n + 1) * spacing)].mean() for n in range(3)]
    rings.append(ring[(outside > 0) & (outside <= spacing)].mean())
    shares = [np.mean(dense < -950), np.mean(dense < -970), np.mean(dense > -600), np.mean(dense > -300)]
    sizes = [np.log(np.count_nonzero(labels[name]) + 1) for name in SIZES]
    return [
        *(float(patient.sex == "M"), patient.age, patient.height_cm, patient.bmi),
        *rings,
        float(hu[labels["muscle"] > 0].mean()),
        *np.percentile(dense, [1, 5, 15, 50, 85, 95, 99]),
        float(dense.std()),
        float(np.abs(ndimage.laplace(hu))[inner].mean()),
        *shares,
        *sizes,
    ]


def cross_validated_r(design: Float64Array, y: Float64Array) -> float:
    """Correlation of a cause with its ridge estimate from the other folds."""
    fold, estimated = np.arange(len(y)) % FOLDS, np.zeros(len(y))
    for k in range(FOLDS):
        rows = design[fold != k]
        weights = np.linalg.solve(rows.T @ rows + RIDGE * np.eye(rows.shape[1]), rows.T @ (y[fold != k] - y.mean()))
        estimated[fold == k] = design[fold == k] @ weights
    return float(np.corrcoef(estimated, y)[0, 1])


def main(count: int, spacing: float) -> int:
    """Print one JSON document."""
    patients = [draw_patient(SEED, i) for i in range(count)]
    design = np.array([measures(p, spacing) for p in patients])
    design = (design - design.mean(axis=0)) / np.maximum(design.std(axis=0), 1e-9)
    causes = {name: np.array([getattr(p, name) for p in patients]) for name in CAUSES}
    causes |= {name: np.array([getattr(p, name) * p.ild_extent for p in patients]) for name in PATTERNS}
    counted = resolved(spacing)
    result = {
        name: {"R": round(cross_validated_r(design, y), 2), "counted in the ceiling": name in counted}
        for name, y in causes.items()
    }
    print(
        json.dumps(
            {"simulator": simulator_hash(), "patients": count, "spacing_mm": spacing, "causes": result}, indent=2
        )
    )
    return 0


if __name__ == "__main__":
    words = (sys.argv[1:] + ["150", "5"][len(sys.argv) - 1 :])[:2]
    sys.exit(main(int(words[0]), float(words[1])))
