"""The cohorts that a study trains on and tests on, each one table: patients, twin, permuted, external, pretraining."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spiroct.cohort.cohort import Cohort
from spiroct.cohort.folds import draw_folds, draw_split
from spiroct.cohort.table import read_cohort, write_cohort
from spiroct.documents import write_json
from spiroct.errors import InputError
from spiroct.log import logger
from spiroct.pft.measures import Measure
from spiroct.phantom.identity import simulator_hash
from spiroct.run_folder import RUN_FILE
from spiroct.studies.inclusion import include, without_failures
from spiroct.studies.measurements import VESSELS, failures, measure_scans
from spiroct.studies.scale import Scale
from spiroct.types import AnyArray
from spiroct.workflows.simulate import simulate_cohort

OUTSIDE = ("chest_wall_stiffness", "muscle_weakness")
"""Causes of lung function that show outside the lungs alone: the twin has them, and they do nothing."""
SEEDS = {"healthy": 31601, "pretraining": 31602, "external": 31603, "controls": 31604}
"""Of the cohorts that a study simulates; no other cohort of this project has them."""
TUNED, RECALIBRATED = 50, 20
"""Patients of the other site that fine-tuning and recalibration are given."""
PRETRAINING_VALIDATION = 0.1
FLOW = "flow.json"


@dataclass(frozen=True)
class StudyInputs:
    """The tables that a study was given; None where it simulates its own.

    Parameters
    ----------
    patients, healthy, external, pretraining : Path or None
        Each a cohort.csv; ``patients`` always.
    """

    patients: Path
    healthy: Path | None = None
    external: Path | None = None
    pretraining: Path | None = None


class Cohorts:
    """Makes each cohort when it is asked for, once.

    Parameters
    ----------
    inputs : StudyInputs
        As given.
    scale : Scale
        Sizes of what is simulated.
    folder : Path
        ``OUT/steps``: tables go to ``cohorts/``, measurements to ``measurements/``, simulated patients to
        ``simulated-NAME/``.
    seed : int
        Of everything drawn.
    workers : int
        Processes that render simulated patients.
    reuse : bool
        Take the tables that are there as they are: of trainings that are finished.
    """

    def __init__(
        self, inputs: StudyInputs, scale: Scale, folder: Path, *, seed: int, workers: int = 1, reuse: bool = False
    ) -> None:
        self.inputs, self.scale, self.folder, self.seed, self.workers = inputs, scale, folder, seed, workers
        self.reuse = reuse
        self._made: set[str] = set()

    def table(self, name: str) -> Path:
        """Make the named cohort's ``cohort.csv`` and return its path; the same inputs give the same bytes.

        Raises
        ------
        SpiroctError
            If a table is refused or a folder cannot be written.
        """
        path = self.folder / "cohorts" / f"{name}.csv"
        if name in self._made or (self.reuse and path.is_file()):
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        if name == "patients":
            cohort = self._patients()
        elif name == "twin":
            cohort = self._twin()
        elif name == "permuted":
            cohort = permuted(read_cohort(self.table("patients")), self.seed)
        elif name == "external":
            cohort = tuning_split(read_cohort(self.given_or_simulated("external")), self.seed)
        elif name == "pretraining":
            cohort = pretraining_split(read_cohort(self.given_or_simulated("pretraining")), self.seed)
        else:
            cohort = read_cohort(self.given_or_simulated(name))
        draft = path.with_name(f".{name}.partial")
        write_cohort(cohort, draft, home=path.parent)
        draft.replace(path)
        self._made.add(name)
        return path

    def given_or_simulated(self, name: str) -> Path:
        """Find the table that was given for a cohort, or simulate one."""
        given: Path | None = getattr(self.inputs, name)
        if given is not None:
            return given
        site = "A" if name == "healthy" else "B"
        preset = "healthy" if name == "healthy" else "ssc"
        return self._simulated(name, int(self.scale.simulated[name]), site=site, preset=preset)

    def _simulated(self, name: str, n: int, **how: Any) -> Path:
        out = self.folder / f"simulated-{name}"
        spacing = float(self.scale.simulated["spacing_mm"])
        logger.info("simulating %d patients (%s)", n, name)
        simulate_cohort(out, n=n, seed=SEEDS[name], spacing=spacing, workers=self.workers, **how)
        return out / "cohort.csv"

    @property
    def measurements(self) -> Path:
        """Folder of the patients' vessel masks and biomarkers."""
        return self.folder / "measurements"

    def _patients(self) -> Cohort:
        """Apply the rules of inclusion, measure what is left, and draw folds where there are none."""
        found = include(read_cohort(self.inputs.patients))
        candidates = self.folder / "cohorts" / "candidates.csv"
        write_cohort(found.cohort, candidates, home=candidates.parent)
        measure_scans(candidates, out=self.measurements, grid=self.scale.measurement_grid)
        found = without_failures(found, failures(self.measurements))
        cohort = found.cohort if found.cohort.has_split else draw_split(found.cohort, seed=self.seed)
        cohort = cohort if cohort.has_folds else draw_folds(cohort, seed=self.seed)
        table = cohort.table.copy()
        made = [self.measurements / scan / VESSELS for scan in table["scan_id"]]
        own = table["vessel_mask"] if "vessel_mask" in table else pd.Series("", index=table.index)
        table["vessel_mask"] = [given or str(path.resolve()) for given, path in zip(own, made, strict=True)]
        found.excluded.to_csv(self.folder / "cohorts" / "excluded.csv", index=False, lineterminator="\n")
        flow = {"selected": found.selected, **found.counts(), "included": len(table)}
        flow |= {"training": int((table["split"] != "test").sum()), "test": int((table["split"] == "test").sum())}
        write_json(self.folder / "cohorts" / FLOW, flow)
        return cohort.with_table(table)

    def _twin(self) -> Cohort:
        """Make the same simulated patients without outside causes; others where these are no simulated patients."""
        patients = read_cohort(self.table("patients"))
        origin = simulated_origin(self.inputs.patients)
        if origin is None:
            n = int(self.scale.simulated["controls"])
            return read_cohort(self._simulated("controls", n, without=OUTSIDE))
        out = self.folder / "simulated-twin"
        simulate_cohort(out, **origin, without=OUTSIDE, images=False)
        twins = read_cohort(out / "cohort.csv", images=False).table.set_index("scan_id")
        table = patients.table.copy()
        names = [m.value for m in Measure]
        table[names] = twins.loc[table["scan_id"], names].to_numpy()
        return patients.with_table(table)


