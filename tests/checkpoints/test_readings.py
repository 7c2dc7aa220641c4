"""Readings beside the image: standardised as they were in training, refused where they are missing."""

from __future__ import annotations

import numpy as np
import pytest

from spiroct.biomarkers.biomarker import Biomarker
from spiroct.checkpoints.readings import Covariates, readings_of
from spiroct.errors import InputError


def test_readings_of_a_scan() -> None:
    markers = [Biomarker("lungs", "volume", 4.2, "L", "native"), Biomarker("left_lung", "volume", 2.0, "L", "native")]
    found = readings_of(sex="M", age=50.0, height_cm=None, biomarkers=markers)
    assert found["male"] == 1.0
    assert found["lung_volume"] == 4.2
    assert np.isnan(found["height_cm"])
    assert np.isnan(found["perc85"])


def test_standardised_as_in_training() -> None:
    table = {"age": np.asarray([40.0, 60.0]), "male": np.asarray([1.0, 1.0])}
    covariates = Covariates.fitted(("age", "male"), table)
    np.testing.assert_allclose(covariates.standardised(table), [[-1, 0], [1, 0]])
    np.testing.assert_allclose(covariates.standardised({"age": 70.0, "male": 0.0}), [2.0, -1.0])


def test_a_missing_reading_is_named() -> None:
    covariates = Covariates(("age", "height_cm"), (50.0, 170.0), (10.0, 8.0))
    with pytest.raises(InputError, match="height_cm missing"):
        covariates.standardised({"age": 50.0, "height_cm": float("nan")})
