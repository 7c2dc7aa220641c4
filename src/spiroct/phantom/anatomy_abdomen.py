"""Organs below the diaphragm, which move with it: liver, spleen, stomach with its gas, kidneys, bowel gas."""

from __future__ import annotations

import numpy as np

from spiroct.phantom import anatomy_tissue as tissue
from spiroct.phantom.anatomy import Anatomy
from spiroct.phantom.patient import PhantomPatient
from spiroct.types import Float64Array

# x (left), y (back), depth; half axes x, y, z (mm, template); side whose dome moves it; tissue
_ORGANS = (
    ((-56, -10, 226), (84, 90, 76), "right", tissue.LIVER),
    ((8, -50, 212), (70, 40, 42), "right", tissue.LIVER),
    ((-30, -70, 290), (34, 22, 30), "right", tissue.STOMACH),
    ((24, -62, 285), (40, 26, 26), "left", tissue.STOMACH),
    ((20, -10, 270), (52, 16, 18), "left", tissue.STOMACH),
    ((86, 44, 222), (30, 46, 46), "left", tissue.SPLEEN),
    ((58, -22, 222), (46, 52, 46), "left", tissue.STOMACH),
    ((76, -66, 238), (24, 22, 26), "left", tissue.GAS),
    ((-52, 58, 305), (27, 25, 48), "right", tissue.KIDNEY),
    ((54, 58, 296), (27, 25, 48), "left", tissue.KIDNEY),
)


def abdominal_organs(anatomy: Anatomy, patient: PhantomPatient, lift: dict[int, float]) -> Float64Array:
    """Ellipsoids (n, 14): centre (z, y, x), three half axes, tissue, HU; later rows lie over earlier ones."""
    rng = np.random.default_rng((patient.anatomy_seed, 2))
    sz, sy, sx = anatomy.scale
    rows = []
    for (x, y, depth), (rx, ry, rz), side, code in _ORGANS:
        moved = lift[1] if side == "right" else lift[2]
        wobble = rng.normal(0, 1, 4)
        centre = [-depth * sz + 0.9 * moved, (y + 3 * wobble[0]) * sy, (x + 3 * wobble[1]) * sx]
        axes = np.diag([rz * sz, ry * sy, rx * sx]) * (1 + 0.04 * wobble[2])
        hounsfield = tissue.HOUNSFIELD[code] + (4 * wobble[3] if code == tissue.LIVER else 0.0)
        rows.append([*centre, *axes.ravel(), float(code), hounsfield])
    return np.array(rows)