def simulated_origin(path: Path) -> dict[str, Any] | None:
    """Arguments that simulated a cohort, from the record beside its table; None where it was not simulated so.

    A cohort of another simulator than this one is refused the role of its own twin: its patients would be others.
    """
    record = path.parent / RUN_FILE
    if not record.is_file():
        return None
    run = json.loads(record.read_text(encoding="utf-8"))
    told = run.get("arguments", {})
    if run.get("verb") != "simulate cohort" or told.get("simulator") != simulator_hash() or told.get("without"):
        return None
    if told.get("permute"):
        raise InputError(f"cohort {path}", "its lung function is permuted", "study the cohort that it was made from")
    return {name: told[name] for name in ("n", "seed", "site", "preset", "variant", "spacing")}


def permuted(cohort: Cohort, seed: int) -> Cohort:
    """Give every patient the lung function of another, within training and within test scans."""
    table = cohort.table.copy()
    names = [m.value for m in Measure]
    rng = np.random.default_rng(np.random.SeedSequence((seed, 31)))
    test = (table["split"] == "test").to_numpy(dtype=bool)
    values = np.array(table[names], dtype=np.float64)
    for part in (np.flatnonzero(test), np.flatnonzero(~test)):
        values[part] = values[_derangement(rng, part)]
    table[names] = values
    return cohort.with_table(table)


def _derangement(rng: np.random.Generator, rows: AnyArray) -> AnyArray:
    """Draw an order of rows in which none stays where it was (Sattolo 1986): one cycle through all of them."""
    order = rows.copy()
    for i in range(len(order) - 1, 0, -1):
        j = int(rng.integers(0, i))
        order[i], order[j] = order[j], order[i]
    return order


def tuning_split(cohort: Cohort, seed: int) -> Cohort:
    """Draw the patients of the other site that fine-tuning sees, in folds; all others are its test."""
    table = cohort.table.drop(columns=[c for c in ("split", "fold") if c in cohort.table])
    scans = table.drop_duplicates("patient_id")["patient_id"].to_numpy()
    count = min(TUNED, len(scans) // 2)
    rng = np.random.default_rng(np.random.SeedSequence((seed, 50)))
    tuned = set(rng.permutation(scans)[:count])
    table["split"] = np.array(["train" if p in tuned else "test" for p in table["patient_id"]], dtype=object)
    return draw_folds(cohort.with_table(table), seed=seed)


def pretraining_split(cohort: Cohort, seed: int) -> Cohort:
    """Make fold 1 a tenth and fold 2 the rest: the first fold's network, which transfer takes, learns from the rest."""
    table = cohort.table.copy()
    table["split"] = "train"
    patients = table.drop_duplicates("patient_id")["patient_id"].to_numpy()
    rng = np.random.default_rng(np.random.SeedSequence((seed, 10)))
    watched = set(rng.permutation(patients)[: max(2, round(len(patients) * PRETRAINING_VALIDATION))])
    table["fold"] = pd.array([1 if p in watched else 2 for p in table["patient_id"]], dtype="Int64")
    return cohort.with_table(table)
