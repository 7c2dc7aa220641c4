"""``spiroct train``: a cohort in, a checkpoint that predicts out."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spiroct.checkpoints.catalogue import DEFAULT_CHECKPOINT
from spiroct.cohort.table import read_cohort
from spiroct.errors import InputError
from spiroct.imaging.image_files import read_image
from spiroct.imaging.label_files import read_label_map
from spiroct.imaging.reading import read_ct
from spiroct.imaging.volume import LabelMap
from spiroct.inference.predictor import Predictor
from spiroct.pft.measures import Measure
from spiroct.training.recipe import load_recipe
from spiroct.workflows.predict import predict
from spiroct.workflows.predict_cohort import predict_cohort
from spiroct.workflows.simulate import simulate_cohort
from spiroct.workflows.train import train

RECIPE = """
[network]
name = "resnet3d"
width = 4
depths = [0, 1]
[input]
spacing_mm = 12.0
patch = [24, 24, 32]
crop = "lung-centre"
[fit]
epochs = 2
batch = 4
learning_rate = 1e-3
weight_decay = 1e-2
"""


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a simulated cohort, a recipe, and what training made of them."""
    folder = tmp_path_factory.mktemp("train")
    simulate_cohort(folder / "cohort", n=24, seed=1, spacing=6.0)
    (folder / "tiny.toml").write_text(RECIPE)
    train(folder / "cohort/cohort.csv", out=folder / "out", recipe=str(folder / "tiny.toml"), seed=5)
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def network_rows(trained: Path) -> list[dict[str, str]]:
    return [row for row in rows(trained / "out/predictions.csv") if row["model"] == "tiny"]


def estimated(trained: Path, predictor: Predictor, scan_id: str) -> dict[Measure, float]:
    """Estimate a scan of the cohort from its files."""
    volume = read_ct(trained / f"cohort/images/{scan_id}.nii.gz")
    lungs = read_label_map(trained / f"cohort/masks/{scan_id}.nii.gz", onto=volume.geometry)
    return predictor.estimate(predictor.prepare(volume, lungs)).values


def test_everything_is_written(trained: Path) -> None:
    found = (p.relative_to(trained / "out") for p in (trained / "out").rglob("*") if p.is_file())
    files = {str(p) for p in found if ".converted" not in p.parts}  # other tests predict with these checkpoints
    folds = [f"{i}" for i in range(1, 5)]
    assert files == {
        *("checkpoint/checkpoint.json", *(f"checkpoint/weights-{i}.safetensors" for i in folds)),
        *(f"fold-{i}/checkpoint/{name}" for i in folds for name in ("checkpoint.json", f"weights-{i}.safetensors")),
        *(f"fold-{i}/{name}" for i in folds for name in ("history.csv", "learning.svg")),
        *("learning.svg", "predictions.csv", "history.csv", "cohort.csv", "training.json", "run.json"),
    }
    assert read_cohort(trained / "out/cohort.csv").scan_ids == read_cohort(trained / "cohort/cohort.csv").scan_ids
    card = json.loads((trained / "out/checkpoint/checkpoint.json").read_text(encoding="utf-8"))
    facts = json.loads((trained / "out/training.json").read_text(encoding="utf-8"))
    assert card["name"].startswith("simulated-")
    assert card["name"] != DEFAULT_CHECKPOINT
    assert (facts["schema"], facts["schema_version"]) == ("spiroct.training", 1)
    assert facts["processor"]
    history = [(row["fold"], row["epoch"]) for row in rows(trained / "out/history.csv")]
    assert history == [(i, epoch) for i in folds for epoch in ("1", "2")]


def test_predictions_equal_what_the_checkpoint_says_of_the_same_files(trained: Path) -> None:
    from spiroct.checkpoints.checkpoint import Checkpoint

    for place, folder in (("ensemble", "checkpoint"), ("2", "fold-2/checkpoint")):
        predictor = Predictor(Checkpoint.load(trained / "out" / folder))
        written = [
            row
            for row in network_rows(trained)
            if (row["set"], row["fold"], row["quantity"]) == ("test", place, "absolute")
        ]
        scan_id = written[0]["scan_id"]
        volume = read_ct(trained / f"cohort/images/{scan_id}.nii.gz")
        values, geometry = read_image(trained / f"cohort/masks/{scan_id}.nii.gz")
        found = predictor.estimate(predictor.prepare(volume, LabelMap(values.astype(np.uint8), geometry)))
        expected = {row["measure"]: row for row in written if row["scan_id"] == scan_id}
        for measure, value in found.values.items():
            assert value == pytest.approx(float(expected[measure]["estimated"]), abs=1e-4)
            if place == "ensemble":
                assert found.intervals[measure][0] == pytest.approx(float(expected[measure]["lower"]), abs=1e-4)


