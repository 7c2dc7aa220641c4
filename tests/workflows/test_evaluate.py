"""An evaluation from files to files: every table agrees with what was put in, and nothing is half-written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spiroct.cohort.predictions import COLUMNS
from spiroct.errors import InputError, OutputError, UsageError
from spiroct.evaluation.metric_table import METRIC_COLUMNS
from spiroct.pft.demographics import check_person
from spiroct.pft.measures import Measure
from spiroct.pft.reference import interpret
from spiroct.workflows.evaluate import evaluate
from spiroct.workflows.people import INDIRECT

N = 48


def cohort_table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    sex = np.where(np.arange(N) % 4 == 0, "M", "F")
    height = rng.normal(165, 7, N) + 12 * (sex == "M")
    age = rng.uniform(25, 75, N)
    rows = []
    for i in range(N):
        person = check_person(sex=str(sex[i]), age=float(age[i]), height_cm=float(height[i]))
        share = rng.uniform(0.55, 1.1)
        values = {
            m.value: float(interpret(m, None, person).predicted or 0) * (share + rng.normal(0, 0.05)) for m in Measure
        }
        values["FEV1"] = min(values["FEV1"], 0.98 * values["FVC"])
        who = {"patient_id": f"p{i}", "scan_id": f"s{i}", "sex": sex[i], "age": age[i], "height_cm": height[i]}
        rows.append({**who, "image": "", "site": "A" if i < 40 else "B", "ild": int(share < 0.8), **values})
    return pd.DataFrame(rows)


def predictions_table(cohort: pd.DataFrame, model: str, noise: float, seed: int) -> pd.DataFrame:
    rng, rows = np.random.default_rng(seed), []
    for measure in Measure:
        measured = cohort[measure.value].to_numpy()
        estimated = measured + rng.normal(0, noise * measured.std(), N)
        half = 1.3 * measured.std()
        rows += [
            (f"p{i}", f"s{i}", model, "validation", 1 + i % 4, measure.value, "absolute", measure.unit, measured[i],
             estimated[i], estimated[i] - half, estimated[i] + half, 0.9)
            for i in range(N)
        ]  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def biomarkers_table(cohort: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    rows = [
        (f"s{i}", "lungs", name, float(value), unit, "1.5 mm")
        for name, unit, values in (
            ("volume", "L", 0.9 * cohort["TLC"] + rng.normal(0, 0.3, N)),
            ("perc85", "HU", -800 + rng.normal(0, 40, N)),
        )
        for i, value in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=["scan_id", "region", "biomarker", "value", "unit", "grid"])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, cohort = tmp_path_factory.mktemp("evaluate"), cohort_table()
    cohort.to_csv(folder / "cohort.csv", index=False)
    predictions_table(cohort, "net", 0.5, 1).to_csv(folder / "predictions.csv", index=False)
    predictions_table(cohort, "net", 0.9, 2).assign(lower="", upper="", level="").to_csv(
        folder / "other.csv", index=False
    )
    biomarkers_table(cohort).to_csv(folder / "biomarkers.csv", index=False)
    evaluate(
        folder / "predictions.csv", out=folder / "out", against=folder / "other.csv", cohort=folder / "cohort.csv",
        resamples=200,
    )  # fmt: skip
    return folder


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype={"fold": str})


def value(metrics: pd.DataFrame, **where: str) -> float:
    for column, wanted in where.items():
        metrics = metrics.loc[metrics[column] == wanted]
    assert len(metrics) == 1
    return float(metrics["value"].iloc[0])


def test_metrics_are_those_of_the_table(files: Path) -> None:
    metrics = read(files / "out/metrics.csv")
    assert tuple(metrics.columns) == METRIC_COLUMNS
    assert set(metrics["model"]) == {"net", "net (against)"}
    assert set(metrics["fold"]) == {"1", "2", "3", "4", "pooled"}
    given = pd.read_csv(files / "predictions.csv")
    for measure, rows in given.groupby("measure"):
        error = (rows["estimated"] - rows["measured"]).abs()
        head = {"model": "net", "measure": str(measure), "quantity": "absolute", "fold": "pooled"}
        assert value(metrics, **head, metric="mae") == pytest.approx(error.mean())
        held = (rows["lower"] <= rows["measured"]) & (rows["measured"] <= rows["upper"])
        assert value(metrics, **head, metric="coverage") == pytest.approx(100 * held.mean())
    assert not metrics.duplicated([*METRIC_COLUMNS[:6]]).any()


def test_indirect_percent_predicted_is_the_estimate_over_the_reference_value(files: Path) -> None:
    metrics, cohort = read(files / "out/metrics.csv"), cohort_table()
    given = pd.read_csv(files / "predictions.csv").query("measure == 'TLC'")
    apart = []
    for row, person in zip(given.itertuples(), cohort.itertuples(), strict=True):
        known = check_person(sex=person.sex, age=person.age, height_cm=person.height_cm)
        reference = interpret(Measure.TLC, None, known).predicted
        assert reference is not None
        apart.append(100 * abs(row.estimated - row.measured) / reference)
    found = value(metrics, model="net", measure="TLC", quantity=INDIRECT, fold="pooled", metric="mae")
    assert found == pytest.approx(np.mean(apart))


def test_limits_of_normal_are_counted(files: Path) -> None:
    metrics, cohort = read(files / "out/metrics.csv"), cohort_table()
    low = []
    for person in cohort.itertuples():
        known = check_person(sex=person.sex, age=person.age, height_cm=person.height_cm)
        lln = interpret(Measure.FVC, None, known).lln
        assert lln is not None
        low.append(lln > person.FVC)
    row = metrics.query("model == 'net' and measure == 'FVC' and metric == 'lln_sensitivity'")
    assert int(row["n"].iloc[0]) == sum(low)
    assert value(metrics, model="net", measure="FVC", metric="lln_indeterminate") > 0


def test_comparison_and_groups(files: Path) -> None:
    comparison = read(files / "out/comparison.csv")
    mae = comparison.query(
        "measure == 'FVC' and quantity == 'absolute' and metric == 'mae' and test == 'paired bootstrap'"
    )
    assert mae["difference"].iloc[0] < 0
    groups = read(files / "out/subgroups.csv")
    assert {"sex", "ILD", "site", "severity"} == set(groups["subgroup"])
    small = groups.query("subgroup == 'site' and group == 'B'")["warning"]
    assert small.str.contains("8 patients only").all()
    partial = read(files / "out/partial.csv")
    assert set(partial["given"]) == {"sex, age and height"}
    assert (partial["n"] == N).all()


def test_every_undefined_metric_is_listed(files: Path) -> None:
    metrics, listed = read(files / "out/metrics.csv"), read(files / "out/undefined.csv")
    keys = ["model", "set", "fold", "measure", "quantity", "metric"]
    missing = metrics.loc[metrics["value"].isna(), keys].apply(tuple, axis=1)
    assert set(missing) <= set(listed[keys].apply(tuple, axis=1))
    assert listed["reason"].str.len().min() > 10


def test_tables_figures_page_and_methods(files: Path) -> None:
    out = files / "out"
    for name in (
        "summary",
        "agreement",
        "table-2",
        "table-3",
        "table-4",
        "table-5",
        "table-7",
        "comparison",
        "subgroups",
    ):
        for ending in ("csv", "md", "tex"):
            assert (out / f"tables/{name}.{ending}").stat().st_size > 100, name
    for name in ("scatter", "bland-altman", "error", "calibration", "coverage", "r", "icc_a1", "mae"):
        assert (out / f"figures/{name}-validation.png").stat().st_size > 5000
        assert (out / f"figures/{name}-validation.svg").read_text(encoding="utf-8").startswith("<?xml")
    page = (out / "evaluation.html").read_text(encoding="utf-8")
    assert page.count("data:image/svg+xml;base64,") == 8
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "<script" not in page
    assert "https://" not in page
    methods = (out / "methods.md").read_text(encoding="utf-8")
    assert f"{N} patients were compared" in methods
    assert "Williams" in methods
    table = pd.read_csv(out / "tables/table-2.csv")
    row = table.query("Model == 'net' and Measure == 'FVC' and Metric == 'MAE'").iloc[0]
    metrics = read(out / "metrics.csv")
    for fold in "1234":
        exact = value(metrics, model="net", measure="FVC", quantity="absolute", fold=fold, metric="mae")
        assert float(row[f"Fold {fold}"]) == pytest.approx(exact, abs=0.00501)


def test_the_same_command_resumes_and_another_is_refused(files: Path) -> None:
    out = files / "out"
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*") if p.is_file()}
    metrics = evaluate(
        files / "predictions.csv", out=out, against=files / "other.csv", cohort=files / "cohort.csv", resamples=200
    )
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*") if p.is_file()} == before
    assert len(metrics) == len(read(out / "metrics.csv"))
    with pytest.raises(OutputError, match="another run"):
        evaluate(files / "predictions.csv", out=out)
    assert set(json.loads((out / "run.json").read_text())["files"]) == {
        str(p.relative_to(out)) for p in before if p.name != "run.json"
    }


def test_the_same_inputs_give_the_same_bytes(files: Path, tmp_path: Path) -> None:
    pd.read_csv(files / "predictions.csv").query("measure == 'DLCO'").to_csv(tmp_path / "dlco.csv", index=False)
    for name in ("first", "second"):
        evaluate(tmp_path / "dlco.csv", out=tmp_path / name, resamples=100)
    for path in sorted((tmp_path / "first").rglob("*")):
        if path.is_file() and path.name != "run.json":
            assert path.read_bytes() == (tmp_path / "second" / path.relative_to(tmp_path / "first")).read_bytes(), path


def test_biomarkers_are_regressed(files: Path, tmp_path: Path) -> None:
    rows = pd.read_csv(files / "predictions.csv").query("measure == 'TLC'")
    rows.to_csv(tmp_path / "tlc.csv", index=False)
    evaluate(tmp_path / "tlc.csv", out=tmp_path / "out", biomarkers=files / "biomarkers.csv", resamples=100)
    table = pd.read_csv(tmp_path / "out/tables/table-6.csv")
    steps = table.loc[table["Method"].str.startswith("stepwise, step")]
    assert "NetTLC" in steps["Predictors"].iloc[0] or "V_lung" in steps["Predictors"].iloc[0]
    assert (table.loc[table["Method"].str.contains("out of fold"), "R out of fold"].astype(float) > 0.5).all()
    partial = read(tmp_path / "out/partial.csv")
    assert set(partial["given"]) == {"CT lung volume"}
    page = (tmp_path / "out/evaluation.html").read_text(encoding="utf-8")
    assert "alpha is not in the table" in page


def test_one_estimate_given_in_both_quantities_is_shown_once(files: Path, tmp_path: Path) -> None:
    cohort, given = cohort_table(), pd.read_csv(files / "predictions.csv").query("measure == 'FVC'")
    reference = [
        interpret(Measure.FVC, None, check_person(sex=p.sex, age=p.age, height_cm=p.height_cm)).predicted
        for p in cohort.itertuples()
    ]
    share = given.assign(quantity="percent_predicted", unit="%")
    for column in ("measured", "estimated", "lower", "upper"):
        share[column] = 100 * share[column].to_numpy() / np.array(reference)
    direct = share.assign(model="direct", estimated=share["estimated"] + 3)
    apart = pd.concat([given, direct]).assign(model="apart")
    pd.concat([given, share, direct, apart]).to_csv(tmp_path / "both.csv", index=False)
    metrics = evaluate(tmp_path / "both.csv", out=tmp_path / "out", cohort=files / "cohort.csv", resamples=100)
    kinds = metrics.groupby("model")["quantity"].unique()
    assert set(kinds["net"]) == {"absolute", "percent_predicted"}
    assert set(kinds["direct"]) == {"percent_predicted"}
    table = pd.read_csv(tmp_path / "out/tables/table-3.csv")
    methods = table.groupby("Model")["Method"].unique()
    assert (methods["net"].tolist(), methods["direct"].tolist()) == (["Either"], ["Direct"])
    assert set(kinds["apart"]) == {"absolute", "percent_predicted", INDIRECT}
    assert methods["apart"].tolist() == ["Direct", "Indirect"]


def test_measured_values_come_from_the_cohort_where_the_predictions_have_none(files: Path, tmp_path: Path) -> None:
    given = pd.read_csv(files / "predictions.csv").query("measure == 'FVC'")
    given.assign(measured=np.nan).to_csv(tmp_path / "p.csv", index=False)
    metrics = evaluate(tmp_path / "p.csv", out=tmp_path / "out", cohort=files / "cohort.csv", resamples=100)
    row = metrics.query("metric == 'mae' and headline and quantity == 'absolute'")
    assert row["value"].iloc[0] == pytest.approx((given["estimated"] - given["measured"]).abs().mean())
    with pytest.raises(InputError, match="no row with both"):
        evaluate(tmp_path / "p.csv", out=tmp_path / "other")


def test_refusals_write_nothing(files: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for options, kind, words in (
        ({"margin": 0.0}, UsageError, "above 0"),
        ({"resamples": 10}, UsageError, "100 at least"),
        ({"equations": "gli-1900"}, UsageError, "known sets"),
        ({"cohort": files / "none.csv"}, InputError, "no such file"),
        ({"biomarkers": files / "predictions.csv"}, InputError, "column region is missing"),
    ):
        with pytest.raises(kind, match=words):
            evaluate(files / "predictions.csv", out=out, **options)
    strange = cohort_table().assign(scan_id=[f"x{i}" for i in range(N)])
    strange.to_csv(tmp_path / "strange.csv", index=False)
    with pytest.raises(InputError, match="none of the 48 scans"):
        evaluate(files / "predictions.csv", out=out, cohort=tmp_path / "strange.csv")
    other = biomarkers_table(cohort_table()).query("biomarker == 'perc85'").assign(biomarker="kurtosis")
    other.to_csv(tmp_path / "other.csv", index=False)
    with pytest.raises(InputError, match="without any of the paper's"):
        evaluate(files / "predictions.csv", out=out, biomarkers=tmp_path / "other.csv", resamples=100)
    assert not out.exists()


def test_a_constant_model_and_a_handful_of_patients(files: Path, tmp_path: Path) -> None:
    given = pd.read_csv(files / "predictions.csv").query("measure == 'FVC'")
    mean = given.assign(model="mean", estimated=3.0, lower="", upper="", level="")
    few = given.iloc[:4].assign(set="external", fold="ensemble")
    pd.concat([given, mean, few]).to_csv(tmp_path / "p.csv", index=False)
    given.assign(model="flat", estimated=2.5).to_csv(tmp_path / "flat.csv", index=False)
    metrics = evaluate(tmp_path / "p.csv", out=tmp_path / "out", against=tmp_path / "flat.csv", resamples=100)
    assert np.isnan(value(metrics, model="mean", fold="pooled", metric="r"))
    assert value(metrics, model="mean", fold="pooled", metric="mae") > 0
    assert value(metrics, model="net", set="external", metric="mae") > 0
    listed = read(tmp_path / "out/undefined.csv")
    assert "the estimated values are all the same" in set(listed["reason"])
    comparison = read(tmp_path / "out/comparison.csv")
    assert "a series does not vary" in set(comparison["reason"].dropna())
    page = (tmp_path / "out/evaluation.html").read_text(encoding="utf-8")
    assert "nan" not in page.lower().split("<main>")[1].split("base64")[0]


def test_percent_predicted_alone(files: Path, tmp_path: Path) -> None:
    given = pd.read_csv(files / "predictions.csv").query("measure == 'FVC'")
    share = given.assign(quantity="percent_predicted", unit="%", lower="", upper="", level="")
    share = share.assign(measured=25 * share["measured"], estimated=25 * share["estimated"])
    share.to_csv(tmp_path / "p.csv", index=False)
    metrics = evaluate(tmp_path / "p.csv", out=tmp_path / "out", resamples=100)
    assert set(metrics["quantity"]) == {"percent_predicted"}
    table = pd.read_csv(tmp_path / "out/tables/table-3.csv")
    assert table.query("Model == 'net'")["Method"].unique().tolist() == ["Direct"]
    assert (tmp_path / "out/figures/scatter-percent-predicted-validation.png").stat().st_size > 5000
