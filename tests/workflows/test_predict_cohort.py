"""``spiroct predict`` of many scans: one row a scan and measure, bad scans told and passed over."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from spiroct.errors import UsageError
from spiroct.pft.measures import Measure
from spiroct.workflows.predict import predict
from spiroct.workflows.predict_cohort import predict_cohort
from spiroct.workflows.simulate import simulate_cohort


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a table of three scans, the second of which is damaged."""
    folder = tmp_path_factory.mktemp("cohort") / "made"
    simulate_cohort(folder, n=3, seed=6, spacing=6.0)
    broken = sorted((folder / "images").iterdir())[1]
    broken.write_bytes(broken.read_bytes()[:2000])
    return folder / "cohort.csv"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def predicted(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "predicted"
    summary = predict_cohort(cohort, out=out, explain=True)
    assert len(summary.done) == 2
    assert len(summary.failures) == 1
    return out


def test_good_scans_have_rows_and_the_bad_one_a_reason(cohort: Path, predicted: Path) -> None:
    table = rows(predicted / "predictions.csv")
    names = [row["scan_id"] for row in rows(cohort)]
    assert {row["scan_id"] for row in table} == {names[0], names[2]}
    assert {row["set"] for row in table} == {"external"}
    (failure,) = rows(predicted / "failures.csv")
    assert failure["scan_id"] == names[1]
    assert failure["reason"]
    assert (predicted / names[0] / "report.html").is_file()


def test_every_prediction_has_its_maps(predicted: Path) -> None:
    for name in {row["scan_id"] for row in rows(predicted / "predictions.csv")}:
        document = json.loads((predicted / name / "explanation.json").read_text(encoding="utf-8"))
        assert document["scan_id"] == name
        assert all((predicted / name / found["file"]).is_file() for found in document["measures"].values())
        assert document["how_not_to_read"] in (predicted / name / "report.html").read_text(encoding="utf-8")


def test_measured_function_and_patients_are_carried_over(cohort: Path, predicted: Path) -> None:
    people = {row["scan_id"]: row for row in rows(cohort)}
    absolute = [row for row in rows(predicted / "predictions.csv") if row["quantity"] == "absolute"]
    for row in absolute:
        person = people[row["scan_id"]]
        assert float(row["measured"]) == pytest.approx(float(person[row["measure"]]))
        assert row["patient_id"] == person["patient_id"]
    assert len(absolute) == 2 * len(Measure)


def test_one_scan_alone_gives_the_same(cohort: Path, predicted: Path, tmp_path: Path) -> None:
    """But for the lung mask, which a cohort's table names and one scan's is segmented."""
    person = rows(cohort)[0]
    alone = predict(
        cohort.parent / person["image"],
        out=tmp_path / "alone",
        sex=person["sex"],
        age=float(person["age"]),
        height=float(person["height_cm"]),
    )
    for row in rows(predicted / "predictions.csv"):
        if row["scan_id"] == person["scan_id"] and row["quantity"] == "absolute":
            assert float(row["estimated"]) == pytest.approx(alone.estimates[Measure(row["measure"])].value, rel=0.08)


def test_again_only_what_failed_is_tried(cohort: Path, predicted: Path) -> None:
    again = predict_cohort(cohort, out=predicted, explain=True)
    assert (len(again.done), len(again.resumed), len(again.failures)) == (0, 2, 1)


def test_unknown_equations_are_refused_before_any_work(cohort: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="gli-global-2022"):
        predict_cohort(cohort, out=tmp_path / "out", equations="ecsc")
    assert not (tmp_path / "out").exists()


def test_scans_without_a_table(cohort: Path, tmp_path: Path) -> None:
    """Two files, a folder without a scan and a damaged file: each good one as if it were given alone."""
    good, broken, _ = sorted((cohort.parent / "images").iterdir())
    (tmp_path / "empty").mkdir()
    summary = predict_cohort([good, tmp_path / "empty", broken], out=tmp_path / "out")
    name = good.name.removesuffix(".nii.gz")
    assert summary.done == (name,)
    assert [failure.image for failure in summary.failures] == [str(tmp_path / "empty"), str(broken)]
    predict(good, out=tmp_path / "alone")
    alone, of_many = (tmp_path / folder / "prediction.json" for folder in ("alone", f"out/{name}"))
    assert of_many.read_bytes() == alone.read_bytes()
    assert [row["image"] for row in rows(tmp_path / "out" / "scans.csv")] == [
        str(path) for path in (good, tmp_path / "empty", broken)
    ]
