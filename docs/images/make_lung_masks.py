"""Draw lung masks of two methods over two real scans with tumours: ``python make_lung_masks.py SCANS MASKS``.

SCANS is the folder of real scans; MASKS holds ``A0001-threshold/lungs.nii.gz``, ``A0001-multi-atlas/lungs.nii.gz`` and
the same of A0002, as ``spiroct segment --out`` writes them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from spiroct.imaging.image_files import read_image
from spiroct.imaging.orientation import to_canonical
from spiroct.imaging.reading import read_ct
from spiroct.imaging.volume import LabelMap

# Folder, and slice (counted from the feet) through the tumour.
SCANS = {"A0001": ("lungpetctdx_A0001_kernelB", 46), "A0002": ("lungpetctdx_A0002_B40f", 14)}
COLOURS = {"threshold": "tab:orange", "multi-atlas": "tab:cyan"}


def main(scans: Path, masks: Path) -> None:
    """Draw one panel a scan."""
    figure, axes = plt.subplots(1, len(SCANS), figsize=(9, 4), layout="constrained")
    for axis, (name, (folder, number)) in zip(axes, SCANS.items(), strict=True):
        volume = to_canonical(read_ct(scans / folder))
        _, y, x = volume.geometry.spacing
        axis.imshow(volume.hu[number], cmap="gray", vmin=-1200, vmax=300, aspect=y / x)
        for method, colour in COLOURS.items():
            values, geometry = read_image(masks / f"{name}-{method}" / "lungs.nii.gz")
            labels = to_canonical(LabelMap(values.astype(np.uint8), geometry)).labels
            axis.contour(labels[number] > 0, levels=[0.5], colors=colour, linewidths=1)
        axis.set_title(name, fontsize=9)
        axis.set_axis_off()
    for method, colour in COLOURS.items():
        axes[0].plot([], [], color=colour, label=method)
    axes[0].legend(fontsize=8, loc="lower left")
    figure.savefig(Path(__file__).with_name("lung-masks.png"), dpi=80)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
