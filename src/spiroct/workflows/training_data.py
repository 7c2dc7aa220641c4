"""From a cohort table to arrays that training takes: scans on the grid, targets, readings, acquisitions."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spiroct.batch.progress import Progress
from spiroct.biomarkers.lungs import lung_biomarkers
from spiroct.checkpoints.readings import BIOMARKERS, DEMOGRAPHICS, readings_of
from spiroct.cohort.cohort import Cohort
from spiroct.errors import InputError, SpiroctError
from spiroct.imaging.acquisition import Acquisition
from spiroct.imaging.label_files import read_label_map
from spiroct.imaging.orientation import to_canonical
from spiroct.imaging.reading import read_ct
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.pft.demographics import check_person
from spiroct.pft.measures import Measure
from spiroct.pft.reference import DEFAULT_EQUATIONS, interpret
from spiroct.preprocessing.network_input import GridScan, to_grid
from spiroct.preprocessing.recipe import InputRecipe
from spiroct.quality.acquisition import TrainingDomain
from spiroct.quality.training_domain import collect_training_domain
from spiroct.segmentation.lungs import segment_lungs
from spiroct.segmentation.vessels import segment_vessels
from spiroct.training.input_cache import CachedScan, cached_scan
from spiroct.types import Float64Array


@dataclass(frozen=True, eq=False)
class TrainingData:
    """A cohort as training sees it, one row a scan in the table's order.

    Parameters
    ----------
    scans : list of GridScan
        On the recipe's grid.
    readings : dict of str to array (n,)
        Sex, age, height, lung volume (L) and Perc85 (HU); NaN where missing.
    domain : TrainingDomain
        How the scans were made, as far as headers and geometry tell.
    """

    scans: list[GridScan]
    readings: dict[str, Float64Array]
    domain: TrainingDomain


def training_data(cohort: Cohort, recipe: InputRecipe) -> TrainingData:
    """Prepare every scan of a cohort once, through the cache.

    Parameters
    ----------
    cohort : Cohort
        Every scan with an image; ``lung_mask`` and ``vessel_mask`` where there are any, else they are segmented.
    recipe : InputRecipe
        Grid, window and region.

    Raises
    ------
    InputError
        If a scan has no image, or cannot be read or segmented; it names the scan.
    OutputError
        If the cache cannot be written.
    """
    progress = Progress(len(cohort), "preparing")
    found = []
    for scan_id in cohort.scan_ids:
        found.append(_prepared(cohort, scan_id, recipe))
        progress.step(scan_id, 0)
    progress.end(0)
    table = cohort.table
    readings: dict[str, Float64Array] = {
        "male": np.where(table["sex"] == "", np.nan, (table["sex"] == "M").astype(float)),
        "age": table["age"].to_numpy(dtype=np.float64),
        "height_cm": table["height_cm"].to_numpy(dtype=np.float64),
    }
    assert tuple(readings) == DEMOGRAPHICS  # noqa: S101 - one vocabulary
    for name in BIOMARKERS:
        readings[name] = np.asarray([_number(cached.facts["readings"][name]) for cached in found])
    acquisitions = [Acquisition(**cached.facts["acquisition"]) for cached in found]
    spacings = [float(cached.facts["slice_spacing_mm"]) for cached in found]
    return TrainingData([c.scan for c in found], readings, collect_training_domain(acquisitions, spacings))


def measured_targets(
    cohort: Cohort, measures: tuple[Measure, ...], quantity: str, equations: str = DEFAULT_EQUATIONS
) -> Float64Array:
    """Measured lung function (n, measures), absolute or in percent of the reference value; NaN where missing."""
    absolute = np.stack([cohort.values(m) for m in measures], axis=1)
    return absolute if quantity == "absolute" else 100.0 * absolute / predicted_values(cohort, measures, equations)


def predicted_values(cohort: Cohort, measures: tuple[Measure, ...], equations: str = DEFAULT_EQUATIONS) -> Float64Array:
    """Look up reference values (n, measures) in each measure's unit; NaN where there is no equation for a patient."""
    rows = []
    for row in cohort.table.to_dict("records"):
        person = check_person(
            sex=row["sex"] or None,
            age=_given(row["age"]),
            height_cm=_given(row["height_cm"]),
            ethnicity=row.get("ethnicity") or None,
        )
        rows.append([_number(interpret(m, None, person, equations=equations).predicted) for m in measures])
    return np.asarray(rows, dtype=np.float64).reshape(len(cohort), len(measures))


def cache_folder() -> Path:
    """Folder of the input cache: ``SPIROCT_CACHE``, else in the user's cache."""
    home = os.environ.get("SPIROCT_CACHE")
    return Path(home) if home else Path.home() / ".cache" / "spiroct" / "inputs"


def _prepared(cohort: Cohort, scan_id: str, recipe: InputRecipe) -> CachedScan:
    image, mask, vessel_mask = (cohort.path(scan_id, column) for column in ("image", "lung_mask", "vessel_mask"))
    if image is None or not image.exists():
        raise InputError(
            f"scan {scan_id} has no image" if image is None else f"the image of scan {scan_id} is gone ({image})",
            "training needs the CT of every scan",
            "add it to the table, or take the scan out",
        )

    def make() -> CachedScan:
        volume = read_ct(image)
        lungs = segment_lungs(volume) if mask is None else read_label_map(mask, onto=volume.geometry)
        vessels = None
        if recipe.region.needs_vessels and vessel_mask is not None:
            vessels = read_label_map(vessel_mask, onto=volume.geometry)
        elif recipe.region.needs_vessels:
            vessels = segment_vessels(volume, lungs)
        return CachedScan(_on_grid(volume, lungs, vessels, recipe), _facts(volume, lungs))

    keys = tuple(path for path in (image, mask, vessel_mask) if path is not None)
    try:
        return cached_scan(keys, recipe, cache_folder(), make)
    except SpiroctError as fault:
        raise InputError(f"scan {scan_id}: {fault.what}", fault.rule, fault.remedy) from fault


def _on_grid(volume: CTVolume, lungs: LabelMap, vessels: LabelMap | None, recipe: InputRecipe) -> GridScan:
    canonical = to_canonical(volume)
    tree = None if vessels is None else to_canonical(vessels).labels
    return to_grid(canonical.hu, canonical.geometry.spacing, to_canonical(lungs).labels, recipe, tree)


def _facts(volume: CTVolume, lungs: LabelMap) -> dict[str, Any]:
    found = readings_of(sex=None, age=None, height_cm=None, biomarkers=lung_biomarkers(volume, lungs))
    return {
        "readings": {name: found[name] if np.isfinite(found[name]) else None for name in BIOMARKERS},
        "slice_spacing_mm": to_canonical(volume).geometry.spacing[0],
        "acquisition": {**vars(volume.acquisition), "notes": list(volume.acquisition.notes)},
    }


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _given(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
