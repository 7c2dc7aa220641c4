"""Draw recall and precision of the vessels against ILD extent: measured on simulated patient (901, 2) at 1.5 mm."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt

EXTENT = (0, 10, 25, 50)
RECALL = (0.904, 0.897, 0.899, 0.881)
PRECISION = (0.909, 0.841, 0.765, 0.648)

figure, axis = plt.subplots(figsize=(4.6, 3), layout="constrained")
axis.plot(EXTENT, RECALL, "o-", label="recall, radius at least 1.5 mm")
axis.plot(EXTENT, PRECISION, "s-", label="precision")
axis.set(xlabel="extent of ILD, % of the lungs", ylabel="share of voxels", ylim=(0.5, 1))
axis.legend(fontsize=8)
figure.savefig(Path(__file__).with_name("vessels-ild.png"), dpi=90)
