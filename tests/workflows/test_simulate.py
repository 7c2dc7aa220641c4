"""Simulated patients and cohorts on disk: the same bytes always, resumed where they stopped, honest about limits."""

import csv
import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spiroct.workflows.simulate as workflow
from spiroct.cohort.table import read_cohort
from spiroct.errors import InputError, OutputError, UsageError
from spiroct.pft.measures import Measure
from spiroct.phantom.patient import PhantomPatient
from spiroct.phantom.physiology import lung_function
from spiroct.workflows.simulate import simulate_cohort, simulate_patient


@dataclass
class Block:
    """A stand-in for a rendered patient: a few voxels that depend on the record."""

    hu: Any
    spacing: tuple[float, float, float]
    labels: dict[str, Any] = field(default_factory=dict)
    origin: tuple[float, float, float] = (-30.0, -20.0, -10.0)
    centre_lines: Any = None
    truth: dict[str, float] = field(default_factory=lambda: {"lung_volume_l": 5.0})


@pytest.fixture
def block(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace the renderer by a block of voxels; list the patients that were rendered."""
    rendered: list[str] = []

    def render(patient: PhantomPatient, *, spacing: float | tuple[float, float, float]) -> Block:
        rendered.append(patient.patient_id)
        grid = spacing if isinstance(spacing, tuple) else (spacing,) * 3
        hu = np.random.default_rng(patient.anatomy_seed).normal(-800, 50, (6, 5, 4)).astype(np.float32)
        lungs = np.zeros((6, 5, 4), np.uint8)
        lungs[:, :, :2], lungs[:, :, 2:] = 1, 2
        lines = np.array([[1, 2, 3, 4, 5, 6, 1.5, 2]], np.float32)
        return Block(hu, grid, {"lungs": lungs}, centre_lines=lines)

    monkeypatch.setattr(workflow, "render", render)
    return rendered


def contents(folder: Path) -> dict[str, bytes]:
    names = (p for p in folder.rglob("*") if p.is_file() and p.name != "run.json")
    return {str(p.relative_to(folder)): p.read_bytes() for p in names}


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


class TestCohort:
    def test_writes_table_images_masks_and_truth(self, block: list[str], tmp_path: Path) -> None:
        simulate_cohort(tmp_path, n=20, seed=3)
        assert len(block) == 20
        cohort = read_cohort(tmp_path / "cohort.csv")
        assert len(cohort) == 20
        assert cohort.has_split
        assert cohort.has_folds
        assert (cohort.table["split"] == "test").sum() == round(20 * 64 / 316)
        assert cohort.table["site"].unique().tolist() == ["A"]
        for scan in cohort.scan_ids:
            assert (tmp_path / "images" / f"{scan}.nii.gz").is_file()
            assert cohort.path(scan, "lung_mask") == tmp_path / "masks" / f"{scan}.nii.gz"
        names = {p.name for p in (tmp_path / "truth").iterdir()}
        assert names == {f"{s}.json" for s in cohort.scan_ids} | {"causes.csv", "ceiling.json"}

    def test_truth_is_the_models(self, tmp_path: Path) -> None:
        simulate_cohort(tmp_path, n=3, images=False)
        table = read_cohort(tmp_path / "cohort.csv", images=False).table
        for _, row in table.iterrows():
            truth = read(tmp_path / "truth" / f"{row['scan_id']}.json")
            patient = PhantomPatient.from_document(truth["patient"])
            true, measured = lung_function(patient)
            for m in Measure:
                assert truth["true"][m]["value"] == pytest.approx(true[m], abs=1e-6)
                assert truth["measured"][m]["value"] == pytest.approx(measured[m], abs=1e-6)
                assert row[m.value] == pytest.approx(measured[m], abs=1e-6)
                assert truth["true"][m]["unit"] == m.unit
        with (tmp_path / "truth/causes.csv").open(newline="") as file:
            causes = list(csv.DictReader(file))
        assert [float(c["ild_extent"]) for c in causes] == [
            read(tmp_path / "truth" / f"{s}.json")["patient"]["ild_extent"] for s in table["scan_id"]
        ]

    def test_the_papers_cohort(self, tmp_path: Path) -> None:
        simulate_cohort(tmp_path, images=False)
        table = read_cohort(tmp_path / "cohort.csv", images=False).table
        assert (table["split"] == "train").sum() == 252
        assert (table["split"] == "test").sum() == 64
        assert table["fold"].value_counts().tolist() == [63, 63, 63, 63]
        assert abs((table["sex"] == "F").sum() - 257.5) <= 1

    def test_same_arguments_same_bytes(self, block: list[str], tmp_path: Path) -> None:
        for name in ("a", "b"):
            simulate_cohort(tmp_path / name, n=5, seed=1)
        assert contents(tmp_path / "a") == contents(tmp_path / "b")
        simulate_cohort(tmp_path / "c", n=5, seed=2)
        assert contents(tmp_path / "a").keys().isdisjoint(k for k in contents(tmp_path / "c") if k.startswith("images"))

    def test_a_larger_cohort_begins_with_the_smaller(self, tmp_path: Path) -> None:
        for n in (5, 9):
            simulate_cohort(tmp_path / str(n), n=n, images=False)
        small, large = contents(tmp_path / "5"), contents(tmp_path / "9")
        records = [k for k in small if k.startswith("truth/SIM-A0-")]
        assert len(records) == 5
        assert all(small[k] == large[k] for k in records)

    def test_an_interrupted_run_goes_on(
        self, block: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        simulate_cohort(tmp_path / "whole", n=6)
        block.clear()
        render: Callable[..., Block] = workflow.render  # type: ignore[assignment]

        def until_the_fourth(patient: PhantomPatient, **options: Any) -> Block:
            if patient.index == 3:
                raise KeyboardInterrupt
            return render(patient, **options)

        monkeypatch.setattr(workflow, "render", until_the_fourth)
        with pytest.raises(KeyboardInterrupt):
            simulate_cohort(tmp_path / "out", n=6)
        monkeypatch.setattr(workflow, "render", render)
        assert not (tmp_path / "out/cohort.csv").exists()
        assert len(block) == 3
        simulate_cohort(tmp_path / "out", n=6)
        assert block == [f"SIM-A0-{i:05d}" for i in range(6)]  # none of them twice
        assert contents(tmp_path / "out") == contents(tmp_path / "whole")
        simulate_cohort(tmp_path / "out", n=6)
        assert len(block) == 6

    def test_another_run_in_the_folder_is_refused(self, tmp_path: Path) -> None:
        simulate_cohort(tmp_path, n=3, images=False)
        with pytest.raises(OutputError, match="seed 0 there, 1 here"):
            simulate_cohort(tmp_path, n=3, seed=1, images=False)
        simulate_cohort(tmp_path, n=4, seed=1, images=False, overwrite=True)
        assert len(list((tmp_path / "truth").glob("SIM-A1-*.json"))) == 4
        assert not list((tmp_path / "truth").glob("SIM-A0-*.json"))

    def test_a_twin_cohort_lacks_one_effect_only(self, tmp_path: Path) -> None:
        simulate_cohort(tmp_path / "plain", n=12, images=False)
        simulate_cohort(tmp_path / "twin", n=12, images=False, without=("chest_wall_stiffness",))
        for path in sorted((tmp_path / "plain/truth").glob("SIM-A0-*.json")):
            one, other = read(path), read(tmp_path / "twin/truth" / path.name)
            assert other["patient"] == one["patient"] | {"without": ["chest_wall_stiffness"]}
            assert other["true"]["TLC"]["value"] >= one["true"]["TLC"]["value"]

    def test_permuted_pfts_are_someone_elses(self, tmp_path: Path) -> None:
        for permute in (False, True):
            simulate_cohort(tmp_path / str(permute), n=40, images=False, permute=permute)
        plain, mixed = (read_cohort(tmp_path / n / "cohort.csv", images=False).table for n in ("False", "True"))
        columns = [m.value for m in Measure]
        assert not (plain[columns].to_numpy() == mixed[columns].to_numpy()).any()
        assert sorted(map(tuple, plain[columns].to_numpy())) == sorted(map(tuple, mixed[columns].to_numpy()))
        assert plain["height_cm"].tolist() == mixed["height_cm"].tolist()

    def test_site_b_and_the_healthy(self, tmp_path: Path) -> None:
        simulate_cohort(tmp_path / "b", n=4, site="B", images=False)
        simulate_cohort(tmp_path / "h", n=4, preset="healthy", images=False)
        assert set(read_cohort(tmp_path / "b/cohort.csv", images=False).table["site"]) == {"B"}
        assert set(read_cohort(tmp_path / "h/cohort.csv", images=False).table["ild"]) == {0}

    def test_another_simulator_or_grid_is_another_cohort(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        simulate_cohort(tmp_path / "c", n=5, images=False)
        with pytest.raises(OutputError, match=r"spacing 1\.5 there, 3(\.0)? here"):
            simulate_cohort(tmp_path / "c", n=5, images=False, spacing=3)
        monkeypatch.setattr("spiroct.workflows.simulate.simulator_hash", lambda: "f" * 64)
        with pytest.raises(OutputError, match=r"differing: simulator '[0-9a-f]{64}' there, 'f+' here"):
            simulate_cohort(tmp_path / "c", n=5, images=False)

    def test_one_patient_is_a_cohort_without_folds(self, tmp_path: Path) -> None:
        simulate_cohort(tmp_path, n=1, images=False)
        assert not read_cohort(tmp_path / "cohort.csv", images=False).has_folds
        figures = read(tmp_path / "truth/ceiling.json")["readers"]["ceiling"]["TLC"]["all"]
        assert figures["ICC"] is None

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ({"n": 0}, "0 patients"),
            ({"workers": 0}, "0 workers"),
            ({"spacing": 0.1}, r"spacing 0\.1 mm"),
            ({"site": "Z"}, "site 'Z'"),
            ({"without": ("age",)}, "effect 'age'"),
            ({"variant": 3}, "variant 3"),
        ],
    )
    def test_refusals_leave_nothing(self, tmp_path: Path, options: dict[str, Any], says: str) -> None:
        with pytest.raises((UsageError, InputError), match=says):
            simulate_cohort(tmp_path / "out", **({"n": 2, "images": False} | options))
        assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return what each reader reaches in a cohort of 2,000."""
    out = tmp_path_factory.mktemp("ceiling")
    simulate_cohort(out, n=2000, seed=4, images=False)
    return read(out / "truth/ceiling.json")["readers"]


class TestCeiling:
    def test_headroom(self, readers: Any) -> None:
        for m in Measure:
            volume = readers["lung_volume"][m]["all"]["share_of_ceiling_icc"]
            assert volume <= (0.92 if m is Measure.TLC else 0.85)
            if m is not Measure.TLC:
                assert readers["lung_volume_perc85_demographics"][m]["all"]["share_of_ceiling_icc"] <= 0.92

    def test_the_ceiling_is_test_noise(self, readers: Any) -> None:
        # what cannot be known of TLC is its between-session variability of 5 %
        tlc = readers["ceiling"]["TLC"]["all"]
        assert tlc["MAE"] == pytest.approx(0.05 * 4.9 * np.sqrt(2 / np.pi), rel=0.1)
        assert 0.95 < tlc["ICC"] < 1
        assert tlc["partial_R_at_fixed_lung_volume"] > 0.8
        assert readers["ceiling"]["TLC"]["test"]["n"] == round(2000 * 64 / 316)

    def test_volume_knows_nothing_beyond_itself(self, readers: Any) -> None:
        for m in Measure:
            partial = readers["lung_volume"][m]["all"]["partial_R_at_fixed_lung_volume"]
            assert partial is None or abs(partial) < 0.2

    def test_permuted_there_is_nothing_to_learn(self, tmp_path: Path) -> None:
        simulate_cohort(tmp_path, n=300, images=False, permute=True)
        readers = read(tmp_path / "truth/ceiling.json")["readers"]
        assert all(abs(readers["ceiling"][m]["all"]["ICC"]) < 0.1 for m in Measure)

    def test_a_coarse_grid_resolves_less(self, block: list[str], tmp_path: Path) -> None:
        for spacing in (1.5, 5.0):
            simulate_cohort(tmp_path / str(spacing), n=100, spacing=spacing)
        fine, coarse = (read(tmp_path / s / "truth/ceiling.json") for s in ("1.5", "5.0"))
        assert fine["causes"]["airway_narrowing"]["used"]
        assert not coarse["causes"]["airway_narrowing"]["used"]
        for m in ("DLCO", "FEV1"):
            assert coarse["readers"]["ceiling"][m]["all"]["R"] < fine["readers"]["ceiling"][m]["all"]["R"]


class TestPatient:
    def test_writes_a_dicom_series_record_and_truth(self, block: list[str], tmp_path: Path) -> None:
        patient = simulate_patient(tmp_path, seed=1, index=2)
        assert len(list((tmp_path / "ct").glob("*.dcm"))) == 6
        assert PhantomPatient.from_document(read(tmp_path / "patient.json")) == patient
        assert patient.patient_id == "SIM-A1-00002"
        truth = read(tmp_path / "truth/truth.json")
        assert truth["ceiling"] is None
        assert truth["ceiling_reason"]
        assert (tmp_path / "truth/lungs.nii.gz").is_file()
        with gzip.open(tmp_path / "truth/vessels.csv.gz", "rt") as file:
            header, row = file.read().split()
        assert header == "start_x_mm,start_y_mm,start_z_mm,end_x_mm,end_y_mm,end_z_mm,radius_mm,kind"
        assert row == "3.00,2.00,1.00,6.00,5.00,4.00,1.500,vein"
        assert truth["rendered"] == {"lung_volume_l": 5.0}

    def test_header_tells_sex_age_and_height(self, block: list[str], tmp_path: Path) -> None:
        import pydicom

        patient = simulate_patient(tmp_path)
        header = pydicom.dcmread(next((tmp_path / "ct").iterdir()))
        assert header.PatientSex == patient.sex
        assert header.PatientAge == f"{int(patient.age):03d}Y"
        assert float(header.PatientSize) == pytest.approx(patient.height_cm / 100, abs=1e-3)
        assert (header.Rows, header.Columns) == (5, 4)
        assert list(header.ImagePositionPatient)[:2] == [-10.0, -20.0]  # x to the left, y to the back

    def test_same_patient_as_in_the_cohort(self, block: list[str], tmp_path: Path) -> None:
        simulate_cohort(tmp_path / "cohort", n=3, seed=5, images=False)
        simulate_patient(tmp_path / "p", seed=5, index=2, file_format="nifti")
        in_cohort = read(tmp_path / "cohort/truth/SIM-A5-00002.json")
        alone = read(tmp_path / "p/truth/truth.json")
        assert {k: alone[k] for k in in_cohort} == in_cohort

    @pytest.mark.parametrize("source", ["patient.json", "truth/truth.json", "."])
    def test_changes_one_cause_of_a_record(self, block: list[str], tmp_path: Path, source: str) -> None:
        first = simulate_patient(tmp_path / "a", file_format="nifti")
        second = simulate_patient(
            tmp_path / "b",
            from_record=tmp_path / "a" / source,
            changes=("ild_extent=0.5", "kernel = soft"),
            file_format="nifti",
            spacing=3,
        )
        assert second == first.changed(ild_extent=0.5, kernel="soft")
        assert read(tmp_path / "b/patient.json")["ild_extent"] == 0.5

    def test_same_bytes(self, block: list[str], tmp_path: Path) -> None:
        for name in ("a", "b"):
            simulate_patient(tmp_path / name)
        assert contents(tmp_path / "a") == contents(tmp_path / "b")

    def test_the_same_command_finds_its_work_done(self, block: list[str], tmp_path: Path) -> None:
        for _ in range(2):
            simulate_patient(tmp_path)
        assert len(block) == 1

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ({"file_format": "png"}, r"format 'png'.*dicom, nifti"),
            ({"spacing": 20}, "spacing 20 mm"),
            ({"changes": ("ild_extent",)}, r"--set ild_extent.*CAUSE=VALUE"),
            ({"changes": ("ild=0.3",)}, "cause 'ild'.*ild_extent"),
            ({"changes": ("ild_extent=7",)}, "0 to 0.8"),
            ({"from_record": Path("nowhere.json")}, r"nowhere\.json: there is no such file"),
        ],
    )
    def test_refusals_leave_nothing(self, tmp_path: Path, options: dict[str, Any], says: str) -> None:
        with pytest.raises((UsageError, InputError), match=says):
            simulate_patient(tmp_path / "out", **options)
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize(
        ("drawn", "says"),
        [
            ({"seed": 3}, r"--seed 3 with --from.*leave --seed out"),
            ({"variant": 2}, r"--variant 2 with --from.*--set variant=2"),
            ({"site": "B"}, r"--site B with --from.*--set site=B"),
        ],
    )
    def test_a_record_is_not_drawn(self, block: list[str], tmp_path: Path, drawn: dict[str, Any], says: str) -> None:
        simulate_patient(tmp_path / "a", file_format="nifti")
        with pytest.raises(UsageError, match=says):
            simulate_patient(tmp_path / "b", from_record=tmp_path / "a", **drawn)

    def test_a_record_that_is_no_json_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "p.json").write_text("{")
        with pytest.raises(InputError, match="not JSON"):
            simulate_patient(tmp_path / "out", from_record=tmp_path / "p.json")


@pytest.mark.slow
def test_any_number_of_workers_gives_the_same_bytes(tmp_path: Path) -> None:
    for workers in (1, 2):
        simulate_cohort(tmp_path / str(workers), n=4, spacing=6, workers=workers)
    assert contents(tmp_path / "1") == contents(tmp_path / "2")
