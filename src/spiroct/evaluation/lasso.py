"""LASSO: regression that shrinks coefficients and drops some, its penalty chosen by cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from spiroct.errors import UsageError
from spiroct.evaluation.folds import deal_folds, groups_of
from spiroct.evaluation.least_squares import design_of
from spiroct.types import AnyArray, Float64Array

Rule = Literal["min", "one_se"]
PENALTIES, SMALLEST = 100, 1e-3  # a grid as scikit-learn's: so many, down to this share of the largest


@dataclass(frozen=True, eq=False)
class Lasso:
    """What the LASSO kept.

    Parameters
    ----------
    coefficients : DataFrame
        One row a predictor: ``coefficient`` in the unit of the response per unit of the predictor, and ``standardised``
        per SD of both; 0 where it was dropped. The intercept comes first.
    errors : DataFrame
        One row a penalty, the largest first: the mean squared error of patients left out (``error``), its standard
        error over the folds, and how many predictors are kept.
    penalty : float
        The chosen one, in the unit of the response.
    selected : tuple of str
        Predictors with a coefficient.
    r2 : float
        Share of variance explained in the patients it was fitted to.
    n, dropped : int
        Patients used, and left out because a value is missing.
    """

    coefficients: pd.DataFrame
    errors: pd.DataFrame
    penalty: float
    selected: tuple[str, ...]
    r2: float
    n: int
    dropped: int


def lasso(
    table: pd.DataFrame,
    response: str,
    predictors: Sequence[str],
    *,
    rule: Rule = "min",
    folds: int = 10,
    seed: int = 0,
    groups: str | None = None,
) -> Lasso:
    """Regress with a penalty on the sum of absolute standardised coefficients.

    Tibshirani 1996, J R Stat Soc B 58:267. Minimises |y - Xb|^2 / (2 n) + penalty * sum |b| with predictors of SD 1.
    The penalty has the smallest error in patients left out (``min``), or is the largest within one standard error of
    it (``one_se``: Breiman's rule, which keeps fewer).

    Parameters
    ----------
    table : DataFrame
        One row a patient, or a scan with ``groups`` naming the patient's column.
    response : str
        Column to explain.
    predictors : sequence of str
        Candidates.
    rule : {"min", "one_se"}
        Which penalty to take.
    folds : int
        Of the cross-validation, 2 or more.
    seed : int
        Deals the folds.
    groups : str, optional
        Column whose equal values stay in one fold.

    Returns
    -------
    Lasso

    Raises
    ------
    UsageError, InputError
        As :func:`spiroct.evaluation.least_squares.design_of`, and for an unknown rule or too many folds.
    """
    check_rule(rule)
    design = design_of(table, response, predictors)
    x, y = design.x, design.y
    fold = deal_folds(groups_of(table, groups, design.rows), folds, (seed,))
    errors, chosen = _choose(x, y, fold, rule)
    intercept, slopes = coefficients_at(x, y, np.array([chosen]))
    slope = slopes[0]
    residual = y - intercept[0] - x @ slope
    path = coefficients_at(x, y, errors["penalty"].to_numpy())[1]
    return Lasso(
        coefficients=pd.DataFrame(
            {
                "predictor": ["(intercept)", *design.predictors],
                "coefficient": [float(intercept[0]), *slope],
                "standardised": [float("nan"), *(slope * x.std(axis=0) / y.std())],
            }
        ),
        errors=errors.assign(predictors=(path != 0).sum(axis=1)),
        penalty=chosen,
        selected=tuple(name for name, value in zip(design.predictors, slope, strict=True) if value != 0),
        r2=1 - float(residual @ residual) / float(((y - y.mean()) ** 2).sum()),
        n=len(y),
        dropped=design.dropped,
    )


def check_rule(rule: str) -> None:
    """Refuse an unknown rule.

    Raises
    ------
    UsageError
        Unless it is ``min`` or ``one_se``.
    """
    if rule not in ("min", "one_se"):
        raise UsageError(f"LASSO rule {rule!r}", "the rules are min and one_se", "use one of these")


def fit_lasso(x: Float64Array, y: Float64Array, fold: AnyArray, rule: Rule = "min") -> tuple[float, Float64Array]:
    """Choose the penalty over the given folds and fit: intercept and coefficients (p,) of bare arrays (n, p), (n,)."""
    _, chosen = _choose(x, y, fold, rule)
    intercept, slopes = coefficients_at(x, y, np.array([chosen]))
    return float(intercept[0]), slopes[0]


def coefficients_at(x: Float64Array, y: Float64Array, penalties: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Solve for several penalties at once, exactly.

    The solution is a broken line in the penalty, whose corners least angle regression finds (Efron et al. 2004, Ann
    Stat 32:407); between them it is interpolated, so that no tolerance of an iteration enters.

    Parameters
    ----------
    x, y : arrays (n, p), (n,)
        Predictors and response.
    penalties : array (m,)
        In the unit of the response.

    Returns
    -------
    intercepts, coefficients : arrays (m,), (m, p)
        In the predictors' own units.
    """
    from sklearn.linear_model import lars_path

    means, spread, mean = x.mean(axis=0), x.std(axis=0), float(y.mean())
    varying = spread > 0  # a predictor may be the same in a whole fold
    slopes = np.zeros((len(penalties), x.shape[1]))
    if varying.any():
        scaled = (x[:, varying] - means[varying]) / spread[varying]
        corners, _, path = lars_path(scaled, y - mean, method="lasso")
        at = [np.interp(penalties, corners[::-1], line[::-1]) for line in path]
        slopes[:, varying] = np.stack(at, axis=1) / spread[varying]
    return mean - slopes @ means, slopes


def _choose(x: Float64Array, y: Float64Array, fold: AnyArray, rule: Rule) -> tuple[pd.DataFrame, float]:
    """Compute the error of each penalty in patients left out; predictors are scaled within each training part."""
    largest = float(np.abs((x - x.mean(axis=0)).T @ (y - y.mean()) / x.std(axis=0)).max()) / len(y)
    penalties = np.geomspace(largest, largest * SMALLEST, PENALTIES)
    squared = []
    for number in np.unique(fold):
        left_out = fold == number
        intercepts, slopes = coefficients_at(x[~left_out], y[~left_out], penalties)
        residual = y[left_out, None] - intercepts - x[left_out] @ slopes.T
        squared.append((residual**2).mean(axis=0))
    by_fold = np.stack(squared)
    error, se = by_fold.mean(axis=0), by_fold.std(axis=0, ddof=1) / np.sqrt(len(by_fold))
    best = int(np.argmin(error))
    if rule == "one_se":
        best = int(np.argmax(error <= error[best] + se[best]))
    return pd.DataFrame({"penalty": penalties, "error": error, "standard_error": se}), float(penalties[best])
