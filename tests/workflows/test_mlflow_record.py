"""What a tracking server is told of a training; with MLflow's file store, where MLflow is installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from spiroct.errors import MissingExtraError, OutputError
from spiroct.workflows.mlflow_record import check_mlflow, record_training

RECIPE = {"name": "tiny", "fit": {"epochs": 2, "augmentation": {"noise_hu": 15.0}}, "aux": None}
RESULTS = {"validation": {"network": {"TLC": {"n": 12, "mae": 0.5, "r": None}}}, "test": {}}


@pytest.fixture
def history(tmp_path: Path) -> Path:
    path = tmp_path / "history.csv"
    path.write_text(
        "fold,epoch,training,validation,validation_mae,learning_rate,seconds,wait_share\n"
        "1,1,0.9,0.8,0.5,0.001,1,0\n1,2,0.6,,,0.001,1,0\n2,1,0.7,0.6,0.4,0.001,1,0\n"
    )
    return path


def test_without_mlflow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingExtraError, match=r"spiroct\[mlflow\]"):
        check_mlflow()


@pytest.mark.filterwarnings("default")  # of MLflow, about its own file store
def test_parameters_losses_and_results_arrive(history: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed: it comes with the extra [mlflow]")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    uri = (tmp_path / "store").as_uri()
    run = record_training(uri, "tiny", RECIPE, RESULTS, history)
    client = mlflow.MlflowClient(tracking_uri=uri)
    found = client.get_run(run)
    assert found.info.status == "FINISHED"
    assert found.data.params == {
        "name": "tiny", "fit.epochs": "2", "fit.augmentation.noise_hu": "15.0", "aux": "None",
    }  # fmt: skip
    assert found.data.metrics["validation.network.TLC.mae"] == 0.5
    assert "validation.network.TLC.r" not in found.data.metrics
    losses = [(m.step, m.value) for m in client.get_metric_history(run, "fold-1.training")]
    assert sorted(losses) == [(1, 0.9), (2, 0.6)]
    again = record_training(uri, "tiny", RECIPE, RESULTS, history)
    assert again != run
    assert client.get_run(again).info.experiment_id == found.info.experiment_id


@pytest.mark.filterwarnings("default")
def test_a_store_that_cannot_be_written_is_told(history: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow", reason="MLflow is not installed: it comes with the extra [mlflow]")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    (tmp_path / "store").write_text("a file")
    with pytest.raises(OutputError, match="finished and kept"):
        record_training((tmp_path / "store").as_uri(), "tiny", RECIPE, RESULTS, history)
