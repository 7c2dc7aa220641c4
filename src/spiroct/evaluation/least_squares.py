"""Multiple linear regression by least squares, and the checks that a table must pass before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special, stats

from spiroct.errors import InputError, UsageError
from spiroct.types import Float64Array

LEAST_TOLERANCE = 1e-4  # SPSS's own: below it a predictor is as good as a combination of the others
PERFECT = 1e-12  # what is left of a variance when only rounding is left


@dataclass(frozen=True, eq=False)
class Design:
    """The complete patients of a table, as numbers.

    Parameters
    ----------
    response : str
        Name of the column to explain.
    predictors : tuple of str
        Names of the columns of ``x``.
    x, y : arrays (n, p), (n,)
        Predictors and response.
    rows : array (n,)
        Positions in the table of the patients kept, first 0.
    dropped : int
        Patients left out because a value is missing.
    """

    response: str
    predictors: tuple[str, ...]
    x: Float64Array
    y: Float64Array
    rows: np.ndarray
    dropped: int


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """A linear regression with intercept of n patients on k predictors.

    Parameters
    ----------
    intercept, coefficients : float, array (k,)
        In the unit of the response, per unit of each predictor.
    errors : array (k + 1,)
        Standard errors, the intercept first.
    standardised : array (k,)
        Coefficients per SD of predictor and response ("beta").
    tolerance : array (k,)
        Share of each predictor's variance that the others do not explain; its inverse is the VIF.
    r2 : float
        Share of the response's variance explained.
    n : int
        Patients.
    standard_error : float
        Residual standard deviation, in the unit of the response.
    """

    intercept: float
    coefficients: Float64Array
    errors: Float64Array
    standardised: Float64Array
    tolerance: Float64Array
    r2: float
    n: int
    standard_error: float

    @property
    def freedom(self) -> int:
        """Residual degrees of freedom."""
        return self.n - len(self.coefficients) - 1

    @property
    def r(self) -> float:
        """Multiple correlation: of the response with the fitted values, 0 to 1."""
        return float(np.sqrt(self.r2))

    @property
    def adjusted_r2(self) -> float:
        """R2 less what as many predictors explain by chance (Ezekiel; what SPSS prints)."""
        return 1 - (1 - self.r2) * (self.n - 1) / self.freedom

    @property
    def t(self) -> Float64Array:
        """Student's t of intercept and coefficients (k + 1,); infinite where the fit is perfect."""
        values = np.array([self.intercept, *self.coefficients])
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio: Float64Array = values / self.errors
        return ratio

    @property
    def p(self) -> Float64Array:
        """Two-sided p of intercept and coefficients (k + 1,)."""
        both: Float64Array = 2 * special.stdtr(self.freedom, -np.abs(self.t))
        return both


def design_of(table: pd.DataFrame, response: str, predictors: Sequence[str]) -> Design:
    """Take response and predictors of the complete patients out of a table, and refuse what cannot be regressed.

    Parameters
    ----------
    table : DataFrame
        One row a patient.
    response : str
        Column to explain.
    predictors : sequence of str
        Columns to explain it with.

    Raises
    ------
    UsageError
        If there is no predictor, one is named twice, or the response is among them.
    InputError
        If a column is missing, holds text or does not vary; there are too few complete patients; or the predictors are
        collinear.

    Notes
    -----
    A patient with any missing value is left out (listwise, SPSS's default). At least two patients a predictor are
    asked for, which Austin and Steyerberg 2015 (J Clin Epidemiol 68:627) found the least for coefficients and their
    intervals; a selection among candidates needs more to be trusted.
    """
    names = tuple(predictors)
    if not names or len(set(names)) != len(names) or response in names:
        raise UsageError(
            f"predictors {', '.join(names) or 'none'} of {response}",
            "a regression needs at least one predictor, each named once and none the response itself",
            "choose other columns",
        )
    if missing := [name for name in (response, *names) if name not in table]:
        raise InputError(
            f"no column {', '.join(missing)} in the table",
            "a regression needs a column for the response and for each predictor",
            f"the columns are {', '.join(map(str, table.columns))}",
        )
    if text := [name for name in (response, *names) if not pd.api.types.is_numeric_dtype(table[name])]:
        raise InputError(
            f"column {', '.join(text)} holds text", "a regression needs numbers", "leave it out or code it"
        )
    values = table[[response, *names]].to_numpy(dtype=np.float64, na_value=np.nan)
    complete = np.isfinite(values).all(axis=1)
    kept = values[complete]
    n, p = len(kept), len(names)
    if n < max(2 * p, p + 3):
        raise InputError(
            f"{n} patients with all of {', '.join((response, *names))} ({len(values) - n} lack one)",
            f"{p} predictor{'s need' if p > 1 else ' needs'} {max(2 * p, p + 3)} at least",
            "add patients or take fewer predictors",
        )
    spread = np.ptp(kept, axis=0)
    constant = spread <= PERFECT * np.abs(kept).max(axis=0)
    if constant.any():
        still = ", ".join(name for name, c in zip((response, *names), constant, strict=True) if c)
        raise InputError(f"{still} is the same in all {n} patients", "what is regressed must vary", "leave it out")
    _refuse_collinear(names, kept[:, 1:])
    return Design(response, names, kept[:, 1:], kept[:, 0], np.flatnonzero(complete), len(values) - n)


