"""A simulated chest with its true lungs, and damages done to both."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from spiroct.imaging.acquisition import Acquisition
from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.phantom.draws import draw_patient
from spiroct.phantom.patient import PhantomPatient
from spiroct.phantom.render import render


@dataclass(frozen=True, eq=False)
class Chest:
    """A scan, its lungs (1 right, 2 left) and the other labels of the simulator."""

    volume: CTVolume
    lungs: LabelMap
    labels: dict[str, np.ndarray]

    def masked(self, labels: np.ndarray) -> Chest:
        """Return the same scan with another mask."""
        return replace(self, lungs=LabelMap(labels.astype(np.uint8), self.lungs.geometry))

    def shown(self, hu: np.ndarray) -> Chest:
        """Return the same mask on another image."""
        return replace(self, volume=replace(self.volume, hu=hu.astype(np.float32)))

    def cropped(self, box: tuple[slice, ...]) -> Chest:
        """Cut scan, mask and labels to a box."""
        hu = np.ascontiguousarray(self.volume.hu[box])
        geometry = Geometry(hu.shape, self.volume.geometry.spacing)
        mask = np.ascontiguousarray(self.lungs.labels[box])
        labels = {name: values[box] for name, values in self.labels.items()}
        return Chest(CTVolume(hu, geometry, self.volume.acquisition), LabelMap(mask, geometry), labels)


def rendered(patient: PhantomPatient, spacing: float) -> Chest:
    """Render a patient, with padding as the readers leave it."""
    phantom = render(patient, spacing=spacing)
    geometry = Geometry(phantom.hu.shape, phantom.spacing)
    hu = phantom.hu.astype(np.float32)
    hu[hu < -1500] = -1000.0
    return Chest(
        CTVolume(hu, geometry, Acquisition(format="DICOM")), LabelMap(phantom.labels["lungs"], geometry), phantom.labels
    )


@pytest.fixture(scope="session")
def chest() -> Chest:
    """Return a simulated patient at 3 mm; not to be changed in place."""
    return rendered(draw_patient(0, 3), 3.0)


@pytest.fixture(scope="session")
def coarse_chests() -> tuple[Chest, ...]:
    """Return patients at 5 mm whose skin, half air, and table lie at the edge of the image; their lungs do not."""
    return tuple(rendered(draw_patient(5150, i), 5.0) for i in (10, 19, 54))
