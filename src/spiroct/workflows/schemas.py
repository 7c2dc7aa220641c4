"""JSON schemas of the documents that spiroct writes, generated from the classes behind them."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from spiroct.attribution import explanation
from spiroct.attribution.accounting import RegionAccount
from spiroct.biomarkers.ild import GohStage
from spiroct.documents import write_json
from spiroct.imaging.acquisition import Acquisition
from spiroct.inference import prediction
from spiroct.pft.demographics import Demographics
from spiroct.pft.measures import Measure
from spiroct.pft.reference import Interpretation
from spiroct.quality.verdict import Verdict
from spiroct.workflows import biomarkers, reference

DRAFT = "https://json-schema.org/draft/2020-12/schema"
NUMBER_OR_NULL = {"type": ["number", "null"]}
TEXT_OR_NULL = {"type": ["string", "null"]}


def schemas() -> dict[str, dict[str, Any]]:
    """Build every schema, by the name of its file."""
    return {
        "biomarkers.schema.json": _biomarkers(),
        "explanation.schema.json": _explanation(),
        "prediction.schema.json": _prediction(),
        "reference.schema.json": _reference(),
        "run.schema.json": _run(),
    }


def main() -> None:
    """Write the schemas into the package."""
    home = Path(str(files("spiroct"))) / "schemas"
    home.mkdir(exist_ok=True)
    for name, schema in schemas().items():
        write_json(home / name, schema)


def _prediction() -> dict[str, Any]:
    interpreted = _with_unit(_of(prediction.Interpreted))
    point = {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3}
    geometry = _object(
        {
            "shape": {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 3, "maxItems": 3},
            "spacing": point,
            "origin": point,
            "direction": {"type": "array", "items": point, "minItems": 3, "maxItems": 3},
            "axes": {"type": "string"},
        }
    )
    demographics = _of(Demographics)
    demographics["properties"]["source"] = {"type": "object", "additionalProperties": {"type": "string"}}
    value = _object({"value": NUMBER_OR_NULL, "unit": {"type": "string"}})
    return _document(
        prediction.SCHEMA,
        prediction.SCHEMA_VERSION,
        {
            "scan_id": {"type": "string"},
            "input": _object({"acquisition": _of(Acquisition), "geometry": geometry, "demographics": demographics}),
            "model": _of(prediction.ModelLine),
            "estimates": _object({m.value: interpreted for m in Measure}, required=[]),
            "measured": _object({m.value: interpreted for m in Measure}, required=[]),
            "derived": {"type": "object", "additionalProperties": _of(prediction.Derived)},
            "baselines": {
                "type": "object",
                "additionalProperties": _object(
                    {
                        "meaning": {"type": "string"},
                        "reason": TEXT_OR_NULL,
                        "values": {"type": "object", "additionalProperties": value},
                    }
                ),
            },
            "biomarkers": _regions(),
            "quality": {"type": "array", "items": _of(Verdict)},
            "overrides": {"type": "array", "items": {"type": "string"}},
            "interpretation": {"enum": ["demonstration only", "research use only"]},
            "pattern": TEXT_OR_NULL,
            "severity": TEXT_OR_NULL,
            "pattern_reason": TEXT_OR_NULL,
            "versions": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    )


def _explanation() -> dict[str, Any]:
    row = _of(RegionAccount)
    region = _object({name: kind for name, kind in row["properties"].items() if name != "region"})
    numbers = {"type": "array", "items": {"type": "number"}, "minItems": 1}
    text = {"type": "string"}
    verdict = _object(
        {"believable": {"type": "boolean"}, "summary": text, "checks": {"type": "array", "items": _of(Verdict)}}
    )
    measure = _object(
        {
            **dict.fromkeys(("unit", "method", "layer", "file"), text),
            **{name: {"type": "number"} for name in ("estimate", "bias", "completeness_error")},
            "members": _object({"estimate": numbers, "bias": numbers}),
            "passes": {"type": "integer", "minimum": 0},
            "regions": {"type": "object", "additionalProperties": region},
            "ablation": {
                "type": "object",
                "additionalProperties": _object(
                    {"change": {"type": "number"}, "lower": NUMBER_OR_NULL, "upper": NUMBER_OR_NULL}
                ),
            },
            "verdict": verdict,
        }
    )
    return _document(
        explanation.SCHEMA,
        explanation.SCHEMA_VERSION,
        {
            "scan_id": text,
            "model": _of(prediction.ModelLine),
            "interpretation": {"enum": ["demonstration only", "research use only"]},
            "how_to_read": text,
            "how_not_to_read": text,
            "measures": _object({m.value: measure for m in Measure}, required=[]),
            "quality": {"type": "array", "items": _of(Verdict)},
            "overrides": {"type": "array", "items": text},
            "versions": {"type": "object", "additionalProperties": text},
        },
    )


def _biomarkers() -> dict[str, Any]:
    made = ("airways", "lobes", "lungs", "vessels")
    return _document(
        biomarkers.SCHEMA,
        biomarkers.SCHEMA_VERSION,
        {
            "scan_id": {"type": "string"},
            "grid": {"type": "string"},
            "biomarkers": _regions(),
            "goh": {"anyOf": [_of(GohStage), {"type": "null"}]},
            "other_grids": {"type": "object", "additionalProperties": _regions()},
            "masks": _object({name: {"type": "string"} for name in made}),
            "quality": {"type": "array", "items": _of(Verdict)},
            "overrides": {"type": "array", "items": {"type": "string"}},
            "versions": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    )


def _regions() -> dict[str, Any]:
    biomarker = _object({"value": NUMBER_OR_NULL, "unit": {}, "grid": {"type": "string"}, "reason": TEXT_OR_NULL})
    return {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": biomarker}}


def _reference() -> dict[str, Any]:
    return _document(
        reference.SCHEMA,
        reference.SCHEMA_VERSION,
        {
            "demographics": _of(Demographics),
            "measures": _object({m.value: _of(Interpretation) for m in Measure}),
            "derived": {"type": "object", "additionalProperties": _of(Interpretation)},
            "pattern": TEXT_OR_NULL,
            "pattern_reason": TEXT_OR_NULL,
            "severity": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    )


def _run() -> dict[str, Any]:
    from spiroct import run_folder

    return _document(
        run_folder.SCHEMA,
        run_folder.SCHEMA_VERSION,
        {
            "verb": {"type": "string"},
            "arguments": {"type": "object"},
            "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "files": {"type": "array", "items": {"type": "string"}},
            "facts": {"type": "object"},
        },
    )


def _document(name: str, version: int, properties: dict[str, Any]) -> dict[str, Any]:
    head = {"schema": {"const": name}, "schema_version": {"const": version}}
    return {"$schema": DRAFT, "title": name, **_object({**head, **properties})}


def _object(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    names = sorted(properties) if required is None else required
    return {"type": "object", "properties": properties, "required": names, "additionalProperties": False}


def _of(kind: type) -> dict[str, Any]:
    """Build the schema of a dataclass as it stands in a document: every field is there, nothing else is."""
    schema = TypeAdapter(kind).json_schema()
    definitions = schema.pop("$defs", {})
    resolved: dict[str, Any] = _inline(schema, definitions)
    return _object(resolved["properties"])


def _inline(node: Any, definitions: dict[str, Any]) -> Any:
    """Put definitions where they are used, and drop what only tells of defaults and titles."""
    if isinstance(node, dict):
        if "$ref" in node:
            return _inline(definitions[node["$ref"].rsplit("/", 1)[1]], definitions)
        return {k: _inline(v, definitions) for k, v in node.items() if k not in {"default", "title", "description"}}
    if isinstance(node, list):
        return [_inline(v, definitions) for v in node]
    return node


def _with_unit(schema: dict[str, Any]) -> dict[str, Any]:
    return _object({**schema["properties"], "unit": {"type": "string"}})


if __name__ == "__main__":
    main()
