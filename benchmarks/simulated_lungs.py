"""How well the built-in lung segmentation finds simulated lungs: Dice in health, with extensive ILD, and in variant 2.

Run: ``python -m benchmarks.simulated_lungs [patients a group] [seed]``. Renders at 1.5 mm and fails when a group's
worst Dice is below its limit. The method was never tuned to these patients; use a seed that nobody has looked at.
"""

from __future__ import annotations

import json
import sys

import numpy as np

from spiroct.phantom.identity import simulator_hash
from spiroct.phantom.physiology import draw_patient
from spiroct.phantom.render import render
from spiroct.segmentation.lungs import segment_lungs
from spiroct.workflows.phantom_images import volume_of

LIMITS = {"health": 0.97, "extensive ILD": 0.93, "SSc as drawn": 0.93}
EXTENSIVE = 0.5  # of the lung
SEED = 2026


def main(count: int, seed: int) -> int:
    """Print one JSON document; fail when a group's worst Dice is below its limit."""
    result: dict[str, object] = {"simulator": simulator_hash(), "seed": seed, "patients_a_group": count}
    poor = False
    for variant in (1, 2):
        for group, limit in LIMITS.items():
            dice = [_dice(seed, index, group, variant) for index in range(count)]
            poor |= min(dice) < limit
            figures = {"median": np.median(dice), "worst": min(dice), "limit": limit}
            result[f"{group}, variant {variant}"] = {name: round(float(v), 4) for name, v in figures.items()}
    print(json.dumps(result, indent=2))
    return int(poor)


def _dice(seed: int, index: int, group: str, variant: int) -> float:
    patient = draw_patient(seed, index, preset="healthy" if group == "health" else "ssc", variant=variant)
    if group == "extensive ILD":
        patient = patient.changed(ild_extent=EXTENSIVE)
    phantom = render(patient, spacing=1.5)
    found = segment_lungs(volume_of(patient, phantom)).labels > 0
    true = phantom.labels["lungs"] > 0
    return 2 * np.count_nonzero(found & true) / (np.count_nonzero(found) + np.count_nonzero(true))


if __name__ == "__main__":
    sys.exit(main(*(int(v) for v in (sys.argv[1:] + ["4", str(SEED)][len(sys.argv) - 1 :])[:2])))
