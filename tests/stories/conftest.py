"""A user at the command line: type words, read what comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from spiroct.cli.main import main
from spiroct.imaging.acquisition import Acquisition
from spiroct.imaging.volume import CTVolume, Geometry
from spiroct.imaging.writing import write_dicom_series, write_nifti
from spiroct.phantom.physiology import draw_patient
from spiroct.phantom.render import render


@dataclass(frozen=True)
class Answer:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one line of a refusal, without the program's name."""
        (line,) = [line for line in self.err.splitlines() if line.startswith("spiroct: ")]
        return line.removeprefix("spiroct: ")


@pytest.fixture
def spiroct(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Type a command in this process and get its answer."""

    def type_command(*words: str | Path) -> Answer:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(word) for word in words])
        seen = capsys.readouterr()
        return Answer(int(end.value.code or 0), seen.out, seen.err)

    return type_command


@pytest.fixture(scope="session")
def simulated() -> CTVolume:
    """Return a simulated chest at 4 mm, small enough for a test."""
    phantom = render(draw_patient(0, 3), spacing=4.0)
    geometry = Geometry(shape=phantom.hu.shape, spacing=phantom.spacing, origin=(-200.0, -150.0, -900.0))
    return CTVolume(phantom.hu.astype(np.float32), geometry, Acquisition(slice_thickness_mm=4.0, kernel="soft"))


@pytest.fixture(scope="session")
def chest(simulated: CTVolume) -> npt.NDArray[np.int16]:
    """Return the simulated chest as a bare array (z, y, x), HU."""
    return simulated.hu.astype(np.int16)


@pytest.fixture(scope="session")
def dicom_series(simulated: CTVolume, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the simulated chest as a DICOM folder; not to be changed."""
    folder = tmp_path_factory.mktemp("scan") / "series"
    write_dicom_series(simulated, folder, patient_id="SIM-0003", seed_uid="stories")
    return folder


@pytest.fixture(scope="session")
def nifti(simulated: CTVolume, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the simulated chest as a NIfTI file; not to be changed."""
    path = tmp_path_factory.mktemp("scan") / "chest.nii.gz"
    write_nifti(simulated, path)
    return path
