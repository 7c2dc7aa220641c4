"""Prediction: everything that one scan gave, in the shape of ``prediction.json``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spiroct.biomarkers.biomarker import Biomarker, nested
from spiroct.documents import finite_or_none
from spiroct.imaging.acquisition import Acquisition
from spiroct.imaging.volume import Geometry
from spiroct.pft.demographics import Demographics
from spiroct.pft.measures import Measure
from spiroct.quality.verdict import Verdict

SCHEMA = "spiroct.prediction"
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Interpreted:
    """One absolute value of a measure beside its reference equation.

    Parameters
    ----------
    value : float or None
        In the measure's unit; None with ``reason``.
    lower, upper, level : float or None
        Interval of the estimate and its level (0.9); None with ``interval_reason``.
    predicted, percent_predicted, z_score, lln, uln : float or None
        Reference value, 100 value / predicted, z-score, 5th and 95th percentile; None with ``reason``.
    equation : str or None
        Name of the reference equation, such as ``"GLI-2017 (2020 correction)"``.
    against_lln : str or None
        ``"above"``, ``"below"`` or ``"indeterminate"``.
    reason : str or None
        Why there is no value or no interpretation.
    interval_reason : str or None
        Why there is no interval.
    """

    value: float | None
    lower: float | None = None
    upper: float | None = None
    level: float | None = None
    predicted: float | None = None
    percent_predicted: float | None = None
    z_score: float | None = None
    lln: float | None = None
    uln: float | None = None
    equation: str | None = None
    against_lln: str | None = None
    reason: str | None = None
    interval_reason: str | None = None


@dataclass(frozen=True)
class Derived:
    """A ratio of estimates, such as FEV1/FVC (a fraction) or FVC/DLCO.

    Parameters
    ----------
    value, lln, z_score : float or None
        The ratio, its lower limit of normal and z-score where a reference equation exists.
    lower, upper, level : float or None
        Interval of the ratio and its level (0.9), from residuals of the ratio itself.
    unit : str
        ``"fraction"`` or a quotient of units.
    reason : str or None
        Why something is None.
    """

    value: float | None
    unit: str
    lower: float | None = None
    upper: float | None = None
    level: float | None = None
    lln: float | None = None
    z_score: float | None = None
    equation: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Baseline:
    """A plain alternative to the network's estimate.

    Parameters
    ----------
    name : str
        ``"reference_value"`` (GLI predicted for these demographics), ``"ct_lung_volume"``, or a rung of the ladder that
        was fitted with the checkpoint (:data:`spiroct.checkpoints.baselines.RUNGS`).
    meaning : str
        One sentence for the reader.
    values : dict of Measure to float or None
        In each measure's unit; CT lung volume stands for TLC only.
    reason : str or None
        Why values are missing.
    """

    name: str
    meaning: str
    values: dict[Measure, float | None]
    reason: str | None = None


@dataclass(frozen=True)
class ModelLine:
    """Which checkpoint made the estimates.

    Parameters
    ----------
    name, hash : str
        Name, and SHA-256 of the card, which holds that of the weights.
    trained_on, intended_use : str
        One sentence each, from the checkpoint's card.
    demonstration_only : bool
        True when the network was trained on simulated patients: its estimates say nothing of a patient.
    """

    name: str
    hash: str
    trained_on: str
    intended_use: str
    demonstration_only: bool


@dataclass(frozen=True)
class Prediction:
    """Estimates, interpretation, biomarkers and quality of one scan.

    Parameters
    ----------
    scan_id : str
        From the cohort, the series UID or the file stem; never from a name.
    acquisition, geometry
        What was read, in the scan's own frame.
    demographics : Demographics
        As used.
    demographics_source : dict of str to str
        Where sex, age and height came from: ``"given"``, ``"cohort table"``, ``"DICOM header"`` or ``"missing"``.
    model : ModelLine
        Which checkpoint.
    estimates : dict of Measure to Interpreted
        The network's estimates.
    measured : dict of Measure to Interpreted
        PFTs that the user supplied, if any.
    derived : dict of str to Derived
        ``"FEV1/FVC"`` and ``"FVC/DLCO"``.
    baselines : tuple of Baseline
        Plain alternatives, always shown.
    biomarkers : tuple of Biomarker
        Volumes and densitometry.
    quality : tuple of Verdict
        All checks, also those that passed.
    overrides : tuple of str
        Checks that failed and that ``--force`` let pass.
    interpretation : str
        ``"demonstration only"`` or ``"research use only"``.
    pattern, severity : str or None
        ERS/ATS 2022 pattern and z-score severity of the estimates; None with ``pattern_reason``.
    versions : dict of str to str
        spiroct and what decides the numbers.
    """

    scan_id: str
    acquisition: Acquisition
    geometry: Geometry
    demographics: Demographics
    demographics_source: dict[str, str]
    model: ModelLine
    estimates: dict[Measure, Interpreted]
    measured: dict[Measure, Interpreted]
    derived: dict[str, Derived]
    baselines: tuple[Baseline, ...]
    biomarkers: tuple[Biomarker, ...]
    quality: tuple[Verdict, ...]
    overrides: tuple[str, ...]
    interpretation: str
    pattern: str | None
    severity: str | None
    pattern_reason: str | None
    versions: dict[str, str]

    def to_document(self) -> dict[str, Any]:
        """Plain data of ``prediction.json``: the same inputs give the same bytes, no volatile facts."""
        return {
            "schema": SCHEMA,
            "schema_version": SCHEMA_VERSION,
            "scan_id": self.scan_id,
            "input": {
                "acquisition": _plain(self.acquisition),
                "geometry": {
                    **_plain(self.geometry),
                    "axes": "shape and spacing in array order z, y, x; mm; LPS",
                },
                "demographics": {**_plain(self.demographics), "source": dict(self.demographics_source)},
            },
            "model": _plain(self.model),
            "estimates": {m.value: {"unit": m.unit, **_plain(e)} for m, e in self.estimates.items()},
            "measured": {m.value: {"unit": m.unit, **_plain(e)} for m, e in self.measured.items()},
            "derived": {name: _plain(d) for name, d in self.derived.items()},
            "baselines": {b.name: _baseline(b) for b in self.baselines},
            "biomarkers": nested(self.biomarkers),
            "quality": [_plain(v) for v in self.quality],
            "overrides": list(self.overrides),
            "interpretation": self.interpretation,
            "pattern": self.pattern,
            "severity": self.severity,
            "pattern_reason": self.pattern_reason,
            "versions": dict(self.versions),
        }


def _plain(value: Any) -> Any:
    """Dataclasses to dictionaries; numbers that are not finite to None."""
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return finite_or_none(value)
    return value


def _baseline(baseline: Baseline) -> dict[str, Any]:
    values = {m.value: {"value": finite_or_none(v), "unit": m.unit} for m, v in baseline.values.items()}
    return {"meaning": baseline.meaning, "reason": baseline.reason, "values": values}
