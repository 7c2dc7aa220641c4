"""Read a ``prediction.json`` back into a Prediction."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from spiroct.biomarkers.biomarker import Biomarker
from spiroct.errors import InputError
from spiroct.imaging.acquisition import Acquisition
from spiroct.imaging.volume import Geometry
from spiroct.inference.prediction import SCHEMA, SCHEMA_VERSION, Baseline, Derived, Interpreted, ModelLine, Prediction
from spiroct.pft.demographics import Demographics
from spiroct.pft.measures import Measure
from spiroct.quality.verdict import Outcome, Verdict


def read_prediction(path: Path) -> Prediction:
    """Read one scan's prediction; writing it again gives the same document.

    Parameters
    ----------
    path : Path
        A ``prediction.json``.

    Raises
    ------
    InputError
        If it is missing, of another kind or version, or not what the schema says.
    """
    remedy = "name the folder that spiroct predict wrote for one scan"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} is not there", "a result holds prediction.json", remedy) from None
    except (OSError, ValueError) as unreadable:
        raise InputError(f"{path} cannot be read ({unreadable})", "a prediction is a JSON document", remedy) from None
    kind = document.get("schema") if isinstance(document, dict) else None
    if kind != SCHEMA or document.get("schema_version") != SCHEMA_VERSION:
        found = f"{kind} version {document.get('schema_version')}" if kind else "no spiroct document"
        raise InputError(f"{path} is {found}", f"this version reads {SCHEMA} version {SCHEMA_VERSION}", remedy)
    try:
        return _prediction(document)
    except (KeyError, TypeError, ValueError, AttributeError) as broken:
        raise InputError(f"{path} does not follow its schema ({broken!r})", "it was changed by hand", remedy) from None


def _prediction(document: dict[str, Any]) -> Prediction:
    entered = document["input"]
    demographics = dict(entered["demographics"])
    sources = demographics.pop("source")
    geometry = entered["geometry"]
    return Prediction(
        scan_id=document["scan_id"],
        acquisition=Acquisition(**{**entered["acquisition"], "notes": tuple(entered["acquisition"]["notes"])}),
        geometry=Geometry(
            shape=tuple(geometry["shape"]),
            spacing=tuple(geometry["spacing"]),
            origin=tuple(geometry["origin"]),
            direction=tuple(tuple(row) for row in geometry["direction"]),  # type: ignore[arg-type]
        ),
        demographics=Demographics(**demographics),
        demographics_source=sources,
        model=ModelLine(**document["model"]),
        estimates=_interpreted(document["estimates"]),
        measured=_interpreted(document["measured"]),
        derived={name: Derived(**ratio) for name, ratio in document["derived"].items()},
        baselines=tuple(_baseline(name, baseline) for name, baseline in document["baselines"].items()),
        biomarkers=tuple(
            Biomarker(region, name, found["value"], found["unit"], found["grid"], found["reason"])
            for region, names in document["biomarkers"].items()
            for name, found in names.items()
        ),
        quality=tuple(
            Verdict(**{**verdict, "outcome": Outcome(verdict["outcome"])}) for verdict in document["quality"]
        ),
        overrides=tuple(document["overrides"]),
        interpretation=document["interpretation"],
        pattern=document["pattern"],
        severity=document["severity"],
        pattern_reason=document["pattern_reason"],
        versions=document["versions"],
    )


def _interpreted(entries: dict[str, Any]) -> dict[Measure, Interpreted]:
    return {Measure(name): Interpreted(**{k: v for k, v in e.items() if k != "unit"}) for name, e in entries.items()}


def _baseline(name: str, entry: dict[str, Any]) -> Baseline:
    values = {Measure(measure): found["value"] for measure, found in entry["values"].items()}
    return Baseline(name, entry["meaning"], values, entry["reason"])
