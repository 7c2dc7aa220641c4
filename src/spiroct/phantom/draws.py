"""Draw simulated patients: all that is random about patient i of a cohort is a function of (seed, i)."""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy.special import betaincinv, gammaincinv, ndtr, ndtri

from spiroct.errors import InputError
from spiroct.phantom.causes import RANGES, effects_named
from spiroct.phantom.patient import PhantomPatient
from spiroct.phantom.population import Population, Protocol, SubsetTraits, population
from spiroct.phantom.quota import Share, draw

# One uniform number each, in this order. New draws go to the end, so that old seeds keep their patients.
_DRAWS = (
    *("age", "height_cm", "bmi", "ild_extent", "ground_glass", "reticulation", "honeycombing", "ild_basal"),
    *("ild_asymmetry", "emphysema_present", "emphysema", "emphysema_upper", "vasculopathy", "pah_severity"),
    *("wall", "muscle", "oesophagus", "airway_narrowing", "airway_size_z", "capillary_z", "lung_size_z"),
    *("fvc_z", "vessel_calibre_z", "effort", "tissue_z", "thorax_width_z", "thorax_depth_z", "diaphragm_z"),
    *("heart_size_z", "fat_z", "muscle_z", "breast_z", "calcification_z", "haemoglobin", "protocol", "noise"),
    *("fov", "offset", "slope", "noise_dlco", "noise_fev1", "noise_fvc", "noise_tlc"),
)
_STANDARD_NORMAL = tuple(n for n in _DRAWS if n.endswith("_z") or n.startswith("noise_"))
# Begins every simulated patient's identifier, so that nobody takes one for a patient.
SIMULATED_PREFIX = "SIM-"
# Which trait a quota is for; part of its entropy.
_SEX, _SMOKER, _SUBSET, _ILD, _PAH = range(1, 6)
_NO_DISEASE = SubsetTraits(Share(0, 1), 1.0, 0.0, 0.0)


def draw_patient(
    seed: int,
    index: int,
    *,
    site: str = "A",
    preset: str = "ssc",
    variant: int = 1,
    without: tuple[str, ...] = (),
) -> PhantomPatient:
    """Draw patient ``index`` of the cohort ``seed``.

    Continuous traits come from ``SeedSequence((seed, index))`` by inverting each distribution, so that a
    changed distribution of one trait leaves all others as they are. Sex, smoking, subset, ILD and PAH come
    from quotas (:mod:`spiroct.phantom.quota`): any first n patients of a cohort hold their shares to within a
    patient or two, and a larger cohort begins with the smaller one.

    Parameters
    ----------
    seed : int
        Seed of the cohort.
    index : int
        Place of the patient in the cohort, from 0.
    site : {"A", "B"}
        Hospital: scanner, protocol and demographics.
    preset : {"ssc", "healthy"}
        Systemic sclerosis, or healthy people at full inspiration.
    variant : {1, 2}
        Generator of vessels and texture.
    without : tuple of str
        Causes whose effect on lung function is zero, or the unmistakable beginnings of their names; the drawn
        patient is otherwise the same.

    Returns
    -------
    PhantomPatient

    Raises
    ------
    UsageError
        If a site, preset or effect is unknown.
    InputError
        If the seed or index is negative.
    """
    people = population(site, preset)
    without = effects_named(without)
    if seed < 0 or index < 0:
        raise InputError(f"seed {seed}, index {index}", "neither is negative", "count from 0")
    rng = np.random.default_rng(np.random.SeedSequence((seed, index)))
    u = dict(zip(_DRAWS, rng.random(len(_DRAWS)).tolist(), strict=True))
    seeds = rng.integers(0, 2**32, size=4).tolist()
    quota = partial(_quota, seed)
    male, _ = quota(people.male, index, (_SEX,))
    smoker, _ = quota(people.smoker, index, (_SMOKER,))
    subset, traits, rank = _subset(people, quota, index)
    ild, rank = quota(traits.ild, rank, (_ILD, *_code(subset)))
    base, limited, with_ild = people.pah_permille
    pah_share = Share(base + limited * (subset == "limited") + with_ild * ild, 1000)
    pah, _ = quota(pah_share, rank, (_PAH, *_code(subset), int(ild)))
    values: dict[str, float | None] = {name: float(ndtri(u[name])) for name in _STANDARD_NORMAL}
    values |= _body(people, u, male=male)
    values |= _interstitial(traits, u, ild=ild)
    values |= _other_disease(people, traits, u, smoker=smoker, pah=pah, ild_extent=values["ild_extent"] or 0.0)
    values |= _effort(people, u, weakness=values["muscle_weakness"] or 0.0)
    protocol = _protocol(people.protocols, u["protocol"])
    values |= _scan(people, protocol, u, bmi=values["bmi"] or 0.0)
    return PhantomPatient(
        patient_id=f"{SIMULATED_PREFIX}{site}{seed}-{index:05d}"
        if preset == "ssc"
        else f"{SIMULATED_PREFIX}H{site}{seed}-{index:05d}",
        seed=seed,
        index=index,
        site=site,
        preset=preset,
        variant=variant,
        sex="M" if male else "F",
        subset=subset,
        pah=pah,
        smoker=smoker,
        kernel=protocol.kernel,
        without=without,
        **dict(zip(("anatomy_seed", "vessel_seed", "texture_seed", "noise_seed"), seeds, strict=True)),
        **{name: _clipped(name, value) for name, value in values.items()},  # type: ignore[arg-type]
    )


