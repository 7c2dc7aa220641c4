"""Which rows of a table of predictions are evaluated together: each fold, all folds pooled, or their ensemble."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

POOLED, ENSEMBLE = "pooled", "ensemble"
GROUP = ["model", "set", "measure", "quantity"]


@dataclass(frozen=True, eq=False)
class Part:
    """Predictions that are evaluated together.

    Parameters
    ----------
    model, set_name, fold, measure, quantity : str
        As in predictions.csv; ``fold`` may be ``pooled``.
    rows : DataFrame
        One row a scan, without missing values in ``measured`` and ``estimated``.
    headline : bool
        Whether this part stands for its model and set in a table of one number each: the ensemble where there is one,
        otherwise the pooled folds.
    """

    model: str
    set_name: str
    fold: str
    measure: str
    quantity: str
    rows: pd.DataFrame
    headline: bool

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """Model, set, fold, measure and quantity: the first columns of metrics.csv."""
        return self.model, self.set_name, self.fold, self.measure, self.quantity


def parts_of(predictions: pd.DataFrame) -> Iterator[Part]:
    """Split predictions by model, set, measure and quantity into folds, pooled folds and ensemble.

    Folds are pooled where every scan was estimated once, as in a cross-validation. Where the same scan was estimated by
    several folds' networks, as in a test set, pooling would count it several times: the mean of its estimates is taken
    as the ensemble, without intervals, unless the table brings an ensemble of its own.

    Parameters
    ----------
    predictions : DataFrame
        Columns of predictions.csv; ``fold`` as text.

    Yields
    ------
    Part
        Groups in the order of the table, folds in ascending order.
    """
    known = predictions.dropna(subset=["measured", "estimated"])
    for (model, set_name, measure, quantity), rows in known.groupby(GROUP, sort=False):
        name = (str(model), str(set_name))
        what = (str(measure), str(quantity))
        single = rows.loc[rows["fold"] != ENSEMBLE]
        ensemble = rows.loc[rows["fold"] == ENSEMBLE]
        repeated = bool(single["scan_id"].duplicated().any())
        if repeated and ensemble.empty:
            ensemble = _mean_over_folds(single)
        for fold in sorted(single["fold"].unique(), key=lambda text: (len(text), text)):
            yield Part(*name, str(fold), *what, single.loc[single["fold"] == fold], headline=False)
        if len(single) and not repeated:
            yield Part(*name, POOLED, *what, single, headline=ensemble.empty)
        if len(ensemble):
            yield Part(*name, ENSEMBLE, *what, ensemble, headline=True)


def headlines(predictions: pd.DataFrame) -> list[Part]:
    """Keep the one part of each model, set, measure and quantity that stands for it."""
    return [part for part in parts_of(predictions) if part.headline]


def _mean_over_folds(rows: pd.DataFrame) -> pd.DataFrame:
    first = rows.drop_duplicates("scan_id").set_index("scan_id")
    mean = rows.groupby("scan_id", sort=False)["estimated"].mean()
    return first.assign(estimated=mean, fold=ENSEMBLE, lower=float("nan"), upper=float("nan")).reset_index()
