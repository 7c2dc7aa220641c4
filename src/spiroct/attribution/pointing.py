"""The pointing game (Zhang 2018) in a volume: whether the change of a map points to what changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from spiroct.types import AnyArray, BoolArray, Float32Array, Float64Array, UInt8Array

TOLERANCE_MM = 15.0
CENTRE_MM, HILUM_MM, SPECKLE_MM = 30.0, 25.0, 20.0
NEAR_VESSELS_MM = 15.0
RANDOM_MAPS = 20
RESAMPLES = 2000
BASELINES = ("centre_of_lung", "hilar", "random_in_lung")


@dataclass(frozen=True)
class Score:
    """How well a map points to the truth.

    Parameters
    ----------
    hit : float
        1 where the largest value lies in the truth or within 15 mm of it, else 0; a mean for several maps.
    share : float
        Share of the map's mass, without sign, that lies in the truth.
    """

    hit: float
    share: float


def near(truth: BoolArray, spacing_mm: float) -> BoolArray:
    """Find what lies within the tolerance of the truth (z, y, x): where a map may point and still hit."""
    if not truth.any():
        return np.zeros(truth.shape, bool)
    return np.asarray(ndimage.distance_transform_edt(~truth, sampling=spacing_mm) <= TOLERANCE_MM)


def score(values: AnyArray, truth: BoolArray, target: BoolArray, body: BoolArray) -> Score:
    """Let a map point.

    Parameters
    ----------
    values : array (z, y, x)
        The change of a map; its sign does not matter.
    truth : array (z, y, x)
        What changed.
    target : array (z, y, x)
        From :func:`near`.
    body : array (z, y, x)
        Where the map may point at all.
    """
    size = np.abs(values) * body
    if not size.any():
        return Score(0.0, 0.0)
    return Score(float(target.flat[int(np.argmax(size))]), float(size[truth].sum() / size.sum()))


def idle_maps(
    lungs: UInt8Array, vessels: BoolArray, spacing_mm: float, rng: np.random.Generator
) -> dict[str, list[Float32Array]]:
    """Make maps that know nothing: about the centre of each lung, about its hilum, and random in the lungs.

    Parameters
    ----------
    lungs : array (z, y, x)
        1 right, 2 left.
    vessels : array (z, y, x)
        Heart and great vessels.
    spacing_mm : float
    rng : numpy Generator
        Of the random maps.
    """
    places: Float64Array = np.moveaxis(np.indices(lungs.shape), 0, -1).astype(np.float64) * spacing_mm
    beside = ndimage.distance_transform_edt(~vessels, sampling=spacing_mm) <= NEAR_VESSELS_MM
    centre, hilum = np.zeros(lungs.shape), np.zeros(lungs.shape)
    for side in (1, 2):
        own = lungs == side
        middle = places[own].mean(axis=0)
        root = places[own & beside].mean(axis=0) if (own & beside).any() else middle
        centre = np.maximum(centre, _bump(places, middle, CENTRE_MM) * own)
        hilum = np.maximum(hilum, _bump(places, root, HILUM_MM))
    inside = lungs > 0
    random = [(_noise(lungs.shape, spacing_mm, rng) * inside).astype(np.float32) for _ in range(RANDOM_MAPS)]
    return {
        "centre_of_lung": [centre.astype(np.float32)],
        "hilar": [hilum.astype(np.float32)],
        "random_in_lung": random,
    }


def mean_score(scores: list[Score]) -> Score:
    """Mean of several maps' scores."""
    return Score(float(np.mean([s.hit for s in scores])), float(np.mean([s.share for s in scores])))


@dataclass(frozen=True)
class Advantage:
    """Mean over patients of a method's score minus a baseline's, with a 95 % bootstrap interval over patients."""

    value: float
    lower: float
    upper: float
    n: int


def advantage(own: AnyArray, baseline: AnyArray, *, seed: int) -> Advantage:
    """Compare paired scores (patients,) of a method and a baseline."""
    difference = np.asarray(own, np.float64) - np.asarray(baseline, np.float64)
    return Advantage(float(difference.mean()), *_percentiles(difference, seed), len(difference))


def rate(values: AnyArray, *, seed: int) -> Advantage:
    """Mean of scores (patients,) with a 95 % bootstrap interval over patients."""
    return advantage(values, np.zeros(len(values)), seed=seed)


def beats_chance(against: Mapping[str, Advantage]) -> bool:
    """Whether a method is better than all idle maps, every interval above 0."""
    return all(against[name].lower > 0 for name in BASELINES)


def _percentiles(values: Float64Array, seed: int) -> tuple[float, float]:
    drawn = np.random.default_rng(seed).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.percentile(values[drawn].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def _bump(places: Float64Array, middle: Float64Array, width_mm: float) -> Float64Array:
    bump: Float64Array = np.exp(-((places - middle) ** 2).sum(axis=-1) / (2 * width_mm**2))
    return bump


def _noise(shape: tuple[int, ...], spacing_mm: float, rng: np.random.Generator) -> Float64Array:
    noise: Float64Array = ndimage.gaussian_filter(rng.normal(size=shape), SPECKLE_MM / spacing_mm)
    return noise
