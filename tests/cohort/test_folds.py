"""Folds and the test split: whole patients, balanced, and a function of the seed alone."""

import numpy as np
import pytest

from spiroct.cohort.cohort import Cohort
from spiroct.cohort.folds import draw_folds, draw_split
from spiroct.errors import UsageError


def prepared(cohort: Cohort, seed: int = 0) -> Cohort:
    return draw_folds(draw_split(cohort, seed=seed), seed=seed)


def test_no_patient_straddles(many: Cohort) -> None:
    table = prepared(many).table
    assert (table.groupby("patient_id")["split"].nunique() == 1).all()
    assert (table.groupby("patient_id")["fold"].nunique() <= 1).all()
    assert table.loc[table["split"] == "test", "fold"].isna().all()
    assert table.loc[table["split"] == "train", "fold"].notna().all()


def test_sizes_are_even(many: Cohort) -> None:
    table = prepared(many).table.drop_duplicates("patient_id")
    assert (table["split"] == "test").sum() == round(300 * 64 / 316)
    sizes = table.loc[table["split"] == "train", "fold"].value_counts()
    assert sorted(sizes.index) == [1, 2, 3, 4]
    assert sizes.max() - sizes.min() <= 1


def test_the_papers_cohort_splits_252_and_64(many: Cohort) -> None:
    table = many.table.assign(patient_id=many.table["scan_id"])
    split = draw_split(many.with_table(table)).table["split"]
    assert (split == "train").sum() == 252
    assert (split == "test").sum() == 64


def test_folds_have_the_same_mix(many: Cohort) -> None:
    table = prepared(many).table.sort_values("scan_id").drop_duplicates("patient_id")
    train = table.loc[table["split"] == "train"]
    women = train.groupby("fold")["sex"].apply(lambda s: (s == "F").mean())
    assert women.max() - women.min() < 0.06
    tlc = train.groupby("fold")["TLC"].mean()
    assert tlc.max() - tlc.min() < 0.15  # chance alone: 1.4 / sqrt(60) * 2.1 = 0.38
    both = table.groupby("split")["TLC"].mean()
    assert abs(both["train"] - both["test"]) < 0.15


def test_row_order_changes_nothing_and_the_seed_does(many: Cohort) -> None:
    shuffled = many.with_table(many.table.sample(frac=1, random_state=1).reset_index(drop=True))
    columns = ["scan_id", "split", "fold"]
    one, two = (prepared(c).table[columns].sort_values("scan_id") for c in (many, shuffled))
    assert one.astype(str).to_numpy().tolist() == two.astype(str).to_numpy().tolist()
    other = prepared(many, seed=1).table[columns]
    assert one.astype(str).to_numpy().tolist() != other.astype(str).to_numpy().tolist()


def test_missing_tlc_is_dealt_too(many: Cohort) -> None:
    table = many.table.copy()
    table.loc[::3, "TLC"] = np.nan
    assert draw_folds(many.with_table(table)).table["fold"].notna().all()


@pytest.mark.parametrize("folds", [1, 301])
def test_refuses_impossible_folds(many: Cohort, folds: int) -> None:
    with pytest.raises(UsageError, match=f"{folds} folds for 300 patients"):
        draw_folds(many, folds=folds)


def test_refuses_an_impossible_share(many: Cohort) -> None:
    with pytest.raises(UsageError, match="test share 20"):
        draw_split(many, test_share=20)


def test_parts(many: Cohort) -> None:
    split = draw_split(many)
    assert len(split.part("train")) + len(split.part("test")) == len(split) == 316
    assert split.has_split
    assert not split.has_folds
    assert not many.has_split