def _clipped(name: str, value: float | None) -> float | None:
    """Six decimals keep the record readable; the range keeps a far tail from being refused."""
    if value is None:
        return None
    low, high = RANGES[name]
    return round(min(max(value, low), high), 6)


def _quota(seed: int, share: Share, rank: int, trait: tuple[int, ...]) -> tuple[bool, int]:
    place = draw(share, rank, (seed, *trait))
    return place.member, place.rank


def _code(subset: str) -> tuple[int, ...]:
    """Text as entropy."""
    return tuple(subset.encode())


def _subset(people: Population, quota: partial[tuple[bool, int]], rank: int) -> tuple[str, SubsetTraits, int]:
    """Split the cohort subset by subset: each time one subset against those that remain."""
    if not people.subsets:
        return "none", _NO_DISEASE, rank
    remaining = sum(permille for permille, _ in people.subsets.values())
    for name, (permille, traits) in people.subsets.items():
        member, rank = quota(Share(permille, remaining), rank, (_SUBSET, *_code(name)))
        if member:
            return name, traits, rank
        remaining -= permille
    raise ValueError("the last subset takes all that remain")


def _gamma(u: float, shape: float, scale: float) -> float:
    return float(gammaincinv(shape, u)) * scale


def _beta(u: float, a: float, b: float) -> float:
    return float(betaincinv(a, b, u))


def _body(people: Population, u: dict[str, float], *, male: bool) -> dict[str, float | None]:
    mean, sd, low, high = people.age
    ends = ndtr((low - mean) / sd), ndtr((high - mean) / sd)
    age = mean + sd * float(ndtri(ends[0] + u["age"] * (ends[1] - ends[0])))
    height_mean, height_sd = people.height_m if male else people.height_f
    median, variation = people.bmi
    haemoglobin = (14.6, 1.2) if male else (13.2, 1.1)  # g/dL; anaemia is common in SSc
    return {
        "age": age,
        # 0.2 cm a decade: birth cohorts and shrinking
        "height_cm": height_mean + height_sd * float(ndtri(u["height_cm"])) - 0.02 * (age - 53.4),
        "bmi": median * float(np.exp(variation * ndtri(u["bmi"]))),
        "haemoglobin": haemoglobin[0] + haemoglobin[1] * float(ndtri(u["haemoglobin"])),
    }


