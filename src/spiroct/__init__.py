"""spiroct: pulmonary function (DLCO, FEV1, FVC, TLC) estimated from a chest CT. Research use only."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from spiroct.imaging.reading import read_ct
    from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
    from spiroct.inference.prediction import Prediction
    from spiroct.inference.predictor import Predictor
    from spiroct.pft.demographics import Demographics
    from spiroct.pft.measures import Measure
    from spiroct.workflows.calibrate import calibrate
    from spiroct.workflows.evaluate import evaluate
    from spiroct.workflows.explain import explain
    from spiroct.workflows.predict import predict
    from spiroct.workflows.reference import reference
    from spiroct.workflows.report import report
    from spiroct.workflows.segment import segment
    from spiroct.workflows.simulate import simulate_cohort, simulate_patient
    from spiroct.workflows.train import train

# Public name -> module that owns it. Loaded on first use, so that `import spiroct` costs nothing.
_HOMES = {
    "CTVolume": "spiroct.imaging.volume",
    "Demographics": "spiroct.pft.demographics",
    "Geometry": "spiroct.imaging.volume",
    "LabelMap": "spiroct.imaging.volume",
    "Measure": "spiroct.pft.measures",
    "Prediction": "spiroct.inference.prediction",
    "Predictor": "spiroct.inference.predictor",
    "calibrate": "spiroct.workflows.calibrate",
    "evaluate": "spiroct.workflows.evaluate",
    "explain": "spiroct.workflows.explain",
    "predict": "spiroct.workflows.predict",
    "read_ct": "spiroct.imaging.reading",
    "reference": "spiroct.workflows.reference",
    "report": "spiroct.workflows.report",
    "segment": "spiroct.workflows.segment",
    "simulate_cohort": "spiroct.workflows.simulate",
    "simulate_patient": "spiroct.workflows.simulate",
    "train": "spiroct.workflows.train",
}

__all__ = [
    "CTVolume",
    "Demographics",
    "Geometry",
    "LabelMap",
    "Measure",
    "Prediction",
    "Predictor",
    "__version__",
    "calibrate",
    "evaluate",
    "explain",
    "predict",
    "read_ct",
    "reference",
    "report",
    "segment",
    "simulate_cohort",
    "simulate_patient",
    "train",
]


def __getattr__(name: str) -> Any:
    """Load a public name from the room that owns it (PEP 562)."""
    try:
        home = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module 'spiroct' has no attribute {name!r}") from None
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted(__all__)
