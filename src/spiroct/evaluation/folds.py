"""Folds of a table for cross-validating a regression: patients dealt out whole."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spiroct.errors import InputError, UsageError
from spiroct.types import AnyArray


def deal_folds(groups: AnyArray, folds: int, key: tuple[int, ...]) -> AnyArray:
    """Deal groups out to folds whose sizes differ by one group at most.

    Parameters
    ----------
    groups : array (n,)
        Rows with the same number stay in one fold.
    folds : int
        2 or more.
    key : tuple of int
        Seeds the draw.

    Returns
    -------
    array (n,)
        Fold of each row, from 0.

    Raises
    ------
    UsageError
        If there are fewer than two folds, or fewer groups than folds.
    """
    names, inverse = np.unique(groups, return_inverse=True)
    if not 2 <= folds <= len(names):
        raise UsageError(
            f"{folds} folds for {len(names)} patients",
            "cross-validation needs two folds at least and no more than patients",
            "choose another number of folds",
        )
    rng = np.random.default_rng(np.random.SeedSequence(key))
    fold = np.empty(len(names), dtype=np.int64)
    fold[rng.permutation(len(names))] = np.arange(len(names)) % folds
    return fold[inverse]


def groups_of(table: pd.DataFrame, column: str | None, rows: AnyArray) -> AnyArray:
    """Give the kept ``rows`` the numbers (n,) of their patients; each row is its own where no column is named.

    Raises
    ------
    InputError
        If there is no such column, or a row names no patient.
    """
    if column is None:
        return np.arange(len(rows))
    if column not in table:
        known = ", ".join(map(str, table.columns))
        raise InputError(f"no column {column} in the table", "it has to name the patient", f"the columns are {known}")
    codes, _ = pd.factorize(table[column].iloc[rows])
    if (codes < 0).any():
        raise InputError(f"{column} is empty in {(codes < 0).sum()} rows", "each row needs its patient", "fill it in")
    return np.asarray(codes)
