"""The honest version of a selection: chosen inside each fold, judged on the patients left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from spiroct.errors import InputError, UsageError
from spiroct.evaluation.agreement import pearson_r
from spiroct.evaluation.folds import deal_folds, groups_of
from spiroct.evaluation.lasso import Rule, check_rule, fit_lasso
from spiroct.evaluation.least_squares import Design, design_of, least_squares
from spiroct.evaluation.stepwise import ENTER, REMOVE, check_levels, select
from spiroct.types import AnyArray, Float64Array

Method = Literal["stepwise", "lasso", "all"]
Line = tuple[float, Float64Array]
Fitter = Callable[[Float64Array, Float64Array, AnyArray], Line]
INNER_FOLDS = 5


@dataclass(frozen=True, eq=False)
class CrossValidated:
    """A selection of predictors, as it looks where it was made and as it does on patients left out.

    Parameters
    ----------
    method : str
        How predictors were chosen.
    r, r2 : float
        Correlation of response and out-of-fold estimates, and 1 - squared errors over those of the training mean; means
        over the repeats. R2 needs no adjustment for the number of predictors, and may be negative. A repeat in which no
        fold chose anything counts with R 0; both are NaN where that is so in all of them.
    apparent_r, apparent_adjusted_r2 : float
        Of the same selection on all patients at once; R is 0 where nothing was chosen.
    baseline_r, baseline_r2 : float
        Out-of-fold, of the baseline predictors alone without a selection; NaN where none were named.
    frequency : DataFrame
        ``predictor`` and ``chosen``: share of the folds, over all repeats, that chose it.
    estimates : array (repeats, n)
        Out-of-fold estimates of the complete patients, in the table's order.
    n, folds, repeats : int
        Patients, folds and repeats.
    """

    method: str
    r: float
    r2: float
    apparent_r: float
    apparent_adjusted_r2: float
    baseline_r: float
    baseline_r2: float
    frequency: pd.DataFrame
    estimates: Float64Array
    n: int
    folds: int
    repeats: int

    @property
    def optimism(self) -> float:
        """How much larger R looks on the patients that chose the predictors; NaN where it cannot be said."""
        return self.apparent_r - self.r

    @property
    def sentence(self) -> str:
        """The optimism in one line."""
        how = f"{self.folds}-fold cross-validation, {self.repeats} repeat{'s' if self.repeats > 1 else ''}"
        if not np.isfinite(self.r):
            return f"No predictor was chosen in any fold ({how}, {self.n} patients)."
        return (
            f"R {self.apparent_r:.2f} on the {self.n} patients that chose the predictors, {self.r:.2f} on patients "
            f"left out ({how}): an optimism of {self.optimism:.2f}."
        ).replace("-0.", "\u22120.")


def cross_validated(
    table: pd.DataFrame,
    response: str,
    predictors: Sequence[str],
    *,
    method: Method = "stepwise",
    baseline: Sequence[str] = (),
    folds: int = 10,
    repeats: int = 20,
    seed: int = 0,
    groups: str | None = None,
    enter: float = ENTER,
    remove: float = REMOVE,
    rule: Rule = "min",
) -> CrossValidated:
    """Judge a selection of predictors on patients that had no part in it.

    Each training part selects anew, fits, and estimates the patients left out, as Stone 1974 (J R Stat Soc B 36:111)
    asks of any choice made from data; the folds are dealt several times because one deal is a lottery in small cohorts.

    Parameters
    ----------
    table : DataFrame
        One row a patient, or a scan with ``groups`` naming the patient's column.
    response : str
        Column to explain.
    predictors : sequence of str
        Candidates.
    method : {"stepwise", "lasso", "all"}
        Selection; ``all`` keeps every candidate. LASSO chooses its penalty in an inner cross-validation.
    baseline : sequence of str
        Predictors, among the candidates, to set it against: usually the network's estimate alone.
    folds, repeats : int
        Folds of one deal, and how many deals.
    seed : int
        Deals the folds.
    groups : str, optional
        Column whose equal values stay in one fold.
    enter, remove : float
        Levels of the stepwise selection.
    rule : {"min", "one_se"}
        Penalty of the LASSO.

    Returns
    -------
    CrossValidated

    Raises
    ------
    UsageError, InputError
        If the method is unknown, the columns cannot be regressed, or a training part would be too small.
    """
    check_levels(enter, remove)
    check_rule(rule)
    if method not in ("stepwise", "lasso", "all") or repeats < 1:
        raise UsageError(
            f"method {method!r} with {repeats} repeats",
            "the methods are stepwise, lasso and all, and at least one repeat is needed",
            "choose others",
        )
    design = design_of(table, response, predictors)
    if unknown := [name for name in baseline if name not in design.predictors]:
        raise UsageError(f"baseline {', '.join(unknown)}", "it is among the predictors", "add it to them")
    patients = groups_of(table, groups, design.rows)
    deals = [deal_folds(patients, folds, (seed, repeat)) for repeat in range(repeats)]
    _check_parts(design, deals)
    fitter = _fitter(method, enter, remove, rule, seed)
    found = _run(design, patients, deals, fitter)
    r, r2 = _scores(design.y, found)
    columns = [design.predictors.index(name) for name in baseline]
    alone = _scores(design.y, _run(design, patients, deals, _fixed(columns))) if columns else (np.nan, np.nan)
    apparent_r, adjusted = _apparent(design, fitter(design.x, design.y, patients))
    return CrossValidated(
        method=method,
        r=r,
        r2=r2,
        apparent_r=apparent_r,
        apparent_adjusted_r2=adjusted,
        baseline_r=alone[0],
        baseline_r2=alone[1],
        frequency=pd.DataFrame({"predictor": design.predictors, "chosen": found.chosen.mean(axis=0)}),
        estimates=found.estimates,
        n=len(design.y),
        folds=folds,
        repeats=repeats,
    )


@dataclass(frozen=True, eq=False)
class _OutOfFold:
    estimates: Float64Array  # (repeats, n)
    means: Float64Array  # (repeats, n): mean response of the training part
    chosen: Float64Array  # (repeats, p): share of the folds that chose each predictor


def _check_parts(design: Design, deals: list[AnyArray]) -> None:
    """Every training part has to bear the regression, and every predictor has to vary in it."""
    p = design.x.shape[1]
    for fold in deals:
        for number in np.unique(fold):
            part = design.x[fold != number]
            if len(part) < max(2 * p, p + 3) or (np.ptp(part, axis=0) == 0).any():
                raise InputError(
                    f"{len(design.y)} patients in {len(np.unique(fold))} folds leave {len(part)} to choose among "
                    f"{p} predictors",
                    f"a training part needs {max(2 * p, p + 3)} patients at least and predictors that vary in it",
                    "add patients, take fewer predictors or more folds",
                )


def _run(design: Design, patients: AnyArray, deals: list[AnyArray], fitter: Fitter) -> _OutOfFold:
    estimates = np.empty((len(deals), len(design.y)))
    means, chosen = np.empty_like(estimates), np.zeros((len(deals), design.x.shape[1]))
    for row, fold in enumerate(deals):
        numbers = np.unique(fold)
        for number in numbers:
            out = fold == number
            intercept, slopes = fitter(design.x[~out], design.y[~out], patients[~out])
            estimates[row, out] = intercept + design.x[out] @ slopes
            means[row, out] = design.y[~out].mean()
            chosen[row] += slopes != 0
        chosen[row] /= len(numbers)
    return _OutOfFold(estimates, means, chosen)


def _scores(y: Float64Array, found: _OutOfFold) -> tuple[float, float]:
    """R and R2, means over the deals; a deal that chose nothing has R 0, for means of the others run against it."""
    if not found.chosen.any():
        return float("nan"), float("nan")
    told = [bool(part.any()) for part in found.chosen]
    r = [pearson_r(y, one) if some else 0.0 for one, some in zip(found.estimates, told, strict=True)]
    r2 = 1 - ((y - found.estimates) ** 2).sum(axis=1) / ((y - found.means) ** 2).sum(axis=1)
    return float(np.mean(r)), float(np.mean(r2))


def _apparent(design: Design, line: Line) -> tuple[float, float]:
    intercept, slopes = line
    kept = int((slopes != 0).sum())
    if not kept:
        return 0.0, 0.0
    estimates = intercept + design.x @ slopes
    n, y = len(design.y), design.y
    r2 = 1 - float(((y - estimates) ** 2).sum()) / float(((y - y.mean()) ** 2).sum())
    return pearson_r(y, estimates), 1 - (1 - r2) * (n - 1) / (n - kept - 1)


def _fitter(method: Method, enter: float, remove: float, rule: Rule, seed: int) -> Fitter:
    def by_steps(x: Float64Array, y: Float64Array, _: AnyArray) -> Line:
        moves = select(x, y, enter=enter, remove=remove)
        return _line(x, y, list(moves[-1].members) if moves else [])

    def by_lasso(x: Float64Array, y: Float64Array, patients: AnyArray) -> Line:
        inner = min(INNER_FOLDS, len(np.unique(patients)))
        return fit_lasso(x, y, deal_folds(patients, inner, (seed, INNER_FOLDS)), rule)

    def by_all(x: Float64Array, y: Float64Array, _: AnyArray) -> Line:
        return _line(x, y, list(range(x.shape[1])))

    return {"stepwise": by_steps, "lasso": by_lasso, "all": by_all}[method]


def _fixed(columns: list[int]) -> Fitter:
    return lambda x, y, _: _line(x, y, columns)


def _line(x: Float64Array, y: Float64Array, columns: list[int]) -> Line:
    """Fit the columns by least squares; coefficients (p,) are 0 elsewhere."""
    slopes = np.zeros(x.shape[1])
    if not columns:
        return float(y.mean()), slopes
    fit = least_squares(x[:, columns], y)
    slopes[columns] = fit.coefficients
    return fit.intercept, slopes
