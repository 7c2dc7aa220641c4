"""How much of the true vessels the segmentation finds as ILD grows: ``python -m benchmarks.segmented_vessels``.

Simulated patients at 1.5 mm inside their true lungs, trees that had no part in development; prints one JSON document
and draws ``docs/images/vessels-ild.png``. Two to three minutes.
"""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy import ndimage

from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.phantom.draws import draw_patient
from spiroct.phantom.render import Phantom, render
from spiroct.segmentation.vessels import segment_vessels

PATIENTS = ((901, 1, 1), (902, 0, 2), (901, 2, 1), (902, 1, 2))  # seed, index, variant; as drawn
GROWING = (901, 2, 1)
EXTENTS = (0.0, 0.1, 0.25, 0.5)
LEAST_RADIUS_MM = 1.5
FACES_EDGES_CORNERS = np.ones((3, 3, 3), bool)
PICTURE = Path(__file__).resolve().parents[1] / "docs/images/vessels-ild.png"


def scan(phantom: Phantom) -> tuple[CTVolume, LabelMap]:
    """Give a rendered patient and its true lungs a geometry."""
    geometry = Geometry(phantom.hu.shape, phantom.spacing)
    lungs = LabelMap(phantom.labels["lungs"].astype(np.uint8), geometry)
    return CTVolume(phantom.hu.astype(np.float32), geometry), lungs


def wide_vessels(phantom: Phantom, truth: np.ndarray, least_mm: float) -> np.ndarray:
    """Find the true voxels within the radius of a centre line of at least that radius."""
    wide = np.zeros(truth.shape, bool)
    spacing = np.array(phantom.spacing)
    for *ends, radius, _ in phantom.centre_lines[phantom.centre_lines[:, 6] >= least_mm]:
        start, end = np.array(ends[:3]), np.array(ends[3:])
        steps = np.linspace(0, 1, max(2, int(np.linalg.norm(end - start) / 0.7)))[:, None]
        axis = (start + (end - start) * steps - phantom.origin) / spacing
        reach = int(np.ceil(radius / spacing.min()))
        offsets = np.argwhere(np.ones((2 * reach + 1,) * 3)) - reach
        voxels = np.rint(axis[:, None] + offsets)
        near = np.linalg.norm((voxels - axis[:, None]) * spacing, axis=-1) <= radius
        chosen = voxels[near].astype(int)
        chosen = chosen[((chosen >= 0) & (chosen < truth.shape)).all(axis=1)]
        wide[tuple(chosen.T)] = True
    return wide & truth


def vessels_found(phantom: Phantom) -> dict[str, float]:
    """Recall of vessels of at least 1.5 mm radius, precision against dilated truth, volume over the true one."""
    volume, lungs = scan(phantom)
    found = segment_vessels(volume, lungs).labels > 0
    truth = (phantom.labels["vessels"] > 0) & (lungs.labels > 0)
    wide = wide_vessels(phantom, truth, LEAST_RADIUS_MM)
    near = ndimage.binary_dilation(truth, FACES_EDGES_CORNERS)
    return {
        "ild": round(float((phantom.labels["ild"] > 0).sum() / (lungs.labels > 0).sum()), 3),
        "recall": round(float((found & wide).sum() / wide.sum()), 3),
        "precision": round(float((found & near).sum() / found.sum()), 3),
        "volume_ratio": round(float(found.sum() / truth.sum()), 2),
    }


def main() -> None:
    """Measure, print and draw."""
    rows = {}
    for seed, index, variant in PATIENTS:
        patient = draw_patient(seed, index, variant=variant)
        rows[f"{seed}, {index}, {variant}"] = vessels_found(render(patient, spacing=1.5))
    seed, index, variant = GROWING
    base = draw_patient(seed, index, variant=variant)
    growing = [vessels_found(render(base.changed(ild_extent=str(extent)), spacing=1.5)) for extent in EXTENTS]
    print(json.dumps({"patients": rows, "as ILD grows": growing}, indent=2))
    figure, axis = plt.subplots(figsize=(4.6, 3), layout="constrained")
    extent = [100 * row["ild"] for row in growing]
    axis.plot(extent, [row["recall"] for row in growing], "o-", label="recall, radius at least 1.5 mm")
    axis.plot(extent, [row["precision"] for row in growing], "s-", label="precision")
    axis.set(xlabel="extent of ILD, % of the lungs", ylabel="share of voxels", ylim=(0.5, 1))
    axis.legend(fontsize=8)
    figure.savefig(PICTURE, dpi=90)


if __name__ == "__main__":
    main()
