"""Agreement of two or more series: intraclass correlation for absolute agreement, and Pearson's R."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spiroct.types import Float64Array


@dataclass(frozen=True)
class MeanSquares:
    """Two-way analysis of variance of ``patients`` measured by ``raters``, in the squared unit of the measure."""

    patients: int
    raters: int
    between_patients: float
    between_raters: float
    error: float


def icc_a1(*series: Float64Array) -> float:
    """Compute the intraclass correlation for absolute agreement of single measurements, ICC(A,1).

    Formula of McGraw and Wong 1996, Psychol Methods 1:30, Table 4 (two-way), which is ICC(2,1) of Shrout
    and Fleiss 1979: a constant offset between the series counts as disagreement.

    Parameters
    ----------
    *series : arrays (n,)
        Two or more, usually measured and estimated; the order does not matter. No missing values.

    Returns
    -------
    float
        1 at perfect agreement, about 0 at none, and it may be negative; NaN where nothing varies.

    Raises
    ------
    ValueError
        If there are fewer than two series or two patients, or a value is missing.

    Notes
    -----
    ICC falls both with scatter and with bias, and rises with the spread of the patients: compare it within
    one cohort only.
    """
    squares = mean_squares(*series)
    n, k, error = squares.patients, squares.raters, squares.error
    denominator = squares.between_patients + (k - 1) * error + k / n * (squares.between_raters - error)
    return (squares.between_patients - error) / denominator if denominator > 0 else float("nan")


def mean_squares(*series: Float64Array) -> MeanSquares:
    """Split the variance of two or more series (n,) two ways: between patients, between series, and the rest.

    Raises
    ------
    ValueError
        As :func:`icc_a1`.
    """
    table = _table(series)
    n, k = table.shape
    grand = table.mean()
    rows, raters = table.mean(axis=1), table.mean(axis=0)
    residual = table - rows[:, None] - raters[None, :] + grand
    return MeanSquares(
        patients=n,
        raters=k,
        between_patients=k * float(((rows - grand) ** 2).sum()) / (n - 1),
        between_raters=n * float(((raters - grand) ** 2).sum()) / (k - 1),
        error=float((residual**2).sum()) / ((n - 1) * (k - 1)),
    )


def pearson_r(measured: Float64Array, estimated: Float64Array) -> float:
    """Compute Pearson's correlation coefficient of two series (n,).

    Returns
    -------
    float
        -1 to 1; NaN where one series is constant.

    Raises
    ------
    ValueError
        If the series differ in length, are shorter than two, or hold a missing value.
    """
    table = _table((measured, estimated))
    centred = table - table.mean(axis=0)
    norms = np.sqrt((centred**2).sum(axis=0))
    # a constant series keeps a rounding error of its mean
    if (norms <= 1e-12 * np.abs(table).max(axis=0) * len(table)).any():
        return float("nan")
    return float(np.clip((centred[:, 0] / norms[0]) @ (centred[:, 1] / norms[1]), -1.0, 1.0))


def partial_r(measured: Float64Array, estimated: Float64Array, given: Float64Array) -> float:
    """Compute the correlation of two series at a fixed third one (first-order partial correlation).

    Parameters
    ----------
    measured, estimated, given : arrays (n,)

    Returns
    -------
    float
        (r12 - r13 r23) / sqrt((1 - r13^2)(1 - r23^2)); NaN where a series is constant or is the given one.
    """
    r12, r13, r23 = (pearson_r(a, b) for a, b in ((measured, estimated), (measured, given), (estimated, given)))
    left = (1 - r13**2) * (1 - r23**2)
    if not left > 1e-12:
        return float("nan")
    return float(np.clip((r12 - r13 * r23) / np.sqrt(left), -1.0, 1.0))


def _table(series: tuple[Float64Array, ...]) -> Float64Array:
    lengths = {np.shape(one) for one in series}
    if len(series) < 2 or len(lengths) != 1 or len(next(iter(lengths))) != 1:
        raise ValueError(f"agreement needs two or more series of one length, got shapes {sorted(lengths)}")
    table: Float64Array = np.stack([np.asarray(one, dtype=np.float64) for one in series], axis=1)
    if len(table) < 2 or not np.isfinite(table).all():
        raise ValueError(f"agreement needs at least two patients without missing values, got {len(table)}")
    return table
