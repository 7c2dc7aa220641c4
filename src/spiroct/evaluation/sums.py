"""Every accuracy metric as a function of sums over patients, so that one matrix product resamples all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spiroct.types import AnyArray, Float64Array

_COLUMNS = ("n", "x", "y", "xx", "yy", "xy", "error", "absolute", "squared", "percent", "percent2", "bounded",
            "inside", "width")  # fmt: skip
_AT = {name: i for i, name in enumerate(_COLUMNS)}
LIMIT_Z = 1.959963984540054  # of the limits of agreement


@dataclass(frozen=True, eq=False)
class PairSums:
    """Sums of measured and estimated values over the scans of each patient.

    Parameters
    ----------
    table : array (patients, sums)
        One row a patient.
    centre : float
        Subtracted from measured and estimated before summing, so that squares do not cancel.
    """

    table: Float64Array
    centre: float


def pair_sums(
    measured: Float64Array,
    estimated: Float64Array,
    *,
    patients: Sequence[object] | AnyArray | None = None,
    lower: Float64Array | None = None,
    upper: Float64Array | None = None,
) -> PairSums:
    """Sum up measured and estimated values by patient.

    Parameters
    ----------
    measured, estimated : arrays (n,)
        In one unit, no missing values.
    patients : sequence (n,), optional
        Whose scan each row is; every row is a patient of its own by default.
    lower, upper : arrays (n,), optional
        Interval of each estimate; NaN where it has none.
    """
    x, y = np.asarray(measured, dtype=np.float64), np.asarray(estimated, dtype=np.float64)
    centre = float(x.mean()) if len(x) else 0.0
    error = y - x
    percent = 100 * np.abs(error) / np.where(x == 0, np.nan, x)
    low = np.full(len(x), np.nan) if lower is None else np.asarray(lower, dtype=np.float64)
    high = np.full(len(x), np.nan) if upper is None else np.asarray(upper, dtype=np.float64)
    bounded = np.isfinite(low) & np.isfinite(high)
    inside = bounded & (low <= x) & (x <= high)
    cx, cy = x - centre, y - centre
    columns = (np.ones(len(x)), cx, cy, cx * cx, cy * cy, cx * cy, error, np.abs(error), error * error, percent,
               percent * percent, bounded, inside, np.where(bounded, high - low, 0.0))  # fmt: skip
    rows = np.stack([np.asarray(c, dtype=np.float64) for c in columns], axis=1)
    if patients is None:
        return PairSums(rows, centre)
    _, owner = np.unique(np.asarray(patients), return_inverse=True)
    count = int(owner.max()) + 1 if len(owner) else 0
    if count == len(rows):
        return PairSums(rows, centre)
    return PairSums(
        np.stack([np.bincount(owner, weights=c, minlength=count) for c in rows.T], axis=1).astype(np.float64), centre
    )


def metrics_of(sums: Float64Array, centre: float = 0.0) -> dict[str, Float64Array]:
    """Compute every metric from sums.

    Parameters
    ----------
    sums : array (..., sums)
        Rows of :class:`PairSums`, added up; any leading shape.
    centre : float
        As in :class:`PairSums`.

    Returns
    -------
    dict of str to array (...)
        ``bias`` (estimated minus measured), ``error_sd``, ``mae``, ``mae_sd``, ``rmse`` in the unit of the measure;
        ``mape``, ``mape_sd`` in percent of the measured value (Jia 2023, equations 1 and 2, with sample standard
        deviations); ``r``; ``r2`` (1 - sum of squared errors / sum of squares about the mean: of the estimates as they
        are, not of a line fitted to them, so that it may be negative); ``icc_a1``, ``icc_c1``, ``icc_ak`` (McGraw and
        Wong 1996); ``ccc`` (Lin 1989); ``slope``, ``intercept`` of measured on estimated (calibration: 1 and 0 are
        perfect); ``loa_lower``, ``loa_upper`` (Bland and Altman 1999); ``coverage`` in percent and ``width`` of the
        intervals. NaN where undefined.
    """
    s = {name: sums[..., i] for name, i in _AT.items()}
    n = s["n"]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_x, mean_y = s["x"] / n, s["y"] / n
        vxx, vyy = _positive(s["xx"], n * mean_x**2), _positive(s["yy"], n * mean_y**2)
        vxy = s["xy"] - n * mean_x * mean_y
        bias, mae, mape = s["error"] / n, s["absolute"] / n, s["percent"] / n
        error_sd = np.sqrt(_positive(s["squared"], n * bias**2) / (n - 1))
        slope = vxy / vyy
        between = (vxx + vyy + 2 * vxy) / (2 * (n - 1))
        residual = error_sd**2 / 2
        raters = n * bias**2 / 2
        c1 = (between - residual) / (between + residual)
        a1 = (between - residual) / (between + residual + 2 / n * (raters - residual))
        return {
            "bias": bias,
            "error_sd": error_sd,
            "mae": mae,
            "mae_sd": np.sqrt(_positive(s["squared"], n * mae**2) / (n - 1)),
            "mape": mape,
            "mape_sd": np.sqrt(_positive(s["percent2"], n * mape**2) / (n - 1)),
            "rmse": np.sqrt(s["squared"] / n),
            "r": np.clip(vxy / np.sqrt(vxx * vyy), -1.0, 1.0),
            "r2": 1 - s["squared"] / vxx,
            "icc_a1": a1,
            "icc_c1": c1,
            "icc_ak": 2 * a1 / (1 + a1),
            "ccc": 2 * vxy / (vxx + vyy + n * bias**2),
            "slope": slope,
            "intercept": centre + mean_x - slope * (centre + mean_y),
            "loa_lower": bias - LIMIT_Z * error_sd,
            "loa_upper": bias + LIMIT_Z * error_sd,
            "coverage": 100 * s["inside"] / s["bounded"],
            "width": s["width"] / s["bounded"],
        }


def _positive(total: Float64Array, part: Float64Array) -> Float64Array:
    """Difference of a sum of squares and what its mean explains; what rounding leaves of nothing is nothing."""
    left = total - part
    return np.asarray(np.where(left > 1e-12 * np.abs(total), left, 0.0), dtype=np.float64)


def count_of(sums: Float64Array, name: str) -> float:
    """Add one of the sums up over patients: ``"n"`` scans, ``"bounded"`` with an interval, ``"inside"`` of it."""
    return float(sums[:, _AT[name]].sum())
