"""What the paper found, as pairs of networks: which is better, by how much, and whether that is chance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from spiroct.evaluation import published
from spiroct.evaluation.comparison import BOOTSTRAP, EQUIVALENCE, WILCOXON, WILCOXON_PAPER, compare
from spiroct.pft.measures import Measure

Expectation = Literal["lower", "equal", "none", "open"]
Published = Callable[[Measure], tuple[float, float]]


@dataclass(frozen=True)
class Contrast:
    """Two networks and what is expected of the difference of their errors.

    Parameters
    ----------
    question : str
    name : str
        Short, for a table.
    model, against : str
        Labels of rows; the difference is model minus against.
    expected : {"lower", "equal", "none", "open"}
        Of the MAE: lower as the paper found; equal as the paper found; none because nothing can cause one; open where
        the paper has no such row.
    cohort, quantity : str
    published : callable or None
        The paper's two MAEs of a measure.
    seeds : bool
        Whether it is a headline contrast.
    """

    question: str
    name: str
    model: str
    against: str
    expected: Expectation
    cohort: str = "patients"
    quantity: str = "absolute"
    published: Published | None = None
    seeds: bool = False


def _validation(model: str, against: str) -> Published:
    return lambda m: (published.VALIDATION[model][m]["mae"][-1], published.VALIDATION[against][m]["mae"][-1])


def _inputs(model: str, against: str) -> Published:
    place = list(Measure)
    return lambda m: (published.INPUTS[model]["mae"][place.index(m)], published.INPUTS[against]["mae"][place.index(m)])


def _percent(m: Measure) -> tuple[float, float]:
    return published.PERCENT_PREDICTED["indirect"][m][2], published.PERCENT_PREDICTED["direct"][m][2]


FOUR, ONE = "transfer, 4 outputs", "transfer, 1 output"
SCRATCH = "from scratch, 4 outputs"
WHOLE, LUNGS, LEFT, RIGHT = "whole CT", "both lungs", "left lung", "right lung"
CONTRASTS: tuple[Contrast, ...] = (
    Contrast("Q2", "transfer against scratch", FOUR, SCRATCH, "lower",
             published=_validation("transfer, 4 outputs", "scratch, 4 outputs"), seeds=True),
    Contrast("Q3", "indirect against direct %predicted", FOUR, "direct", "lower", quantity="percent_predicted",
             published=_percent),
    Contrast("Q3", "indirect against direct, told demographics", FOUR, "direct, told demographics", "open",
             quantity="percent_predicted"),
    Contrast("Q4", "one output against four", ONE, FOUR, "equal",
             published=_validation("transfer, 1 output", "transfer, 4 outputs")),
    Contrast("Q5", "whole CT against both lungs", WHOLE, LUNGS, "lower", published=_inputs(WHOLE, LUNGS), seeds=True),
    Contrast("Q5", "both lungs against left lung", LUNGS, LEFT, "lower", published=_inputs(LUNGS, LEFT)),
    Contrast("Q5", "both lungs against right lung", LUNGS, RIGHT, "lower", published=_inputs(LUNGS, RIGHT)),
    Contrast("Q5", "both lungs against vessels", LUNGS, "vessels", "lower", published=_inputs(LUNGS, "vessels")),
    Contrast("Q5", "vessels against binarised vessels", "vessels", "binarised vessels", "open",
             published=_inputs("vessels", "binarised vessels")),
    Contrast("Q5", "both lungs against lung shape", LUNGS, "lung shape", "open"),
    Contrast("Q5", "whole CT against outside the lungs", WHOLE, "outside the lungs", "open"),
    Contrast("Q5", "whole CT against both lungs + demographics", WHOLE, "both lungs + demographics", "open"),
    Contrast("controls", "twin without outside causes: whole CT against both lungs", "twin: whole CT",
             "twin: both lungs", "none", cohort="twin"),
)  # fmt: skip
"""Every contrast that the study judges, in the order of the questions."""

COLUMNS = (
    "question", "contrast", "cohort", "set", "quantity", "measure", "seed", "expected", "metric", "value",
    "against_value", "difference", "lower", "upper", "p", "p_holm", "p_paper", "equivalent_p_holm", "margin",
    "published", "published_against", "n",
)  # fmt: skip


def contrast_table(
    predictions: Mapping[str, pd.DataFrame], *, seeds: int, resamples: int, seed: int = 0
) -> pd.DataFrame:
    """Judge every contrast of which both networks are there.

    Parameters
    ----------
    predictions : mapping of str to DataFrame
        By cohort, as :func:`spiroct.studies.collection.collected` gives them.
    seeds : int
        Of headline contrasts.
    resamples, seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        Columns :data:`COLUMNS`; one row a contrast, set, measure, seed and metric (``mae``, ``r``). Intervals come
        from a bootstrap over patients; ``p`` is Wilcoxon's on absolute errors, ``p_holm`` corrected over the measures,
        ``p_paper`` the same test on the two predictions, as the authors' code has it.
    """
    parts = []
    for contrast in CONTRASTS:
        table = predictions.get(contrast.cohort)
        if table is None:
            continue
        for k in range(seeds if contrast.seeds else 1):
            suffix = "" if k == 0 else f", seed {k + 1}"
            own = table.loc[table["quantity"] == contrast.quantity]
            first, second = (own.loc[own["model"] == f"{m}{suffix}"] for m in (contrast.model, contrast.against))
            if len(first) and len(second) and set(first["measure"]) & set(second["measure"]):
                found = compare(first, second, resamples=resamples, seed=seed)
                parts.append(_rows(contrast, k + 1, found))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))


def _rows(contrast: Contrast, seed: int, found: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for (set_name, measure), own in found.groupby(["set", "measure"], sort=False):
        tests = own.set_index(["test", "metric"])
        if (WILCOXON, "absolute_error") not in tests.index:
            continue
        errors, equal = tests.loc[(WILCOXON, "absolute_error")], tests.loc[(EQUIVALENCE, "mae")]
        for metric in ("mae", "r"):
            row = tests.loc[(BOOTSTRAP, metric)]
            pair = contrast.published(Measure(measure)) if contrast.published and metric == "mae" else (None, None)
            rows.append(
                {
                    "question": contrast.question, "contrast": contrast.name, "cohort": contrast.cohort,
                    "set": set_name, "quantity": contrast.quantity, "measure": measure, "seed": seed,
                    "expected": contrast.expected, "metric": metric, "value": row["value"],
                    "against_value": row["against_value"], "difference": row["difference"], "lower": row["lower"],
                    "upper": row["upper"], "p": errors["p"], "p_holm": errors["p_holm"],
                    "p_paper": tests.loc[(WILCOXON_PAPER, "estimated"), "p"], "equivalent_p_holm": equal["p_holm"],
                    "margin": equal["margin"], "published": pair[0], "published_against": pair[1], "n": row["n"],
                }
            )  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))
