"""From a patient's record to a CT: a resolution-independent body seen on a voxel grid, with its truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spiroct.phantom import anatomy_tissue as tissues
from spiroct.phantom.anatomy import NOMINAL_EFFORT, build_anatomy
from spiroct.phantom.lungs import lung_shape
from spiroct.phantom.patient import PhantomPatient
from spiroct.phantom.physiology import scan_state
from spiroct.phantom.render_body import lay_on_table, paint_body
from spiroct.phantom.render_grid import make_grid, noise_by_slice
from spiroct.phantom.render_lungs import fill
from spiroct.phantom.scanner import scanned
from spiroct.types import Float32Array, Int16Array, UInt8Array, Vector3


@dataclass(frozen=True, eq=False)
class Phantom:
    """A simulated CT with everything that is true about it.

    Parameters
    ----------
    hu : array (z, y, x), int16
        Canonical frame: z to the head, y to the back, x to the patient's left.
    spacing : tuple of float
        Voxel size (z, y, x), mm.
    origin : tuple of float
        Centre of the first voxel (z, y, x), mm; z = 0 at the apex of the lungs, x = 0 in the midline.
    labels : dict of str to array (z, y, x), uint8
        ``lungs`` (1 right, 2 left), ``lobes`` (1 left upper, 2 left lower, 3 right upper, 4 right middle, 5 right
        lower), ``vessels`` (1 artery, 2 vein), ``airways`` (lumen), ``ild`` (1 ground glass, 2 reticulation, 3
        honeycombing), ``emphysema``, ``body`` and the tissues of :data:`anatomy_tissue.LABELS`.
    centre_lines : array (n, 8)
        Vessels: start (z, y, x), end (z, y, x) in mm, radius in mm, kind (1 artery, 2 vein).
    truth : dict
        Realised lung volume (L), tissue mass (kg), vessel volume (L), base density (kg/L), diaphragm (mm).
    """

    hu: Int16Array
    spacing: Vector3
    origin: Vector3
    labels: dict[str, UInt8Array]
    centre_lines: Float32Array
    truth: dict[str, float]


def render(
    patient: PhantomPatient, *, spacing: float | tuple[float, float, float], variant: int | None = None
) -> Phantom:
    """Render the CT of a simulated patient.

    The body is a continuous shape; the grid only looks at it, so that every grid shows the same patient. All
    randomness comes from the record's seeds: the same record gives the same bytes.

    Parameters
    ----------
    patient : PhantomPatient
    spacing : float or tuple of float
        Voxel size (z, y, x), mm.
    variant : {1, 2}, optional
        Generator of vessels and texture; the record's own if not given.

    Returns
    -------
    Phantom

    Raises
    ------
    ValueError
        If a voxel size is not positive.
    """
    size = (spacing,) * 3 if isinstance(spacing, int | float) else tuple(spacing)
    if len(size) != 3 or not all(np.isfinite(s) and s > 0 for s in size):
        raise ValueError(f"spacing {spacing} must be one or three positive millimetres")
    state = scan_state(patient)
    anatomy = build_anatomy(patient, _nominal_volume(patient))
    shape = lung_shape(patient, anatomy, state.lung_volume_l)
    grid, walls = make_grid(patient, anatomy, np.array(size, dtype=np.float64))
    hounsfield, tissue, lung = paint_body(patient, anatomy, shape, grid, walls)
    lungs = fill(patient, anatomy, shape, state, grid, lung, variant or patient.variant)
    lungs.compose(hounsfield, lung)
    lay_on_table(hounsfield, tissue, grid, walls)
    hu = scanned(hounsfield, grid.spacing, patient, noise_by_slice(walls))
    labels = lungs.labels | {name: tissues.label_map(tissue, name) for name in tissues.LABELS}
    labels["body"] = (tissue != tissues.OUTSIDE).astype(np.uint8)
    labels["airways"] |= (tissue == tissues.AIRWAY).astype(np.uint8)
    in_lung = labels["lungs"] > 0
    for name in tissues.LABELS:
        labels[name][in_lung] = 0
    labels["body"][in_lung] = 1
    truth = lungs.truth | {f"diaphragm_{side}_mm": shape.lift[n] for n, side in ((1, "right"), (2, "left"))}
    z, y, x = (float(v) for v in grid.origin)
    return Phantom(hu, tuple(float(s) for s in size), (z, y, x), labels, lungs.centre_lines, truth)  # type: ignore[arg-type]


def _nominal_volume(patient: PhantomPatient) -> float:
    """Lung volume of the same person without disease of lung, wall or muscle: the cage is made for it."""
    well = patient.changed(
        ild_extent=0.0,
        emphysema=0.0,
        chest_wall_stiffness=0.0,
        muscle_weakness=0.0,
        effort=NOMINAL_EFFORT,
        tissue_z=0.0,
    )
    return scan_state(well).lung_volume_l
