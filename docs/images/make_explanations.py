"""Draw docs/images/explanations.png and explanations-mean.png: ``python docs/images/make_explanations.py``, a minute.

Twelve simulated patients (seed 4243) at 5 mm and the packaged checkpoint; the cases are chosen by rule from the
error of DLCO: the best, the median and the worst. Prints the cohort's account of the regions.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from spiroct.attribution.accounting import account, cohort_account
from spiroct.attribution.common_grid import cohort_mean
from spiroct.attribution.method import in_scan, subject_of
from spiroct.attribution.ram import RegressionActivationMap
from spiroct.attribution.regions import anatomy_of_labels
from spiroct.checkpoints.catalogue import DEFAULT_CHECKPOINT, find
from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.inference.predictor import Predictor
from spiroct.pft.measures import Measure
from spiroct.phantom.physiology import draw_patient, lung_function
from spiroct.phantom.render import render
from spiroct.reporting.figures.attributions import Case, attribution_figure, best_median_worst, mean_map_figure

HERE = Path(__file__).parent
SEED, PATIENTS = 4243, 12


def _save(figure: Figure, name: str, dpi: int) -> None:
    """Save with a palette of 128 colours: a third of the bytes."""
    stream = io.BytesIO()
    figure.savefig(stream, dpi=dpi, facecolor="white", metadata={"Software": None})
    Image.open(stream).convert("RGB").quantize(128).save(HERE / name, optimize=True)


def main() -> None:
    """Draw both figures and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, help="write the cohort's account here as CSV")
    words = parser.parse_args()
    predictor = Predictor(find(DEFAULT_CHECKPOINT))
    method, cases, errors, accounts = RegressionActivationMap(predictor), [], [], []
    for index in range(PATIENTS):
        patient = draw_patient(SEED, index)
        phantom = render(patient, spacing=5.0)
        z, y, x = phantom.origin
        geometry = Geometry(phantom.hu.shape, phantom.spacing, (x, y, z))
        volume = CTVolume(phantom.hu.astype(np.float32), geometry)
        lungs = LabelMap(phantom.labels["lungs"].astype(np.uint8), geometry)
        subject = subject_of(predictor, volume, lungs=lungs)
        found = method.explain(subject)
        cases.append(Case("", volume, lungs, {m: in_scan(p, subject) for m, p in found.items()}))
        errors.append(subject.estimates.values[Measure.DLCO] - lung_function(patient)[0][Measure.DLCO])
        anatomy = anatomy_of_labels(phantom.labels, geometry, subject.geometry)
        accounts += [(f"{index}", m.value, account(p, anatomy)) for m, p in found.items()]
    chosen = [
        Case(f"{name} case of DLCO (error {errors[i]:+.2f})", cases[i].volume, cases[i].lungs, cases[i].maps)
        for name, i in zip(("Best", "Median", "Worst"), best_median_worst(np.array(errors)), strict=True)
    ]
    _save(attribution_figure(chosen), "explanations.png", 62)
    means = {}
    for measure in Measure:
        means[measure], share, count = cohort_mean((case.maps[measure], case.lungs) for case in cases)
    _save(mean_map_figure(means, share, count), "explanations-mean.png", 90)
    table = cohort_account(accounts)
    if words.table is not None:
        table.to_csv(words.table, index=False)
    print(table.loc[table["measure"] == "DLCO"].round(3).to_string())


if __name__ == "__main__":
    main()