def test_validation_estimates_equal_what_predict_says_of_the_same_files(trained: Path, tmp_path: Path) -> None:
    """Every fold's network alone on its own validation patients; fold 1 by the command, to predictions.csv."""
    from spiroct.checkpoints.checkpoint import Checkpoint

    table = [row for row in rows(trained / "out/cohort.csv") if row["split"] != "test"]
    with (tmp_path / "fold.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, table[0])
        writer.writeheader()
        for row in table:
            paths = {column: (trained / "out" / row[column]).resolve() for column in ("image", "lung_mask")}
            if row["fold"] == "1":
                writer.writerow(row | paths)
    model = str(trained / "out/fold-1/checkpoint")
    predict_cohort(tmp_path / "fold.csv", out=tmp_path / "1", model=model, engine="torch", vessels=False, explain=False)
    told = [row for row in rows(tmp_path / "1/predictions.csv") if row["quantity"] == "absolute"]
    found = {(row["scan_id"], "1", row["measure"]): float(row["estimated"]) for row in told}
    for fold in (2, 3, 4):
        predictor = Predictor(Checkpoint.load(trained / f"out/fold-{fold}/checkpoint"), engine="torch")
        for scan_id in (row["scan_id"] for row in table if row["fold"] == str(fold)):
            for measure, value in estimated(trained, predictor, scan_id).items():
                found[scan_id, f"{fold}", measure.value] = value
    written = {
        (row["scan_id"], row["fold"], row["measure"]): float(row["estimated"])
        for row in network_rows(trained)
        if (row["set"], row["quantity"]) == ("validation", "absolute")
    }
    assert len(written) == 4 * len(table)
    assert found == pytest.approx(written, abs=1e-4)


def test_the_validation_loss_is_that_of_what_predict_estimates(trained: Path) -> None:
    """Loss and error in the history of an epoch, recomputed from files with the weights of that epoch, not rounded."""
    from spiroct.checkpoints.checkpoint import Checkpoint, Member
    from spiroct.training.fit import Hardware, fit_network
    from spiroct.workflows.training_data import measured_targets, training_data

    cohort, recipe = read_cohort(trained / "cohort/cohort.csv"), load_recipe(str(trained / "tiny.toml"))
    targets, order = measured_targets(cohort, recipe.measures, "absolute"), np.arange(len(cohort))
    targets[19, 1] = np.nan  # a measure that a validation patient lacks counts in neither
    found = fit_network(
        training_data(cohort, recipe.input).scans, targets, recipe, training=order[:18], validation=order[18:],
        hardware=Hardware("cpu"),
    )  # fmt: skip
    member = Member(1, found.scaler, found.state, None)
    predictor = Predictor(
        replace(Checkpoint.load(trained / "out/fold-1/checkpoint"), members=(member,)), engine="torch"
    )
    errors = np.empty((6, 4))
    for i, scan_id in enumerate(cohort.scan_ids[18:]):
        of = estimated(trained, predictor, scan_id)
        errors[i] = np.asarray([of[m] for m in recipe.measures]) - targets[18 + i]
    last = found.history[-1]
    assert last["validation_mae"] == pytest.approx(np.nanmean(np.abs(errors), axis=0).mean(), abs=1e-4)
    assert last["validation"] == pytest.approx(np.nanmean((errors / np.asarray(found.scaler.sd)) ** 2), abs=1e-4)


def test_a_network_of_simulated_patients_says_so(trained: Path) -> None:
    from spiroct.checkpoints.checkpoint import Checkpoint

    found = Checkpoint.load(trained / "out/checkpoint")
    assert found.demonstration_only
    assert "simulated patients" in found.trained_on


def test_test_patients_are_predicted_and_never_trained_on(trained: Path) -> None:
    table = {row["scan_id"]: row for row in rows(trained / "out/cohort.csv")}
    seen = {(row["scan_id"], row["set"], row["fold"]) for row in network_rows(trained)}
    for scan_id, part, fold in seen:
        assert part == ("test" if table[scan_id]["split"] == "test" else "validation")
        assert part == "test" or table[scan_id]["fold"] == fold
    assert {scan_id for scan_id, _, _ in seen} == set(table)


def test_the_same_command_again_does_nothing(trained: Path) -> None:
    before = (trained / "out/run.json").stat().st_mtime_ns
    again = train(trained / "cohort/cohort.csv", out=trained / "out", recipe=str(trained / "tiny.toml"), seed=5)
    assert again.demonstration_only
    assert (trained / "out/run.json").stat().st_mtime_ns == before


def test_a_cohort_without_images_is_refused(tmp_path: Path) -> None:
    simulate_cohort(tmp_path / "cohort", n=12, seed=1, images=False)
    with pytest.raises(InputError, match="image"):
        train(tmp_path / "cohort/cohort.csv", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_ladder_is_cross_fitted_like_the_network(trained: Path) -> None:
    """Each rung estimates every scan once in validation, by a regression that had not seen its fold."""
    table = {row["scan_id"]: row for row in rows(trained / "out/cohort.csv")}
    mean = [
        row
        for row in rows(trained / "out/predictions.csv")
        if row["model"] == "cohort_mean" and row["measure"] == "TLC" and row["quantity"] == "absolute"
    ]
    for row in mean:
        others = [
            float(t["TLC"])
            for t in table.values()
            if t["split"] != "test" and (row["set"] == "test" or t["fold"] != row["fold"])
        ]
        assert float(row["estimated"]) == pytest.approx(np.mean(others))
    assert len(mean) == len(table)


def test_a_percent_predicted_network_beside_demographics(trained: Path, tmp_path: Path) -> None:
    """Direct training on %predicted with late fusion: predict multiplies by the reference value and asks for height."""
    text = (trained / "tiny.toml").read_text() + 'quantity = "percent_predicted"\n'
    recipe = 'measures = ["FVC"]\naux = "demographics"\n' + text.replace("epochs = 2", "epochs = 1")
    (tmp_path / "share.toml").write_text(recipe)
    train(trained / "cohort/cohort.csv", out=tmp_path / "out", recipe=str(tmp_path / "share.toml"))
    table = [row for row in rows(tmp_path / "out/predictions.csv") if row["fold"] == "ensemble"]
    own = {row["quantity"]: row for row in table if row["model"].startswith("share") and row["set"] == "test"}
    scan_id = own["absolute"]["scan_id"]
    person = next(row for row in rows(tmp_path / "out/cohort.csv") if row["scan_id"] == scan_id)
    scan = trained / f"cohort/images/{scan_id}.nii.gz"
    model = str(tmp_path / "out/checkpoint")
    with pytest.raises(InputError, match="height_cm missing"):
        predict(scan, out=tmp_path / "refused", model=model, sex="F", age=50.0)
    found = predict(
        scan,
        out=tmp_path / "predicted",
        model=model,
        sex=person["sex"],
        age=float(person["age"]),
        height=float(person["height_cm"]),
    ).estimates[Measure.FVC]
    shown = [row for row in table if row["scan_id"] == scan_id and row["model"].startswith("share")]
    for row in shown:
        value = found.value if row["quantity"] == "absolute" else found.percent_predicted
        assert value == pytest.approx(float(row["estimated"]), rel=0.02)  # predict segments the lungs itself


def test_a_deleted_image_is_named(trained: Path, tmp_path: Path) -> None:
    simulate_cohort(tmp_path / "cohort", n=12, seed=2, spacing=8.0)
    (gone, *_) = sorted((tmp_path / "cohort/images").iterdir())
    gone.unlink()
    with pytest.raises(InputError, match=gone.name.split(".")[0]):
        train(tmp_path / "cohort/cohort.csv", out=tmp_path / "out", recipe=str(trained / "tiny.toml"))


def test_folds_that_are_finished_are_not_trained_again(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted in fold 3, the same command trains folds 3 and 4 and ends with the same tables."""
    from spiroct.workflows import train as verb

    original, trainings = verb.fit_network, []

    def counted(*args: object, **options: object) -> object:
        trainings.append(1)
        if len(trainings) == 3:
            raise KeyboardInterrupt
        return original(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(verb, "fit_network", counted)
    arguments = {"out": tmp_path / "out", "recipe": str(trained / "tiny.toml"), "seed": 5}
    with pytest.raises(KeyboardInterrupt):
        train(trained / "cohort/cohort.csv", **arguments)
    train(trained / "cohort/cohort.csv", **arguments)
    assert len(trainings) == 5
    for name in ("predictions.csv", "checkpoint/checkpoint.json"):
        assert (tmp_path / "out" / name).read_bytes() == (trained / "out" / name).read_bytes(), name


def test_transfer_begins_from_another_checkpoint(
    trained: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = (trained / "tiny.toml").read_text().replace("epochs = 2", "epochs = 1")
    (tmp_path / "one.toml").write_text('measures = ["TLC"]\n' + text)
    start = str(trained / "out/checkpoint")
    with caplog.at_level("INFO", logger="spiroct"):
        train(trained / "cohort/cohort.csv", out=tmp_path / "out", recipe=str(tmp_path / "one.toml"), init=start)
    assert "not loaded, as initialised: fc.weight, fc.bias" in caplog.text


@pytest.mark.slow
def test_recipe_paper_runs_from_start_to_end(trained: Path, tmp_path: Path) -> None:
    """The recipe as it is, but for grid and epochs: X3D-M, raw targets, batch 1, checkpointed activations."""
    from spiroct.checkpoints.checkpoint import Checkpoint

    paper = load_recipe("paper")
    small = replace(
        paper,
        input=replace(paper.input, spacing_mm=12.0, patch=(32, 32, 32)),
        fit=replace(paper.fit, epochs=1),
    )
    train(trained / "cohort/cohort.csv", out=tmp_path / "out", recipe=small)
    found = Checkpoint.load(tmp_path / "out/checkpoint")
    assert len(found.members) == 4
    assert found.architecture["name"] == "x3d"
    for member in found.members:
        assert member.scaler.mean == (0.0,) * 4
    table = [row for row in rows(tmp_path / "out/predictions.csv") if row["model"] == "paper"]
    assert {row["set"] for row in table} == {"validation", "test"}
    assert all(np.isfinite(float(row["estimated"])) for row in table)
