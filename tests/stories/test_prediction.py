"""A whole prediction at the command line: its files, and what changes them and what does not."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from spiroct.errors import ExitCode
from spiroct.imaging.volume import CTVolume

PERSON = {"--sex": "F", "--age": "53.4", "--height": "168"}


def words(person: dict[str, str]) -> list[str]:
    return [word for pair in person.items() for word in pair]


@pytest.fixture(scope="module")
def predicted(dicom_series: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the output folder of one prediction; not to be changed."""
    from spiroct.workflows.predict import predict

    out = tmp_path_factory.mktemp("predicted") / "out"
    predict(dicom_series, out=out, sex="F", age=53.4, height=168, fvc=3.1)
    return out


def document(out: Path) -> dict[str, Any]:
    return json.loads((out / "prediction.json").read_text(encoding="utf-8"))


def values(out: Path) -> dict[str, float]:
    return {measure: entry["value"] for measure, entry in document(out)["estimates"].items()}


def test_every_file_of_the_contract_is_there(predicted: Path) -> None:
    files = {file.name for file in predicted.iterdir()}
    assert files == {"prediction.json", "predictions.csv", "report.html", "lungs.nii.gz", "run.json"}


def test_the_document_keeps_the_contract(predicted: Path) -> None:
    found = document(predicted)
    assert found["schema"] == "spiroct.prediction"
    assert found["interpretation"] == "demonstration only"
    assert set(found["estimates"]) == {"DLCO", "FEV1", "FVC", "TLC"}
    assert {m: e["unit"] for m, e in found["estimates"].items()} == {
        "DLCO": "mmol/min/kPa",
        "FEV1": "L",
        "FVC": "L",
        "TLC": "L",
    }
    for estimate in found["estimates"].values():
        assert estimate["percent_predicted"] == pytest.approx(100 * estimate["value"] / estimate["predicted"])
        assert estimate["lower"] < estimate["value"] < estimate["upper"]
        assert estimate["level"] == 0.9
        assert estimate["interval_reason"] is None
    lungs, right, left = (found["biomarkers"][r]["volume"]["value"] for r in ("lungs", "right_lung", "left_lung"))
    assert lungs == pytest.approx(right + left)
    assert found["biomarkers"]["lungs"]["perc85"]["unit"] == "HU"
    assert found["measured"]["FVC"]["value"] == 3.1
    assert {"reference_value", "ct_lung_volume"} <= set(found["baselines"])
    assert found["baselines"]["ct_lung_volume"]["values"]["TLC"]["value"] == lungs


