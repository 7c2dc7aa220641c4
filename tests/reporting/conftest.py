"""Example predictions and a small asymmetric scan for the pages and tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from spiroct.biomarkers.biomarker import Biomarker
from spiroct.imaging.acquisition import Acquisition
from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.inference.prediction import Baseline, Derived, Interpreted, ModelLine, Prediction
from spiroct.pft.demographics import Demographics
from spiroct.pft.measures import Measure
from spiroct.quality.verdict import Outcome, Verdict

SHAPE = (40, 48, 64)
NO_INTERVAL = "this checkpoint carries no residuals to make an interval from"
NO_REFERENCE = "height is missing: the reference equations need sex, age and height"


def _estimates() -> dict[Measure, Interpreted]:
    """A woman of 53.4 years and 168 cm with systemic sclerosis and fibrosis: all volumes and DLCO low."""
    none = {"interval_reason": NO_INTERVAL}
    return {
        Measure.DLCO: Interpreted(
            4.62, predicted=7.70, percent_predicted=60.0, z_score=-3.05, lln=5.86, uln=9.95,
            equation="GLI-2017 (2020 correction)", against_lln="below", **none,
        ),
        Measure.FEV1: Interpreted(
            2.11, predicted=2.82, percent_predicted=74.8, z_score=-1.79, lln=2.17, uln=3.44,
            equation="GLI Global 2022", against_lln="below", **none,
        ),
        Measure.FVC: Interpreted(
            2.49, predicted=3.55, percent_predicted=70.1, z_score=-2.02, lln=2.69, uln=4.40,
            equation="GLI Global 2022", against_lln="below", **none,
        ),
        Measure.TLC: Interpreted(
            4.05, predicted=5.42, percent_predicted=74.7, z_score=-2.31, lln=4.41, uln=6.49,
            equation="GLI-2021", against_lln="below", **none,
        ),
    }  # fmt: skip


def _biomarkers() -> tuple[Biomarker, ...]:
    values = {
        "volume": ("L", (3.87, 2.09, 1.78)),
        "mean_density": ("HU", (-742.0, -748.0, -735.0)),
        "perc15": ("HU", (-905.0, -908.0, -901.0)),
        "perc85": ("HU", (-561.0, -575.0, -540.0)),
        "laa950": ("%", (1.2, 1.4, 1.0)),
        "mass": ("kg", (0.998, 0.527, 0.472)),
    }
    regions = ("lungs", "right_lung", "left_lung")
    return tuple(
        Biomarker(region, name, value, unit, "1.5 mm")
        for name, (unit, numbers) in values.items()
        for region, value in zip(regions, numbers, strict=True)
    )


def _quality() -> tuple[Verdict, ...]:
    return (
        Verdict("slice_thickness", Outcome.PASS, "2.5 mm", "at most 3 mm", "Fine vessels are resolved"),
        Verdict(
            "contrast", Outcome.WARN, "contrast agent named", "no contrast in the training domain",
            "Contrast agent makes vessels and lung denser than those the network learned from",
            "Prefer a series without contrast where there is one",
        ),
        Verdict("lungs_complete", Outcome.PASS, None, "both lungs inside the scan", "The lungs are whole"),
        Verdict("lung_volume", Outcome.PASS, 3.87, "1 to 10 L", "The outlines hold a believable volume"),
    )  # fmt: skip


def _prediction() -> Prediction:
    estimates = _estimates()
    return Prediction(
        scan_id="series-3f1c09a2b7de",
        acquisition=Acquisition(
            format="DICOM", series_uid="1.2.3", series_description="THORAX 2.5 STANDARD", slices=SHAPE[0],
            manufacturer="GE MEDICAL SYSTEMS", scanner="LightSpeed Plus", kernel="STANDARD",
            slice_thickness_mm=2.5, kvp=120.0, tube_current_ma=300.0, contrast="APPLIED",
            patient_position="HFS", sex="F", age=53.0, padding_hu=-2048.0, choice="the only CT series",
        ),
        geometry=Geometry(SHAPE, (5.0, 4.0, 4.0)),
        demographics=Demographics("F", 53.4, 168.0),
        demographics_source={"sex": "DICOM header", "age": "given", "height": "given"},
        model=ModelLine(
            "demonstration-simulated", "3b" * 32, "2,000 simulated patients of spiroct's phantom",
            "To show how spiroct works, never to judge a patient", demonstration_only=True,
        ),
        estimates=estimates,
        measured={},
        derived={
            "FEV1/FVC": Derived(0.847, "fraction", lln=0.69, z_score=0.95, equation="GLI Global 2022"),
            "FVC/DLCO": Derived(None, "L/(mmol/min/kPa)", reason="no reference equation"),
        },
        baselines=(
            Baseline(
                "reference_value", "What a healthy person of this sex, age and height would have",
                {m: e.predicted for m, e in estimates.items()},
            ),
            Baseline(
                "ct_lung_volume", "The volume of the lungs on this CT, a plain stand-in for TLC",
                {Measure.TLC: 3.87},
            ),
        ),
        biomarkers=_biomarkers(),
        quality=_quality(),
        overrides=(),
        interpretation="demonstration only",
        pattern=None,
        severity=None,
        pattern_reason="without an interval nobody can tell on which side of the limit it lies",
        versions={"spiroct": "0.1.0", "numpy": "2.3.0", "torch": "2.13.0"},
    )  # fmt: skip


@pytest.fixture
def make_prediction() -> Callable[..., Prediction]:
    """Make the example patient, with any field replaced."""

    def make(**changes: Any) -> Prediction:
        return dataclasses.replace(_prediction(), **changes)

    return make


@pytest.fixture
def without_reference(make_prediction: Callable[..., Prediction]) -> Prediction:
    """The same scan without a height: absolute estimates only."""
    bare = {m: Interpreted(e.value, reason=NO_REFERENCE, interval_reason=NO_INTERVAL) for m, e in _estimates().items()}
    return make_prediction(
        demographics=Demographics("F", 53.4, None),
        demographics_source={"sex": "DICOM header", "age": "given", "height": "missing"},
        estimates=bare,
        baselines=(Baseline("reference_value", "Predicted", dict.fromkeys(Measure), NO_REFERENCE),),
    )


@pytest.fixture
def trained_on_patients(make_prediction: Callable[..., Prediction]) -> Prediction:
    """A network of real patients, with intervals, a pattern and the measured values supplied."""
    estimates = {
        m: dataclasses.replace(
            e,
            lower=e.value - 0.5,
            upper=e.value + 0.6,
            level=0.9,
            interval_reason=None,
            against_lln="indeterminate",
        )
        for m, e in _estimates().items()
        if e.value is not None
    }
    measured = {
        m: dataclasses.replace(e, value=e.value * 1.04, percent_predicted=e.percent_predicted * 1.04, z_score=-1.5)
        for m, e in _estimates().items()
        if e.value is not None and e.percent_predicted is not None
    }
    model = ModelLine(
        "lumc-ssc", "ab" * 32, "252 patients with systemic sclerosis", "Research", demonstration_only=False
    )
    return make_prediction(
        model=model, estimates=estimates, measured=measured, interpretation="research use only",
        pattern="restriction", severity="mild", pattern_reason=None,
    )  # fmt: skip


@pytest.fixture
def small_scan() -> tuple[CTVolume, LabelMap]:
    """A canonical scan: right lung large and dark, left one small, a bright spine at the back."""
    hu = np.full(SHAPE, 40.0, np.float32)
    labels = np.zeros(SHAPE, np.uint8)
    z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    right = ((z - 20) / 15) ** 2 + ((y - 22) / 15) ** 2 + ((x - 18) / 12) ** 2 < 1
    left = ((z - 22) / 11) ** 2 + ((y - 22) / 11) ** 2 + ((x - 46) / 8) ** 2 < 1
    labels[right], labels[left] = 1, 2
    hu[right], hu[left] = -900.0, -800.0
    hu[:, 42:46, 30:34] = 1000.0
    geometry = Geometry(SHAPE, (5.0, 4.0, 4.0))
    return CTVolume(hu, geometry, Acquisition()), LabelMap(labels, geometry)
