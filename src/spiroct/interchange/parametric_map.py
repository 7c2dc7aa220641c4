"""A map of numbers over the scan, such as where an estimate comes from, as a DICOM Parametric Map."""

from __future__ import annotations

from typing import Any

import highdicom as hd
import numpy as np
from pydicom.sr.codedict import codes

from spiroct.imaging.volume import Geometry
from spiroct.interchange import vocabulary
from spiroct.interchange.identity import BODY_PART, Identity
from spiroct.interchange.number_map import NumberMap
from spiroct.interchange.source import SourceSeries, affine_of
from spiroct.types import Float32Array


def parametric_map(numbers: NumberMap, source: SourceSeries, identity: Identity, *, number: int) -> Any:
    """Make the Parametric Map object of a map of numbers, stored as float32.

    Only the box that holds numbers other than zero is stored.

    Parameters
    ----------
    numbers : NumberMap
        On any grid in the scan's frame of reference.
    source : SourceSeries
        Whose study it joins.
    identity : Identity
        UIDs and maker.
    number : int
        Series number.

    Returns
    -------
    highdicom.pm.ParametricMap

    Raises
    ------
    ValueError
        If a number is not finite, or all are zero.
    """
    if not np.isfinite(numbers.values).all():
        raise ValueError(f"the map {numbers.name} holds numbers that are not finite")
    values, geometry = _boxed(numbers)
    low, high = float(values.min()), float(values.max())
    mapping = hd.pm.RealWorldValueMapping(
        lut_label=numbers.unit[:16],
        lut_explanation=numbers.meaning[:64],
        unit=vocabulary.unit(numbers.unit),
        value_range=(low, high),
        slope=1.0,
        intercept=0.0,
        quantity_definition=vocabulary.own(numbers.name.upper()[:16], numbers.meaning),
    )
    volume = hd.Volume(
        values.astype(np.float32),
        affine=affine_of(geometry),
        coordinate_system="PATIENT",
        frame_of_reference_uid=source.frame_of_reference,
    )
    made = hd.pm.ParametricMap(
        source_images=source.slices,
        pixel_array=volume,
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[mapping],
        voi_lut_transformations=[_window(low, high)],
        content_label="MAP",
        content_description=numbers.meaning[:64],
        series_description=identity.described(f"spiroct {numbers.name}"),
        derivation=codes.DCM.ImageProcessing,
        **identity.equipment(f"map-{numbers.name}", number),
    )
    made.BodyPartExamined = BODY_PART
    return made


def _window(low: float, high: float) -> Any:
    """Show all numbers; a width below 1, usual here, needs the exact linear function (PS3.3 C.11.2.1.3.2)."""
    return hd.VOILUTTransformation(
        window_center=(low + high) / 2, window_width=high - low or 1.0, voi_lut_function="LINEAR_EXACT"
    )


def _boxed(numbers: NumberMap) -> tuple[Float32Array, Geometry]:
    """Cut the array to the box that holds something, its geometry with it."""
    box = []
    for axis in range(3):
        inside = np.flatnonzero(numbers.values.any(axis=tuple(a for a in range(3) if a != axis)))
        if inside.size == 0:
            raise ValueError(f"the map {numbers.name} holds nothing but zeros")
        box.append(slice(int(inside[0]), int(inside[-1]) + 1))
    values = np.ascontiguousarray(numbers.values[tuple(box)])
    corner = numbers.geometry.point((float(box[0].start), float(box[1].start), float(box[2].start)))
    geometry = Geometry(
        shape=(values.shape[0], values.shape[1], values.shape[2]),
        spacing=numbers.geometry.spacing,
        origin=(float(corner[0]), float(corner[1]), float(corner[2])),
        direction=numbers.geometry.direction,
    )
    return values, geometry
