"""Stepwise linear regression after SPSS's rule, which the paper's Table 6 comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spiroct.errors import UsageError
from spiroct.evaluation.least_squares import (
    PERFECT,
    Design,
    LeastSquares,
    coefficient_rows,
    design_of,
    f_change,
    least_squares,
)
from spiroct.types import Float64Array

ENTER, REMOVE = 0.05, 0.10
STEP_COLUMNS = (
    *("step", "action", "predictor", "predictors", "n", "r", "r2", "adjusted_r2", "standard_error"),
    *("r2_change", "f_change", "df1", "df2", "p_change"),
)
COEFFICIENT_COLUMNS = (
    *("step", "predictor", "coefficient", "standard_error", "lower", "upper"),
    *("standardised", "t", "p", "tolerance", "vif"),
)


@dataclass(frozen=True, eq=False)
class Stepwise:
    """What a stepwise regression did.

    Parameters
    ----------
    steps : DataFrame
        One row a step: what was ``entered`` or ``removed``, the predictors after it, R, R2, adjusted R2 and residual SD
        of that model, and the change of R2 with its F and p. Empty where no predictor entered.
    coefficients : DataFrame
        One row a step and coefficient, the intercept first, with interval, t, p, tolerance and VIF.
    selected : tuple of str
        Predictors of the last step, in the order in which they entered.
    n, dropped : int
        Patients used, and left out because a value is missing.
    """

    steps: pd.DataFrame
    coefficients: pd.DataFrame
    selected: tuple[str, ...]
    n: int
    dropped: int


@dataclass(frozen=True)
class Move:
    """One step of a selection: the column that was ``entered`` or ``removed``, and the columns in the model then."""

    action: str
    which: int
    members: tuple[int, ...]


def stepwise(
    table: pd.DataFrame, response: str, predictors: Sequence[str], *, enter: float = ENTER, remove: float = REMOVE
) -> Stepwise:
    """Select predictors step by step: the best one enters while p < ``enter``, the worst leaves once p > ``remove``.

    The method STEPWISE of SPSS's REGRESSION: after each step, the predictor with the largest p above ``remove`` leaves;
    where none does, the one that would have the smallest p enters if that is below ``enter``.

    Parameters
    ----------
    table : DataFrame
        One row a patient; other columns are not looked at.
    response : str
        Column to explain, such as the measured DLCO.
    predictors : sequence of str
        Candidates, such as the network's estimate and biomarkers.
    enter, remove : float
        Levels of significance; ``enter`` is the smaller one.

    Returns
    -------
    Stepwise

    Raises
    ------
    UsageError
        If ``enter`` is not below ``remove``, or the columns are chosen wrongly.
    InputError
        If the table cannot be regressed; see :func:`spiroct.evaluation.least_squares.design_of`.

    Notes
    -----
    The p of the steps are smaller than they should be, and R is larger, because the same patients chose the predictors
    and judge them; :func:`spiroct.evaluation.nested.cross_validated` says by how much. Predictors with a tolerance
    below SPSS's 0.0001 are refused at the start instead of passed over in silence.
    """
    check_levels(enter, remove)
    design = design_of(table, response, predictors)
    steps, coefficients = [], []
    before = least_squares(design.x[:, :0], design.y)
    moves = select(design.x, design.y, enter=enter, remove=remove)
    for number, move in enumerate(moves, start=1):
        after = least_squares(design.x[:, move.members], design.y)
        names = [design.predictors[i] for i in move.members]
        steps.append({"step": number, **_step(move, design, names, before, after)})
        coefficients += [{"step": number, **row} for row in coefficient_rows(after, names)]
        before = after
    return Stepwise(
        steps=pd.DataFrame(steps, columns=list(STEP_COLUMNS)),
        coefficients=pd.DataFrame(coefficients, columns=list(COEFFICIENT_COLUMNS)),
        selected=tuple(design.predictors[i] for i in moves[-1].members) if moves else (),
        n=len(design.y),
        dropped=design.dropped,
    )


def check_levels(enter: float, remove: float) -> None:
    """Refuse levels with which a predictor could come and go for ever.

    Raises
    ------
    UsageError
        Unless 0 < ``enter`` < ``remove`` <= 1.
    """
    if not 0 < enter < remove <= 1:
        raise UsageError(
            f"enter below p {enter:g} and remove above p {remove:g}",
            "the level to enter is above 0 and below the level to be removed, which is at most 1",
            "use such as 0.05 and 0.10",
        )


def select(x: Float64Array, y: Float64Array, *, enter: float = ENTER, remove: float = REMOVE) -> list[Move]:
    """Run the selection on bare arrays (n, p) and (n,), and list its moves in their order."""
    members: tuple[int, ...] = ()
    moves: list[Move] = []
    while True:
        leaving = _worst(x, y, members, remove)
        if leaving is not None:
            members = tuple(i for i in members if i != leaving)
            moves.append(Move("removed", leaving, members))
            continue
        entering = _best(x, y, members, enter)
        if entering is None:
            return moves
        members = (*members, entering)
        moves.append(Move("entered", entering, members))


def _worst(x: Float64Array, y: Float64Array, members: tuple[int, ...], remove: float) -> int | None:
    if not members:
        return None
    p = least_squares(x[:, members], y).p[1:]
    worst = int(np.argmax(p))
    return members[worst] if p[worst] > remove else None


def _best(x: Float64Array, y: Float64Array, members: tuple[int, ...], enter: float) -> int | None:
    """Find the candidate with the smallest p; by its t where every p is too small for a number."""
    candidates = [i for i in range(x.shape[1]) if i not in members]
    if not candidates or len(y) - len(members) - 2 < 1 or _perfect(x, y, members):
        return None
    fits = [least_squares(x[:, (*members, i)], y) for i in candidates]
    best = int(np.argmax([abs(fit.t[-1]) for fit in fits]))
    return candidates[best] if fits[best].p[-1] < enter else None


def _perfect(x: Float64Array, y: Float64Array, members: tuple[int, ...]) -> bool:
    return bool(members) and 1 - least_squares(x[:, members], y).r2 < PERFECT


def _step(move: Move, design: Design, names: list[str], before: LeastSquares, after: LeastSquares) -> dict[str, object]:
    larger, smaller = (after, before) if move.action == "entered" else (before, after)
    f, p = f_change(smaller.r2, larger.r2, n=after.n, predictors_after=len(larger.coefficients))
    return {
        "action": move.action,
        "predictor": design.predictors[move.which],
        "predictors": ", ".join(names),
        "n": after.n,
        "r": after.r,
        "r2": after.r2,
        "adjusted_r2": after.adjusted_r2,
        "standard_error": after.standard_error,
        "r2_change": after.r2 - before.r2,
        "f_change": f,
        "df1": 1,
        "df2": larger.freedom,
        "p_change": p,
    }
