"""Simulated chests with known lungs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from spiroct.imaging.acquisition import Acquisition
from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.phantom.draws import draw_patient
from spiroct.phantom.render import render


@pytest.fixture(scope="session")
def chest_of() -> Callable[..., tuple[CTVolume, LabelMap]]:
    """Return a maker of simulated chests: patient's index, grid, and causes to change."""

    def make(index: int, spacing: float, **causes: float) -> tuple[CTVolume, LabelMap]:
        patient = draw_patient(77, index).changed(**{name: str(value) for name, value in causes.items()})
        phantom = render(patient, spacing=spacing)
        geometry = Geometry(phantom.hu.shape, tuple(float(s) for s in phantom.spacing))
        volume = CTVolume(phantom.hu.astype(np.float32), geometry, Acquisition(slice_thickness_mm=spacing))
        return volume, LabelMap(phantom.labels["lungs"].astype(np.uint8), geometry)

    return make