def test_the_table_says_what_the_document_says(predicted: Path) -> None:
    with (predicted / "predictions.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    absolute = {row["measure"]: float(row["estimated"]) for row in rows if row["quantity"] == "absolute"}
    assert absolute == pytest.approx(values(predicted))
    assert [row["measured"] for row in rows if (row["measure"], row["quantity"]) == ("FVC", "absolute")] == ["3.1"]


def test_the_mask_lies_in_the_scans_own_geometry(predicted: Path, simulated: CTVolume) -> None:
    mask = sitk.ReadImage(str(predicted / "lungs.nii.gz"))
    assert mask.GetSize() == simulated.geometry.shape[::-1]
    assert mask.GetSpacing() == pytest.approx(simulated.geometry.spacing[::-1])
    assert mask.GetOrigin() == pytest.approx(simulated.geometry.origin)
    labels = sitk.GetArrayFromImage(mask)
    right, left = (np.argwhere(labels == label)[:, 2].mean() for label in (1, 2))
    assert right < left  # x grows towards the patient's left


def test_the_report_says_demonstration_only(predicted: Path) -> None:
    page = (predicted / "report.html").read_text(encoding="utf-8")
    assert "demonstration only" in page.lower()
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "<script" not in page


def test_two_runs_give_the_same_bytes(predicted: Path, dicom_series: Path, spiroct: Callable, tmp_path: Path) -> None:
    answer = spiroct("predict", dicom_series, "--out", tmp_path / "out", *words(PERSON), "--fvc", "3.1")
    assert answer.code == ExitCode.DONE, answer.err
    for name in ("prediction.json", "predictions.csv", "report.html", "lungs.nii.gz"):
        assert (tmp_path / "out" / name).read_bytes() == (predicted / name).read_bytes(), name


def test_the_same_command_again_does_nothing_and_says_the_same(nifti: Path, spiroct: Callable, tmp_path: Path) -> None:
    first = spiroct("predict", nifti, "--out", tmp_path / "out", *words(PERSON))
    stamp = (tmp_path / "out" / "report.html").stat().st_mtime_ns
    again = spiroct("predict", nifti, "--out", tmp_path / "out", *words(PERSON))
    assert again.code == ExitCode.DONE
    assert again.out == first.out
    assert (tmp_path / "out" / "report.html").stat().st_mtime_ns == stamp


def test_nifti_and_dicom_of_one_scan_agree(predicted: Path, nifti: Path, spiroct: Callable, tmp_path: Path) -> None:
    assert spiroct("predict", nifti, "--out", tmp_path / "out", *words(PERSON)).code == ExitCode.DONE
    assert values(tmp_path / "out") == pytest.approx(values(predicted), abs=1e-4)


@pytest.mark.parametrize(("flag", "value"), [("--sex", "M"), ("--age", "70"), ("--height", "180")])
def test_a_person_changes_the_reference_and_not_the_estimate(
    predicted: Path, dicom_series: Path, spiroct: Callable, tmp_path: Path, flag: str, value: str
) -> None:
    other = {**PERSON, flag: value}
    answer = spiroct("predict", dicom_series, "--out", tmp_path / "out", *words(other), "--fvc", "3.1")
    assert answer.code == ExitCode.DONE, answer.err
    before, after = document(predicted), document(tmp_path / "out")
    assert values(tmp_path / "out") == values(predicted)
    assert after["biomarkers"] == before["biomarkers"]
    for measure in before["estimates"]:
        assert after["estimates"][measure]["predicted"] != before["estimates"][measure]["predicted"]


def test_another_scan_changes_estimates_and_volumes(
    predicted: Path, simulated: CTVolume, spiroct: Callable, tmp_path: Path
) -> None:
    darker = sitk.GetImageFromArray(np.where(simulated.hu < -300, simulated.hu - 40, simulated.hu))
    darker.SetSpacing([4.4, 4.0, 4.0])
    sitk.WriteImage(darker, str(tmp_path / "other.mha"))
    answer = spiroct("predict", tmp_path / "other.mha", "--out", tmp_path / "out", *words(PERSON))
    assert answer.code == ExitCode.DONE, answer.err
    before, after = document(predicted), document(tmp_path / "out")
    for measure in before["estimates"]:
        assert after["estimates"][measure]["value"] != before["estimates"][measure]["value"]
        assert after["estimates"][measure]["predicted"] == before["estimates"][measure]["predicted"]
    volumes = [d["biomarkers"]["lungs"]["volume"]["value"] for d in (before, after)]
    assert volumes[1] == pytest.approx(1.1 * volumes[0], rel=0.03)


def test_another_checkpoint_changes_the_estimates_alone(
    predicted: Path, dicom_series: Path, spiroct: Callable, tmp_path: Path
) -> None:
    from dataclasses import replace

    from spiroct.checkpoints.catalogue import DEFAULT_CHECKPOINT, find

    packaged = find(DEFAULT_CHECKPOINT)
    members = tuple(
        replace(m, scaler=replace(m.scaler, mean=tuple(v + 0.5 for v in m.scaler.mean))) for m in packaged.members
    )
    replace(packaged, members=members).save(tmp_path / "shifted")
    answer = spiroct(
        "predict",
        dicom_series,
        "--out",
        tmp_path / "out",
        *words(PERSON),
        "--fvc",
        "3.1",
        "--model",
        tmp_path / "shifted",
    )
    assert answer.code == ExitCode.DONE, answer.err
    before, after = document(predicted), document(tmp_path / "out")
    for measure, value in values(predicted).items():
        assert values(tmp_path / "out")[measure] == pytest.approx(value + 0.5, abs=1e-5)
        assert after["estimates"][measure]["predicted"] == before["estimates"][measure]["predicted"]
    assert after["biomarkers"] == before["biomarkers"]


def test_without_a_person_the_estimates_stand_and_the_reason_is_given(
    predicted: Path, nifti: Path, spiroct: Callable, tmp_path: Path
) -> None:
    answer = spiroct("predict", nifti, "--out", tmp_path / "out")
    assert answer.code == ExitCode.DONE, answer.err
    assert values(tmp_path / "out") == pytest.approx(values(predicted), abs=1e-4)
    for estimate in document(tmp_path / "out")["estimates"].values():
        assert estimate["percent_predicted"] is None
        assert "sex" in estimate["reason"]
        assert "height" in estimate["reason"]


def test_sex_and_age_come_from_the_header_and_a_contradiction_warns(
    dicom_series: Path, spiroct: Callable, tmp_path: Path
) -> None:
    import pydicom

    folder = tmp_path / "series"
    folder.mkdir()
    for file in dicom_series.iterdir():
        dataset = pydicom.dcmread(file)
        dataset.PatientSex, dataset.PatientAge, dataset.PatientSize = "M", "061Y", "1.75"
        dataset.save_as(folder / file.name)
    assert spiroct("predict", folder, "--out", tmp_path / "header").code == ExitCode.DONE
    person = document(tmp_path / "header")["input"]["demographics"]
    assert (person["sex"], person["age"], person["height_cm"]) == ("M", 61, 175)
    assert set(person["source"].values()) == {"DICOM header"}
    answer = spiroct("predict", folder, "--out", tmp_path / "flag", "--sex", "F")
    assert answer.code == ExitCode.DONE
    assert "sex F given, M in the DICOM header" in answer.err
    checks = {v["check"]: v["outcome"] for v in document(tmp_path / "flag")["quality"]}
    assert checks["sex_contradicts_header"] == "warn"


def test_an_age_beyond_one_equation_leaves_the_others(nifti: Path, spiroct: Callable, tmp_path: Path) -> None:
    old = {**PERSON, "--age": "83"}
    assert spiroct("predict", nifti, "--out", tmp_path / "out", *words(old)).code == ExitCode.DONE
    estimates = document(tmp_path / "out")["estimates"]
    assert estimates["TLC"]["percent_predicted"] is None
    assert "80" in estimates["TLC"]["reason"]
    assert estimates["FVC"]["percent_predicted"] > 0


@pytest.mark.usefixtures("no_sockets")
def test_nothing_opens_a_socket(nifti: Path, spiroct: Callable, tmp_path: Path) -> None:
    assert spiroct("predict", nifti, "--out", tmp_path / "p", *words(PERSON)).code == ExitCode.DONE
    assert spiroct("segment", nifti, "--out", tmp_path / "s").code == ExitCode.DONE
    assert spiroct("reference", *words(PERSON), "--fvc", "3.3").code == ExitCode.DONE


def test_json_on_stdout_is_the_file(predicted: Path, dicom_series: Path, spiroct: Callable, tmp_path: Path) -> None:
    answer = spiroct("predict", dicom_series, "--out", tmp_path / "out", *words(PERSON), "--fvc", "3.1", "--json")
    assert answer.out == (predicted / "prediction.json").read_text(encoding="utf-8")


def test_segment_writes_the_mask_alone(predicted: Path, dicom_series: Path, spiroct: Callable, tmp_path: Path) -> None:
    answer = spiroct("segment", dicom_series, "--out", tmp_path / "out")
    assert answer.code == ExitCode.DONE, answer.err
    assert (tmp_path / "out" / "lungs.nii.gz").read_bytes() == (predicted / "lungs.nii.gz").read_bytes()
    assert not (tmp_path / "out" / "prediction.json").exists()


def test_segment_adds_vessels_and_airways_where_asked(dicom_series: Path, spiroct: Callable, tmp_path: Path) -> None:
    answer = spiroct("segment", dicom_series, "--out", tmp_path / "out", "--vessels", "graph-cut")
    assert answer.code == ExitCode.DONE, answer.err
    masks = {n: sitk.ReadImage(str(tmp_path / "out" / f"{n}.nii.gz")) for n in ("lungs", "vessels", "airways")}
    for image in masks.values():
        assert image.GetSize() == masks["lungs"].GetSize()
        assert image.GetOrigin() == pytest.approx(masks["lungs"].GetOrigin())
    lungs, vessels, airways = (sitk.GetArrayFromImage(masks[n]) > 0 for n in ("lungs", "vessels", "airways"))
    assert not (vessels & ~lungs).any()
    assert 0.002 < vessels.sum() / lungs.sum() < 0.1
    assert (airways & ~lungs).any()  # the trachea lies outside the lungs


def test_an_unknown_vessel_method_is_refused(dicom_series: Path, spiroct: Callable, tmp_path: Path) -> None:
    answer = spiroct("segment", dicom_series, "--out", tmp_path / "out", "--vessels", "magic")
    assert answer.code == ExitCode.REFUSED
    assert "'magic'" in answer.err
    assert "graph-cut" in answer.err
    assert not (tmp_path / "out").exists()
