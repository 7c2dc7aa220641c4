"""A rendered patient as the files of a scan: CT volume, label maps and tables of truth."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spiroct.imaging.acquisition import Acquisition
from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.phantom.patient import PhantomPatient

if TYPE_CHECKING:
    from spiroct.phantom.render import Phantom

# Names as scanners of the two sites would give them; nobody's product.
_KERNELS = {"soft": "SIM-SOFT", "standard": "SIM-STANDARD", "sharp": "SIM-SHARP"}
_VESSEL_KINDS = {1: "artery", 2: "vein"}
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


def write_centre_lines(phantom: Phantom, path: Path) -> None:
    """Write the vessels' segments as gzipped CSV, in the scan's LPS millimetres; the same bytes every time."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([f"{end}_{axis}_mm" for end in ("start", "end") for axis in "xyz"] + ["radius_mm", "kind"])
    for start_z, start_y, start_x, end_z, end_y, end_x, radius, kind in phantom.centre_lines.tolist():
        ends = (start_x, start_y, start_z, end_x, end_y, end_z)
        writer.writerow([*(f"{v:.2f}" for v in ends), f"{radius:.3f}", _VESSEL_KINDS[int(kind)]])
    with path.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
        packed.write(buffer.getvalue().encode())


def rendered_truth(phantom: Phantom) -> dict[str, float]:
    """Say what the voxels hold: lung volume, mass and vessels as painted, each name ending in its unit."""
    return {name: round(float(value), 6) for name, value in phantom.truth.items()}


def _geometry(phantom: Phantom) -> Geometry:
    """Canonical axes: x to the left, y to the back, z to the head; z = 0 at the apex of the lungs."""
    z, y, x = (float(v) for v in phantom.origin)
    return Geometry(shape=phantom.hu.shape, spacing=phantom.spacing, origin=(x, y, z))