def _interstitial(traits: SubsetTraits, u: dict[str, float], *, ild: bool) -> dict[str, float | None]:
    """Extent by subset; honeycombing grows with extent; mostly the base is hit first."""
    extent = (0.02 + 0.68 * _beta(u["ild_extent"], 1.15, 3.2) * traits.extent) if ild else 0.0
    patterns = np.array(
        [
            _gamma(u["ground_glass"], 2.2, 1.0),
            _gamma(u["reticulation"], 1.8, 1.0),
            _gamma(u["honeycombing"], 0.5, 0.2 + 3.0 * extent),
        ]
    )
    glass, reticulation, honeycombing = (patterns / patterns.sum()).tolist()
    return {
        "ild_extent": extent,
        "ild_ground_glass": glass,
        "ild_reticulation": reticulation,
        "ild_honeycombing": honeycombing,
        "ild_basal": _beta(u["ild_basal"], 5.0, 2.5),
        "ild_asymmetry": 0.12 * float(ndtri(u["ild_asymmetry"])),
    }


def _other_disease(
    people: Population,
    traits: SubsetTraits,
    u: dict[str, float],
    *,
    smoker: bool,
    pah: bool,
    ild_extent: float,
) -> dict[str, float | None]:
    ssc = bool(people.subsets)
    vessels = _gamma(u["vasculopathy"], 1.2, 0.25) + pah * (0.5 + _gamma(u["pah_severity"], 2.0, 0.5))
    emphysema = smoker and u["emphysema_present"] < 0.35
    oesophagus = 12.0 * float(np.exp(0.3 * ndtri(u["oesophagus"])))
    return {
        "vasculopathy": vessels if ssc else 0.0,
        "chest_wall_stiffness": _gamma(u["wall"], 1.5, 1 / 1.5) * traits.wall,
        "muscle_weakness": _gamma(u["muscle"], 1.5, 1 / 1.5) * traits.muscle,
        "emphysema": _beta(u["emphysema"], 1.3, 6.0) if emphysema else 0.0,
        "emphysema_upper": _beta(u["emphysema_upper"], 4.0, 2.0),
        "airway_narrowing": _gamma(u["airway_narrowing"], 2.0, 0.5) * (0.25 + 0.6 * smoker),
        # planted confounder: widens with ILD and vasculopathy, acts on nothing
        "oesophagus_width_mm": oesophagus * (1 + 1.6 * ild_extent**0.5 + 0.15 * vessels if ssc else 1.0),
    }


def _effort(people: Population, u: dict[str, float], *, weakness: float) -> dict[str, float | None]:
    """Beta on 0.5 to 1: most breathe in nearly fully, some do not; weak muscles cannot."""
    mean, sd = ((people.effort[0] - 0.5) * 2, people.effort[1] * 2)
    total = mean * (1 - mean) / sd**2 - 1
    reached = 0.5 + 0.5 * _beta(u["effort"], mean * total, (1 - mean) * total)
    return {"effort": reached - 0.02 * (weakness - 1.0) * bool(people.subsets)}


def _protocol(protocols: tuple[Protocol, ...], u: float) -> Protocol:
    for protocol in protocols:
        u -= protocol.weight
        if u < 0:
            return protocol
    return protocols[-1]


def _scan(people: Population, protocol: Protocol, u: dict[str, float], *, bmi: float) -> dict[str, float | None]:
    offset, spread = people.calibration_hu
    return {
        # quantum noise grows with the attenuation of the body
        "noise_hu": protocol.noise_hu * float(np.exp(0.15 * ndtri(u["noise"]) + 0.03 * (bmi - 25.0))),
        "slice_thickness_mm": protocol.slice_thickness_mm,
        "slice_spacing_mm": protocol.slice_spacing_mm,
        "spacing_mm": protocol.spacing_mm,
        "fov_mm": protocol.spacing_mm * 512 + 8.0 * float(ndtri(u["fov"])) + 2.0 * (bmi - 25.0),
        "padding_hu": protocol.padding_hu,
        "calibration_offset_hu": offset + spread * float(ndtri(u["offset"])),
        "calibration_slope": 1.0 + 0.004 * float(ndtri(u["slope"])),
    }
