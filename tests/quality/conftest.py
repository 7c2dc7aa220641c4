"""A simulated chest with its true lungs, and damages done to both."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from spiroct.imaging.acquisition import Acquisition
from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.phantom.draws import draw_patient
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


@pytest.fixture(scope="session")
def chest() -> Chest:
    """Return a simulated patient at 3 mm; not to be changed in place."""
    phantom = render(draw_patient(0, 3), spacing=3.0)
    geometry = Geometry(phantom.hu.shape, phantom.spacing)
    hu = phantom.hu.astype(np.float32)
    hu[hu < -1500] = -1000.0  # as the readers do with padding
    return Chest(
        CTVolume(hu, geometry, Acquisition(format="DICOM")), LabelMap(phantom.labels["lungs"], geometry), phantom.labels
    )
