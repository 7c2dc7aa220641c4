"""The ceiling of a simulated cohort: how well its measured PFTs follow from what the CT shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spiroct.documents import finite_or_none
from spiroct.evaluation.agreement import icc_a1, partial_r, pearson_r
from spiroct.pft.measures import Measure
from spiroct.phantom.causes import PATTERNS
from spiroct.phantom.density import expected_percentile
from spiroct.phantom.patient import PhantomPatient
from spiroct.phantom.physiology import columns, lung_functions, predicted, scan_states
from spiroct.phantom.shown import SHOWN, resolved
from spiroct.types import BoolArray, Float64Array
from spiroct.workflows.truth import permuted

SCHEMA = "spiroct.ceiling"
SCHEMA_VERSION = 1
FEWEST = 3  # patients for an agreement that means anything
_CEILING, _VOLUME, _PLAIN = "ceiling", "lung_volume", "lung_volume_perc85_demographics"


@dataclass(frozen=True)
class _View:
    """Predictors of one group of patients, one (n, p) array for each reader and measure."""

    log: dict[tuple[str, Measure], Float64Array]
    linear: dict[tuple[str, Measure], Float64Array]
    volume: Float64Array


def ceiling(
    patients: Sequence[PhantomPatient],
    measured: dict[Measure, Float64Array],
    reference: Sequence[PhantomPatient],
    *,
    spacing: float,
    test: BoolArray | None = None,
    permute: bool = False,
) -> dict[str, Any]:
    """Compute what the best reader of the CT could reach, and what plain readers reach.

    Each reader is a regression fitted on ``reference``, other patients of the same population, and judged on the
    cohort. The ceiling knows every cause that the grid resolves (the truth, not an estimate of it), age, sex and
    height; test variability is what it cannot know. ``lung_volume`` knows the volume alone,
    ``lung_volume_perc85_demographics`` also the expected Perc85, age, sex and height.

    Parameters
    ----------
    patients : sequence of PhantomPatient
        The cohort.
    measured : dict of Measure to array (n,)
        Its measured lung function, permuted where the cohort is.
    reference : sequence of PhantomPatient
        Patients to fit on, none of the cohort.
    spacing : float
        Grid of the images in mm: decides which causes are resolved.
    test : bool array (n,), optional
        The cohort's test patients, judged apart as well.
    permute : bool
        Whether the cohort's PFTs are permuted; then those to fit on are too, and nothing can be learned.

    Returns
    -------
    dict
        Plain data for ``truth/ceiling.json``: for each reader, measure and set R, ICC(A,1), MAE, the share of the
        ceiling's ICC, and the partial R at fixed lung volume; null where it does not exist.
    """
    here, there = _view(patients, spacing), _view(reference, spacing)
    taught = lung_functions(reference)[1]
    if permute:
        taught = permuted(taught, seed=reference[0].seed)
    sets = {"all": np.ones(len(patients), dtype=bool)} | ({} if test is None else {"test": test})
    readers: dict[str, Any] = {}
    for reader in (_CEILING, _VOLUME, _PLAIN):
        readers[reader] = {}
        for measure in Measure:
            estimated = _read(reader, measure, here, there, taught[measure])
            readers[reader][measure.value] = {
                name: _figures(measured[measure][rows], estimated[rows], here.volume[rows])
                for name, rows in sets.items()
            }
    for reader in (_VOLUME, _PLAIN):
        for measure in Measure:
            for name in sets:
                best = readers[_CEILING][measure.value][name]["ICC"]
                figures = readers[reader][measure.value][name]
                ratio = None if figures["ICC"] is None or not best else figures["ICC"] / best
                figures["share_of_ceiling_icc"] = ratio if ratio is None else _rounded(ratio)
    seen = resolved(spacing)
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "grid_mm": spacing,
        "fitted_on": len(reference),
        "causes": {
            name: {"how": s.how, "coarsest_mm": s.coarsest_mm or None, "used": name in seen}
            for name, s in SHOWN.items()
        },
        "readers": readers,
        "sets": {name: int(rows.sum()) for name, rows in sets.items()},
        "units": {m.value: m.unit for m in Measure},
    }


def _view(patients: Sequence[PhantomPatient], spacing: float) -> _View:
    table, state = columns(patients), scan_states(patients)
    medians, _ = predicted(patients)
    volume, age, height = state["lung_volume_l"], table["age"], table["height_cm"]
    perc85 = expected_percentile(patients) / 100.0
    seen = resolved(spacing)
    causes = [table[n] for n in seen if n not in {"effort", "lung_size_z", "tissue_z", "ild_basal", *PATTERNS}]
    if "effort" in seen:
        causes.append(np.log(table["effort"]))
    if "ild_extent" in seen:
        causes += [table["ild_extent"] ** 2]
        causes += [table["ild_extent"] * table[n] for n in ("ild_basal", *PATTERNS[:2]) if n in seen]
    people = [table["male"], age, age**2 / 1000.0, np.log(height)]
    linear, logarithmic = {}, {}
    for measure, median in medians.items():
        logarithmic[_CEILING, measure] = _design(
            np.log(median), *people, np.log(state["lung_air_l"]), np.log(volume), *causes
        )
        logarithmic[_VOLUME, measure] = _design(np.log(volume))
        logarithmic[_PLAIN, measure] = _design(np.log(volume), perc85, perc85**2, *people)
        linear[_VOLUME, measure] = _design(volume)
        linear[_PLAIN, measure] = _design(volume, perc85, table["male"], age, height)
    return _View(logarithmic, linear, volume)


def _design(*columns_: Float64Array) -> Float64Array:
    return np.column_stack([np.ones(len(columns_[0])), *columns_])


def _read(reader: str, measure: Measure, here: _View, there: _View, taught: Float64Array) -> Float64Array:
    """Fit on ``there`` and estimate ``here``, on the logarithmic or the linear scale, whichever fits better."""
    key = reader, measure
    weights = np.linalg.lstsq(there.log[key], np.log(taught), rcond=None)[0]
    fitted = np.exp(there.log[key] @ weights)
    smearing = float(np.mean(taught / fitted))  # Duan 1983, doi 10.1080/01621459.1983.10478017
    estimated: Float64Array = smearing * np.exp(here.log[key] @ weights)
    if key in there.linear:
        straight = np.linalg.lstsq(there.linear[key], taught, rcond=None)[0]
        if icc_a1(there.linear[key] @ straight, taught) > icc_a1(smearing * fitted, taught):
            estimated = here.linear[key] @ straight
    return estimated


def _figures(measured: Float64Array, estimated: Float64Array, volume: Float64Array) -> dict[str, Any]:
    figures: dict[str, Any] = {"n": len(measured)}
    if len(measured) < FEWEST:
        return figures | dict.fromkeys(("R", "ICC", "MAE", "partial_R_at_fixed_lung_volume"))
    return figures | {
        "R": _rounded(pearson_r(measured, estimated)),
        "ICC": _rounded(icc_a1(measured, estimated)),
        "MAE": _rounded(float(np.abs(measured - estimated).mean())),
        "partial_R_at_fixed_lung_volume": _rounded(partial_r(measured, estimated, volume)),
    }


def _rounded(value: float) -> float | None:
    """Six decimals: the last bits of a regression depend on the machine."""
    return finite_or_none(round(value, 6))
