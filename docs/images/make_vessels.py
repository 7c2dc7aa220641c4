"""Draw lungs, vessels and airways of a scan: `python docs/images/make_vessels.py SCAN` (LIDC-IDRI-1011 on the page)."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from spiroct.biomarkers.gridding import on_grid
from spiroct.imaging.reading import read_ct
from spiroct.segmentation.lungs import segment_lungs

volume = read_ct(Path(sys.argv[1]))
scan = on_grid(volume, segment_lungs(volume))
inside = scan.lungs > 0
brightest = np.where(inside, scan.hu, -1024).max(axis=1)
figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
shadow = inside.sum(axis=1)
panels = (
    ("brightest HU in the lungs", brightest, {"cmap": "gray", "vmin": -900, "vmax": 200}),
    ("vessels, voxels along the ray", scan.vessels.sum(axis=1), {"cmap": "magma", "vmax": 12}),
    ("airways, voxels along the ray", scan.airways.sum(axis=1), {"cmap": "viridis", "vmax": 10}),
)
for axis, (title, picture, how) in zip(axes, panels, strict=True):
    axis.imshow(shadow, cmap="gray", vmax=4 * shadow.max(), origin="lower")
    axis.imshow(np.ma.masked_equal(picture, 0), origin="lower", interpolation="nearest", **how)
    axis.set_title(title, fontsize=9)
    axis.axis("off")
target = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).with_name("vessels.png")
figure.savefig(target, dpi=90)
