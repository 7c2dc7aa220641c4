"""Draw the two pictures of `docs/concepts/figures.md` from made-up predictions of 252 patients.

Run from the root of a checkout: ``python docs/images/make_agreement_figures.py``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from spiroct.pft.measures import Measure
from spiroct.reporting.figures.agreement import draw_bland_altman, draw_scatter
from spiroct.reporting.figures.rendering import PIXELS_PER_INCH
from spiroct.reporting.figures.sheets import measure_sheet

# Mean and SD of the cohort as in the paper's Table 1; errors are made up.
COHORT = {Measure.DLCO: (5.55, 1.92), Measure.FEV1: (2.62, 0.77), Measure.FVC: (3.32, 0.97), Measure.TLC: (4.91, 1.23)}


def made_up(n: int = 252) -> pd.DataFrame:
    """Return a predictions table of two models, the second the better one."""
    rng = np.random.default_rng(0)
    rows = []
    for measure, (mean, sd) in COHORT.items():
        measured = np.clip(rng.normal(mean, sd, n), 0.4, None)
        for model, share, noise in (("from scratch", 0.5, 0.65), ("transfer learning", 0.8, 0.45)):
            estimated = mean + share * (measured - mean) + rng.normal(0, noise * sd, n)
            rows += [
                (f"p{i}", f"p{i}", model, measure.value, "absolute", measure.unit, m, e)
                for i, (m, e) in enumerate(zip(measured, estimated, strict=True))
            ]
    names = ["patient_id", "scan_id", "model", "measure", "quantity", "unit", "measured", "estimated"]
    return pd.DataFrame(rows, columns=names).assign(lower=np.nan, upper=np.nan, level=np.nan)


if __name__ == "__main__":
    table = made_up()
    for name, draw in (("bland-altman", draw_bland_altman), ("scatter", draw_scatter)):
        figure = measure_sheet(table, draw)
        figure.savefig(Path(__file__).parent / f"{name}.png", dpi=PIXELS_PER_INCH, metadata={"Software": None})
