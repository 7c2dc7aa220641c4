"""Draw folds and a test split: by patient, balanced in sex and TLC, the same for the same seed."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from spiroct.cohort.cohort import Cohort
from spiroct.errors import UsageError
from spiroct.pft.measures import Measure

# Jia 2023: 316 patients, 64 of them for the test.
TEST_SHARE = 64 / 316


def draw_folds(cohort: Cohort, *, folds: int = 4, seed: int = 0) -> Cohort:
    """Give every scan that is not for the test a fold.

    Patients are sorted by sex and TLC and dealt out in turn, each round in a random order: fold sizes differ
    by at most one patient, and every fold holds the same mix. The result depends on the patients and the seed
    alone, not on the order of rows.

    Parameters
    ----------
    cohort : Cohort
    folds : int
        Number of folds, 2 or more.
    seed : int

    Returns
    -------
    Cohort
        With column ``fold``: 1 to ``folds``, missing for test scans.

    Raises
    ------
    UsageError
        If there are fewer than two folds or fewer patients than folds.
    """
    table = cohort.table.copy()
    training = table["split"] != "test" if "split" in table else table["patient_id"].notna()
    patients = _sorted_patients(table.loc[training])
    if folds < 2 or len(patients) < folds:
        raise UsageError(
            f"{folds} folds for {len(patients)} patients",
            "there are at least two folds and at least as many patients as folds",
            "choose another number of folds",
        )
    rng = np.random.default_rng(np.random.SeedSequence((seed, folds, 1)))
    dealt = np.concatenate([rng.permutation(folds) + 1 for _ in range(-(-len(patients) // folds))])
    fold_of = dict(zip(patients, dealt.tolist(), strict=False))
    table["fold"] = pd.array(
        [fold_of[patient] if train else pd.NA for patient, train in zip(table["patient_id"], training, strict=True)],
        dtype="Int64",
    )
    return cohort.with_table(table)


def draw_split(cohort: Cohort, *, test_share: float = TEST_SHARE, seed: int = 0) -> Cohort:
    """Set test patients aside, evenly over sex and TLC.

    Parameters
    ----------
    cohort : Cohort
    test_share : float
        Share of the patients, rounded to whole patients.
    seed : int

    Returns
    -------
    Cohort
        With column ``split``: ``"train"`` or ``"test"``.

    Raises
    ------
    UsageError
        If the share is not between 0 and 1.
    """
    if not 0 <= test_share < 1:
        raise UsageError(f"test share {test_share:g}", "it is at least 0 and below 1", "use such as 0.2")
    table = cohort.table.copy()
    patients = _sorted_patients(table)
    count = round(len(patients) * test_share)
    rng = np.random.default_rng(np.random.SeedSequence((seed, 2)))
    # systematic sampling: one patient from each of `count` equal stretches of the sorted list
    edges = np.linspace(0, len(patients), count + 1).round().astype(int)
    chosen = {patients[int(rng.integers(low, high))] for low, high in pairwise(edges.tolist())}
    table["split"] = np.array(["test" if p in chosen else "train" for p in table["patient_id"]], dtype=object)
    return cohort.with_table(table)


def _sorted_patients(table: pd.DataFrame) -> list[str]:
    """Patients by sex and TLC (their first scan's in scan order; missing last), ties by name."""
    first = table.sort_values("scan_id").drop_duplicates("patient_id")
    ordered = first.sort_values(["sex", Measure.TLC.value, "patient_id"], na_position="last")
    return [str(name) for name in ordered["patient_id"]]
