"""Bootstrap over patients, with bias-corrected and accelerated intervals."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from scipy import stats

from spiroct.evaluation.sums import PairSums, metrics_of
from spiroct.types import AnyArray, Float64Array, UInt8Array

RESAMPLES = 2000
_CHUNK_BYTES = 64 * 2**20
_REMEMBERED_BYTES = 128 * 2**20
_LEAST_DEFINED = 0.9  # share of resamples in which a metric must be defined for an interval


def resampled_weights(patients: int, *, resamples: int = RESAMPLES, seed: int = 0) -> Iterator[Float64Array]:
    """Draw patients with replacement, as often as there are patients.

    Parameters
    ----------
    patients : int
    resamples : int
    seed : int
        The same numbers give the same draws.

    Yields
    ------
    array (chunk, patients)
        How often each patient was drawn, some resamples at a time.
    """
    if patients * resamples <= _REMEMBERED_BYTES:
        counts, chunk = _counts(patients, resamples, seed), max(1, _CHUNK_BYTES // (8 * patients))
        for first in range(0, resamples, chunk):
            yield counts[first : first + chunk].astype(np.float64)
        return
    rng = _generator(patients, seed)
    for _ in range(resamples):
        yield _draw(rng, patients)[None].astype(np.float64)


@lru_cache(maxsize=8)
def _counts(patients: int, resamples: int, seed: int) -> UInt8Array:
    """Draws of one number of patients; the measures of a fold share them. Nobody is drawn 256 times."""
    rng = _generator(patients, seed)
    return np.stack([_draw(rng, patients).astype(np.uint8) for _ in range(resamples)])


def _generator(patients: int, seed: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence((seed, patients)))


def _draw(rng: np.random.Generator, patients: int) -> AnyArray:
    return np.bincount(rng.integers(0, patients, patients, dtype=np.int32), minlength=patients)


def bootstrap_metrics(
    sums: PairSums, *, resamples: int = RESAMPLES, seed: int = 0, level: float = 0.95
) -> dict[str, tuple[float, float]]:
    """Give every metric of :func:`spiroct.evaluation.sums.metrics_of` an interval by resampling patients.

    All scans of a patient are drawn together, so that repeated scans do not make an interval too narrow.

    Returns
    -------
    dict of str to (float, float)
        Limits by metric; NaN where undefined (see :func:`bca_limits`).
    """
    drawn = np.concatenate([w @ sums.table for w in resampled_weights(len(sums.table), resamples=resamples, seed=seed)])
    total = sums.table.sum(axis=0)
    values, replicates = metrics_of(total, sums.centre), metrics_of(drawn, sums.centre)
    jackknife = metrics_of(total - sums.table, sums.centre)
    return {name: bca_limits(float(values[name]), replicates[name], jackknife[name], level=level) for name in values}


def bca_limits(
    value: float, replicates: Float64Array, jackknife: Float64Array, *, level: float = 0.95
) -> tuple[float, float]:
    """Compute bias-corrected and accelerated limits from bootstrap replicates.

    Efron 1987, J Am Stat Assoc 82:171; Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter 14.

    Parameters
    ----------
    value : float
        The statistic of the sample.
    replicates : array (resamples,)
        The statistic of each resample; NaN where undefined.
    jackknife : array (patients,)
        The statistic without each patient; an empty array means no acceleration.
    level : float

    Returns
    -------
    lower, upper : float
        NaN where the value is undefined, or in more than a tenth of the resamples, or lies outside all of them.
    """
    known = replicates[np.isfinite(replicates)]
    if not np.isfinite(value) or len(known) < _LEAST_DEFINED * len(replicates) or not len(known):
        return float("nan"), float("nan")
    if np.ptp(known) <= 1e-12 * max(abs(value), 1e-300):
        return value, value
    below = (np.count_nonzero(known < value) + np.count_nonzero(known <= value)) / (2 * len(known))
    if not 0 < below < 1:
        return float("nan"), float("nan")
    z0 = float(stats.norm.ppf(below))
    left = jackknife[np.isfinite(jackknife)]
    acceleration = 0.0
    if len(left):
        deviations = left.mean() - left
        spread = float((deviations**2).sum())
        acceleration = float((deviations**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
    z = z0 + stats.norm.ppf([(1 - level) / 2, (1 + level) / 2])
    shares = stats.norm.cdf(z0 + z / (1 - acceleration * z))
    lower, upper = np.quantile(known, shares)
    return float(lower), float(upper)