def least_squares(x: Float64Array, y: Float64Array) -> LeastSquares:
    """Regress a response on predictors, with intercept.

    Parameters
    ----------
    x : array (n, k)
        Predictors, not collinear; k may be 0.
    y : array (n,)
        Response, not constant.

    Returns
    -------
    LeastSquares

    Raises
    ------
    ValueError
        If there is no residual degree of freedom left.
    """
    n, k = x.shape
    if n - k - 1 < 1:
        raise ValueError(f"{k} predictors and an intercept need at least {k + 2} patients, got {n}")
    means, mean = x.mean(axis=0), float(y.mean())
    centred, response = x - means, y - mean
    # columns of length one: the triangle is the root of the correlation matrix, whatever the units
    lengths = np.sqrt((centred**2).sum(axis=0))
    q, triangle = np.linalg.qr(centred / lengths)
    inverse = np.linalg.inv(triangle)
    scaled = inverse @ (q.T @ response)
    total = float(response @ response)
    residual = response - centred / lengths @ scaled
    left = float(residual @ residual)
    if left <= PERFECT**2 * total:
        left = 0.0
    variance = left / (n - k - 1)
    slopes = scaled / lengths
    spread = inverse @ inverse.T
    covariance = variance * spread / np.outer(lengths, lengths)
    of_intercept = variance / n + means @ covariance @ means
    return LeastSquares(
        intercept=mean - float(means @ slopes),
        coefficients=slopes,
        errors=np.sqrt(np.array([of_intercept, *np.diag(covariance)])),
        standardised=scaled / np.sqrt(total),
        tolerance=1 / np.diag(spread),
        r2=1 - left / total,
        n=n,
        standard_error=float(np.sqrt(variance)),
    )


def f_change(
    r2_before: float, r2_after: float, *, n: int, predictors_after: int, added: int = 1
) -> tuple[float, float]:
    """Test whether added predictors explain more than chance, from the two R2 alone.

    Parameters
    ----------
    r2_before, r2_after : float
        Of the model without and with them, 0 to 1.
    n : int
        Patients.
    predictors_after : int
        Predictors of the larger model.
    added : int
        How many of these are new.

    Returns
    -------
    f, p : float
        With ``added`` and n - predictors_after - 1 degrees of freedom.

    Raises
    ------
    ValueError
        If no degree of freedom is left.

    Notes
    -----
    Needs no data, so it also checks a printed table: R of 0.75 and, with one more predictor, 0.78 in 64 patients.
    """
    freedom = n - predictors_after - 1
    if freedom < 1 or added < 1:
        raise ValueError(f"{n} patients leave no degree of freedom for {predictors_after} predictors")
    rest = (1 - r2_after) / freedom
    f = (r2_after - r2_before) / added / rest if rest > 0 else float("inf")
    return float(f), float(stats.f.sf(f, added, freedom))


def coefficient_rows(fit: LeastSquares, names: Sequence[str], *, level: float = 0.95) -> list[dict[str, object]]:
    """List intercept and coefficients, one row each, with interval, standardised value, tolerance and VIF."""
    quantile = float(stats.t.ppf((1 + level) / 2, fit.freedom))
    nan = float("nan")
    rows: list[dict[str, object]] = []
    for place, name in enumerate(("(intercept)", *names)):
        value = fit.intercept if place == 0 else float(fit.coefficients[place - 1])
        half = quantile * float(fit.errors[place])
        rows.append(
            {
                "predictor": name,
                "coefficient": value,
                "standard_error": float(fit.errors[place]),
                "lower": value - half,
                "upper": value + half,
                "standardised": nan if place == 0 else float(fit.standardised[place - 1]),
                "t": float(fit.t[place]),
                "p": float(fit.p[place]),
                "tolerance": nan if place == 0 else float(fit.tolerance[place - 1]),
                "vif": nan if place == 0 else 1 / float(fit.tolerance[place - 1]),
            }
        )
    return rows


def _refuse_collinear(names: tuple[str, ...], x: Float64Array) -> None:
    """Name the predictors that form a combination: the ones that the smallest axis of their correlations mixes."""
    centred = x - x.mean(axis=0)
    _, singular, axes = np.linalg.svd(centred / np.sqrt((centred**2).sum(axis=0)), full_matrices=False)
    with np.errstate(divide="ignore"):
        tolerance = 1 / ((axes.T / singular) ** 2).sum(axis=1)
    if not (tolerance < LEAST_TOLERANCE).any():
        return
    mixed = [name for name, weight in zip(names, np.abs(axes[-1]), strict=True) if weight > 0.1]
    raise InputError(
        f"predictors {', '.join(mixed)} are collinear (tolerance {tolerance.min():.1g})",
        f"each needs a tolerance of {LEAST_TOLERANCE:g} at least, for one is a combination of the others otherwise",
        "leave one of them out",
    )
