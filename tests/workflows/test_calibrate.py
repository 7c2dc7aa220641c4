"""``spiroct calibrate``: intervals from patients that no network saw, networks as they were."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from spiroct.checkpoints.checkpoint import Checkpoint, Member, TargetScaler, half_precision
from spiroct.checkpoints.error_model import ErrorModel
from spiroct.checkpoints.intervals import ENSEMBLE, ConformalScores
from spiroct.cli.main import main
from spiroct.errors import InputError
from spiroct.inference.engines.engine import make_engine
from spiroct.inference.engines.openvino_runtime import has_bfloat16
from spiroct.inference.engines.precision import Deviation
from spiroct.networks.build import network_of
from spiroct.pft.measures import Measure
from spiroct.preprocessing.recipe import InputRecipe
from spiroct.quality.acquisition import TrainingDomain
from spiroct.workflows.calibrate import calibrate
from spiroct.workflows.predict_cohort import predict_cohort

PATIENTS = 32
NETWORK = {"name": "resnet3d", "width": 4, "depths": [0, 1]}
HOME = ConformalScores(
    "TLC", ErrorModel((), (0.0,), (99.0,), (0.0, 0.0), (0.0, 0.0)), (0, 1) * 20, tuple(np.linspace(-0.1, 0.1, 40))
)


@pytest.fixture(scope="module")
def cohort(box_patients: Callable[[int], pd.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the table of a few patients."""
    path = tmp_path_factory.mktemp("calibrate") / "cohort.csv"
    box_patients(PATIENTS).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an ensemble of two untrained networks, whose intervals are far too narrow."""
    members = []
    for fold in (1, 2):
        torch.manual_seed(fold)
        state = network_of(NETWORK, outputs=4).state_dict()
        weights = half_precision({name: value.numpy() for name, value in state.items()})
        members.append(Member(fold, TargetScaler((5.5, 2.6, 3.3, 4.9), (1.9, 0.8, 1.0, 1.2)), weights))
    made = Checkpoint(
        name="untrained",
        architecture=NETWORK,
        recipe=InputRecipe(spacing_mm=12.0, patch=(24, 24, 32), crop="lung-centre"),
        measures=tuple(Measure),
        members=tuple(members),
        training_domain=TrainingDomain(None, None, sharp_kernels=None, contrast=None),
        trained_on="nothing",
        intended_use="tests",
        demonstration_only=True,
        provenance={"cohort_sha256": "0" * 64},
        intervals=(HOME,),
    )
    folder = tmp_path_factory.mktemp("model")
    made.save(folder / "home")
    replace(made, intervals=()).save(folder / "bare")
    return folder


def first(cohort: Path, count: int, path: Path) -> Path:
    """Write the table of the first patients elsewhere."""
    pd.read_csv(cohort).head(count).to_csv(path, index=False)
    return path


def test_errors_are_those_of_what_predict_says(cohort: Path, model: Path, tmp_path: Path) -> None:
    found = calibrate(cohort, out=tmp_path / "out", model=str(model / "home"))
    (scores,) = found.intervals
    assert scores.member == (ENSEMBLE,) * PATIENTS
    assert scores.errors == HOME.errors
    two = first(cohort, 2, tmp_path / "two.csv")
    predict_cohort(two, out=tmp_path / "predicted", model=str(model / "home"), vessels=False, force=True)
    table = pd.read_csv(tmp_path / "predicted/predictions.csv")
    table = table[(table["measure"] == "TLC") & (table["quantity"] == "absolute")]
    assert scores.score[:2] == pytest.approx(list(table["measured"] - table["estimated"]), abs=1e-3)


def test_the_networks_stay_to_the_byte_and_the_card_tells(cohort: Path, model: Path, tmp_path: Path) -> None:
    calibrate(cohort, out=tmp_path / "out", model=str(model / "home"), keep=True)
    for name in ("weights-1.safetensors", "weights-2.safetensors"):
        assert (tmp_path / "out/checkpoint" / name).read_bytes() == (model / "home" / name).read_bytes()
    found = Checkpoint.load(tmp_path / "out/checkpoint")
    assert found.intervals[0].score[:40] == HOME.score
    assert len(found.intervals[0].score) == 40 + PATIENTS
    facts = found.provenance["calibration"]
    assert facts["patients"] == PATIENTS
    assert facts["interval_coverage_before"]["TLC"]["n"] == PATIENTS
    assert facts["interval_coverage_before"]["TLC"]["share"] < 0.5


def test_a_checkpoint_without_intervals_gets_them(
    cohort: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["calibrate", str(cohort), "--model", str(model / "bare"), "--out", str(tmp_path / "out")])
    assert end.value.code == 0
    assert str(tmp_path / "out/checkpoint") in capsys.readouterr().out
    found = Checkpoint.load(tmp_path / "out/checkpoint")
    assert {scores.quantity for scores in found.intervals} == {"DLCO", "FEV1", "FVC", "TLC", "FEV1/FVC", "FVC/DLCO"}
    assert set(found.intervals[0].member) == {ENSEMBLE}


def test_the_training_table_and_too_few_patients_are_refused(cohort: Path, model: Path, tmp_path: Path) -> None:
    digest = hashlib.sha256(cohort.read_bytes()).hexdigest()
    replace(Checkpoint.load(model / "home"), provenance={"cohort_sha256": digest}).save(tmp_path / "own")
    with pytest.raises(InputError, match="trained on"):
        calibrate(cohort, out=tmp_path / "out", model=str(tmp_path / "own"))
    with pytest.raises(InputError, match="fewer than 19"):
        calibrate(first(cohort, 12, tmp_path / "few.csv"), out=tmp_path / "out", model=str(model / "home"))
    assert not (tmp_path / "out").exists()


def test_bfloat16_is_recorded_and_then_the_default_or_not(
    cohort: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match="32 at least"):
        calibrate(
            first(cohort, 20, tmp_path / "few.csv"), out=tmp_path / "few", model=str(model / "home"), bfloat16=True
        )
    if not has_bfloat16():
        pytest.skip("this processor has no bfloat16")
    words = ["calibrate", str(cohort), "--model", str(model / "home"), "--out", str(tmp_path / "out"), "--bfloat16"]
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 0
    found = Checkpoint.load(tmp_path / "out/checkpoint")
    change = Deviation(**found.provenance["bfloat16"])
    assert change.scans == PATIENTS
    assert 0 < change.rms <= change.maximum < 0.1  # of an SD: a slip of units or of the reference would be far off
    precision = "bfloat16" if change.negligible else "float32"
    assert make_engine("auto", found).description.endswith(precision)
    told = "the default from now on" if change.negligible else "to be chosen only"
    assert told in capsys.readouterr().out
