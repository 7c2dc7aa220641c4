"""One simulated patient's result in every form, and small scans stored along any axes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from spiroct.imaging.acquisition import Acquisition
from spiroct.imaging.orientation import as_matrix3
from spiroct.imaging.reading import read_ct
from spiroct.imaging.volume import CTVolume, Geometry
from spiroct.imaging.writing import write_dicom_series
from spiroct.interchange.source import read_source
from spiroct.phantom.physiology import draw_patient
from spiroct.phantom.render import render
from spiroct.workflows.predict import predict

PERSON: dict[str, Any] = {"sex": "F", "age": 53.4, "height": 168.0}
COSINES = {
    "as scanners store it": ((1, 0, 0), (0, 1, 0)),
    "mirrored rows": ((-1, 0, 0), (0, 1, 0)),
    "mirrored columns": ((1, 0, 0), (0, -1, 0)),
    "prone": ((-1, 0, 0), (0, -1, 0)),
    "turned in the plane": ((0, 1, 0), (1, 0, 0)),
}


def oblique() -> tuple[np.ndarray, np.ndarray]:
    """Row and column cosines turned by 20 and 12 degrees about two axes."""
    a, b = np.radians(20), np.radians(12)
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    turn = about_z @ about_x
    return turn[:, 0], turn[:, 1]


@pytest.fixture(scope="session")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a simulated chest at 4 mm as a DICOM folder; not to be changed."""
    phantom = render(draw_patient(0, 3), spacing=4.0)
    geometry = Geometry(shape=phantom.hu.shape, spacing=phantom.spacing, origin=(-200.0, -150.0, -900.0))
    volume = CTVolume(phantom.hu.astype(np.float32), geometry, Acquisition(slice_thickness_mm=4.0, kernel="soft"))
    folder = tmp_path_factory.mktemp("interchange") / "scan"
    write_dicom_series(volume, folder, patient_id="SIM-0003", seed_uid="interchange")
    return folder


@pytest.fixture(scope="session")
def result(scan: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of one result with everything in it; not to be changed."""
    out = tmp_path_factory.mktemp("interchange") / "result"
    predict(scan, out=out, **PERSON, fvc=3.1, dicom=True, fhir=True, vessels=False)
    return out


@pytest.fixture
def stored_along(tmp_path: Path) -> Callable[[str], tuple[Path, CTVolume, Any]]:
    """Return a way to store a small body with a bright spot along named cosines: folder, scan and headers."""

    def store(name: str) -> tuple[Path, CTVolume, Any]:
        row, column = oblique() if name == "oblique" else map(np.asarray, COSINES[name])
        hu = np.full((24, 30, 36), -1000.0, np.float32)
        hu[3:21, 4:26, 5:31] = 40.0
        hu[5:8, 7:11, 9:15] = 700.0  # no symmetry left
        hu[8, 8, 9] = 650.0
        direction = np.stack([np.cross(row, column), column, row], axis=1)
        geometry = Geometry(hu.shape, (2.5, 1.25, 0.9375), (-30.0, -55.0, -400.0), as_matrix3(direction))
        folder = tmp_path / "series"
        write_dicom_series(CTVolume(hu, geometry), folder, patient_id="T1", seed_uid=name)
        volume = read_ct(folder)
        return folder, volume, read_source(folder, volume.acquisition.series_uid)

    return store


def bright_points(folder: Path) -> set[tuple[float, float, float]]:
    """LPS points of the voxels above 300 HU, from the slices' own headers and pixels."""
    points = []
    for file in folder.iterdir():
        d = pydicom.dcmread(file)
        for r, c in np.argwhere(d.pixel_array * float(d.RescaleSlope) + float(d.RescaleIntercept) > 300):
            points.append(plane_point(d.ImagePositionPatient, d.ImageOrientationPatient, d.PixelSpacing, r, c))
    return set(points)


def plane_point(position: Any, cosines: Any, spacing: Any, row: int, column: int) -> tuple[float, float, float]:
    """LPS point of a pixel after PS3.3 C.7.6.2.1.1, rounded to a hundredth of a millimetre."""
    p, o = np.asarray(position, float), np.asarray(cosines, float)
    point = p + o[:3] * float(spacing[1]) * column + o[3:] * float(spacing[0]) * row
    return tuple(np.round(point, 2) + 0.0)  # type: ignore[return-value]


def frame_points(made: Any, frames: np.ndarray) -> dict[tuple[float, float, float], float]:
    """LPS points and numbers of all pixels that are not zero, from a multi-frame object's own headers."""
    shared, found = made.SharedFunctionalGroupsSequence[0], {}
    for number, frame in enumerate(frames.reshape(-1, *frames.shape[-2:])):
        own = made.PerFrameFunctionalGroupsSequence[number]

        def group(keyword: str, own: Any = own) -> Any:
            return (own if keyword in own else shared)[keyword][0]

        cosines = group("PlaneOrientationSequence").ImageOrientationPatient
        spacing = group("PixelMeasuresSequence").PixelSpacing
        position = group("PlanePositionSequence").ImagePositionPatient
        for r, c in np.argwhere(frame):
            found[plane_point(position, cosines, spacing, r, c)] = float(frame[r, c])
    return found
