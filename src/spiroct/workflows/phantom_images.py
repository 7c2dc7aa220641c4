"""A rendered patient as the files of a scan: CT volume, label maps and tables of truth."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spiroct.imaging.acquisition import Acquisition
from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.phantom.patient import PhantomPatient
from spiroct.types import AnyArray, Vector3

if TYPE_CHECKING:
    from spiroct.phantom.render import Phantom

# Names as scanners of the two sites would give them; nobody's product.
_KERNELS = {"soft": "SIM-SOFT", "standard": "SIM-STANDARD", "sharp": "SIM-SHARP"}
_TUBE_CURRENT_MA = 140.0  # Jia 2023, II-A: median


def volume_of(patient: PhantomPatient, phantom: Phantom) -> CTVolume:
    """Give the rendered CT its geometry and the header that a scanner would have written."""
    acquisition = Acquisition(
        manufacturer="spiroct",
        scanner=f"simulator, site {patient.site}",
        kernel=_KERNELS[patient.kernel],
        slice_thickness_mm=max(patient.slice_thickness_mm, float(phantom.spacing[0])),
        kvp=120.0,
        tube_current_ma=_TUBE_CURRENT_MA,
        patient_position="HFS",
        sex=patient.sex,
        age=patient.age,
        height_cm=patient.height_cm,
        padding_hu=patient.padding_hu,
        series_description=f"Simulated chest, {patient.kernel} kernel, not a patient",
    )
    return CTVolume(phantom.hu.astype(np.float32), _geometry(phantom), acquisition)


def label_map(phantom: Phantom, structure: str) -> LabelMap:
    """Give a structure's labels the geometry of the CT."""
    return LabelMap(phantom.labels[structure].astype(np.uint8), _geometry(phantom))


def write_table(table: Mapping[str, AnyArray], path: Path) -> None:
    """Write columns of equal length as gzipped CSV; the same table always gives the same bytes."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(table)
    for row in zip(*(np.asarray(column).tolist() for column in table.values()), strict=True):
        writer.writerow([f"{value:.6g}" if isinstance(value, float) else value for value in row])
    with path.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
        packed.write(buffer.getvalue().encode())


def _geometry(phantom: Phantom) -> Geometry:
    """Canonical axes, the scanner's zero in the middle of the volume."""
    shape = phantom.hu.shape
    spacing: Vector3 = tuple(float(s) for s in phantom.spacing)  # type: ignore[assignment]
    z, y, x = (-(n - 1) / 2 * s for n, s in zip(shape, spacing, strict=True))
    return Geometry(shape=shape, spacing=spacing, origin=(x, y, z))  # type: ignore[arg-type]
