"""A prediction written and read again is the same; what is none is refused with a way out."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spiroct.documents import to_json, write_json
from spiroct.errors import InputError
from spiroct.inference.prediction_reading import read_prediction
from spiroct.workflows.predict import predict


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from spiroct.workflows.simulate import simulate_patient

    home = tmp_path_factory.mktemp("reading")
    simulate_patient(home / "patient", seed=3, spacing=5.0)
    predict(home / "patient/ct", out=home / "out", fvc=3.1, force=True)
    return home / "out"


def test_there_and_back(folder: Path) -> None:
    read = read_prediction(folder / "prediction.json")
    assert to_json(read.to_document()) == (folder / "prediction.json").read_text(encoding="utf-8")
    with pytest.raises(dataclasses.FrozenInstanceError):
        read.scan_id = "other"  # type: ignore[misc]


def spoil_schema(document: dict[str, Any]) -> None:
    document["schema"] = "spiroct.run"


def spoil_version(document: dict[str, Any]) -> None:
    document["schema_version"] = 99


def spoil_field(document: dict[str, Any]) -> None:
    del document["estimates"]["FVC"]["value"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [(spoil_schema, "is spiroct.run"), (spoil_version, "version 99"), (spoil_field, "does not follow its schema")],
)
def test_another_document_is_refused(
    spoil: Callable[[dict[str, Any]], None], message: str, folder: Path, tmp_path: Path
) -> None:
    document = json.loads((folder / "prediction.json").read_text(encoding="utf-8"))
    spoil(document)
    write_json(tmp_path / "prediction.json", document)
    with pytest.raises(InputError, match=message):
        read_prediction(tmp_path / "prediction.json")


def test_what_is_not_there_or_no_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not there"):
        read_prediction(tmp_path / "prediction.json")
    (tmp_path / "prediction.json").write_text("nothing")
    with pytest.raises(InputError, match="cannot be read"):
        read_prediction(tmp_path / "prediction.json")
