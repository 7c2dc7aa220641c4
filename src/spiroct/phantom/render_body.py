"""Everything of the simulated body that is not lung, painted on a voxel grid, and the table it lies on."""

from __future__ import annotations

import numpy as np

from spiroct.phantom import anatomy_tissue as tissues
from spiroct.phantom import thorax_wall as tw
from spiroct.phantom.anatomy import Anatomy
from spiroct.phantom.anatomy_abdomen import abdominal_organs
from spiroct.phantom.anatomy_bones import LEVEL, paint_spine, shoulder_tubes, vertebral_levels
from spiroct.phantom.anatomy_mediastinum import Tube
from spiroct.phantom.anatomy_paint import paint_ellipsoid, paint_tube
from spiroct.phantom.lungs import LungShape
from spiroct.phantom.patient import PhantomPatient
from spiroct.phantom.render_grid import Grid
from spiroct.phantom.texture import noise_tile
from spiroct.phantom.thorax import SKIN_OUT, Wall
from spiroct.phantom.thorax_voxels import fill_thorax
from spiroct.types import Float32Array, Float64Array, UInt8Array

_BONES = (tissues.BONE, tissues.MARROW, tissues.RIB, tissues.CARTILAGE)
_BELOW = (tissues.DIAPHRAGM, tissues.ABDOMINAL_FAT, tissues.LIVER, tissues.SPLEEN, tissues.STOMACH, tissues.GAS)
# What the shoulders' layers do not paint over
_UNDER_SHOULDER = {
    tissues.SKIN: (*_BONES, tissues.MUSCLE, tissues.FAT),
    tissues.FAT: (*_BONES, tissues.MUSCLE),
    tissues.MUSCLE: _BONES,
}


def paint_body(
    patient: PhantomPatient, anatomy: Anatomy, shape: LungShape, grid: Grid, walls: Wall
) -> tuple[Float32Array, UInt8Array, Float32Array]:
    """Paint everything that is not lung.

    Returns
    -------
    hounsfield, tissue, lung : array (z, y, x)
        HU and tissue of what is not lung, and the share of each voxel that is.
    """
    hounsfield = np.full(grid.shape, -1000.0, dtype=np.float32)
    tissue = np.zeros(grid.shape, dtype=np.uint8)
    lung = np.zeros(grid.shape, dtype=np.float32)
    image = (hounsfield, tissue)
    fill_thorax(
        hounsfield,
        tissue,
        lung,
        grid.origin,
        grid.spacing,
        walls.table,
        walls.centre_y,
        walls.sternum,
        shape.bounds,
        abdominal_organs(anatomy, patient, shape.lift),
        noise_tile(patient.anatomy_seed, 3),
        _wall_settings(patient, anatomy),
    )
    for part in shoulder_tubes(anatomy):
        _paint(image, grid, part, keep=_UNDER_SHOULDER.get(part.tissue, ()))
    kept = _marked((*_BELOW, *_BONES, tissues.MUSCLE, tissues.SKIN))
    for organ in shape.organs.ellipsoids:
        if organ.tissue == tissues.HEART:
            paint_ellipsoid(
                *image, kept, grid.origin, grid.spacing, organ.centre, organ.axes, organ.tissue, organ.hounsfield
            )
    for tube in shape.organs.tubes:
        if tube.tissue != tissues.FAT:
            _paint(image, grid, tube, keep=(*_BONES, tissues.MUSCLE, tissues.LIVER))
    levels = vertebral_levels(anatomy)
    paint_spine(*image, grid.origin, grid.spacing, levels, LEVEL * anatomy.scale[0], anatomy.bone)
    lung[np.isin(tissue, tissues.LABELS["bone"])] = 0.0  # bone stays bone whatever the lung does
    return hounsfield, tissue, lung


def _marked(codes: tuple[int, ...]) -> UInt8Array:
    marks = np.zeros(256, dtype=np.uint8)
    marks[list(codes)] = 1
    return marks


def _paint(image: tuple[Float32Array, UInt8Array], grid: Grid, tube: Tube, keep: tuple[int, ...]) -> None:
    kept = _marked(keep)
    paint_tube(*image, kept, grid.origin, grid.spacing, tube.points, tube.radii, tube.tissue, tube.hounsfield)


def _wall_settings(patient: PhantomPatient, anatomy: Anatomy) -> Float64Array:
    settings = np.zeros(tw.SETTINGS)
    settings[tw.FATTY] = anatomy.fatty_muscle
    settings[tw.BONE_FACTOR] = anatomy.bone
    settings[tw.CALCIFIED] = anatomy.calcification
    settings[tw.SIZE] = anatomy.mean_scale
    settings[tw.FAT_HU] = tissues.HOUNSFIELD[tissues.FAT]
    settings[tw.MUSCLE_HU] = tissues.HOUNSFIELD[tissues.MUSCLE]
    settings[tw.STRANDS] = 0.22 * min(patient.chest_wall_stiffness, 5.0)
    return settings


def lay_on_table(hounsfield: Float32Array, tissue: UInt8Array, grid: Grid, walls: Wall) -> None:
    """Put a mattress and a curved table top behind the body."""
    back = float((walls.centre_y + walls.table[:, 0, SKIN_OUT]).max())
    y = grid.origin[1] + grid.spacing[1] * np.arange(grid.shape[1])
    x = grid.origin[2] + grid.spacing[2] * np.arange(grid.shape[2])
    surface = back + 14.0 - 0.0011 * x**2
    below = y[:, None] - surface[None, :]
    voxel = float(grid.spacing[1])

    def share(low: float, high: float) -> Float64Array:
        top, bottom = np.minimum(below + voxel / 2, high), np.maximum(below - voxel / 2, low)
        covered: Float64Array = np.clip((top - bottom) / voxel, 0.0, 1.0)
        return covered

    there = np.abs(x)[None, :] < 225.0
    plate = (880.0 * share(0.0, 2.5) + 120.0 * share(2.5, 40.0) + 60.0 * share(-18.0, 0.0)) * there
    rows, columns = np.nonzero(plate > 0)
    free = tissue[:, rows, columns] == tissues.OUTSIDE
    added = np.where(free, plate[rows, columns][None, :].astype(np.float32), np.float32(0))
    hounsfield[:, rows, columns] = np.where(
        free & (hounsfield[:, rows, columns] < -900), hounsfield[:, rows, columns] + added, hounsfield[:, rows, columns]
    )
