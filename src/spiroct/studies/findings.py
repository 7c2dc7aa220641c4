"""What a study found, in one sentence a question, and where that differs from what the paper found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from spiroct.evaluation.table_six import TableSix
from spiroct.reporting.wording import number

Verdict = Literal["as in the paper", "undecided", "not as in the paper", "not asked by the paper", "not run"]
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Finding:
    """The answer to one question.

    Parameters
    ----------
    question : str
    verdict : str
        Of :data:`Verdict`.
    sentence : str
        What was found, with its numbers.
    """

    question: str
    verdict: Verdict
    sentence: str


def contrast_findings(contrasts: pd.DataFrame) -> list[Finding]:
    """Judge every contrast on the pooled validation by the MAE; seeds that do not agree leave it undecided.

    The sentence tells the first seed's numbers, and the mean change of each seed.
    """
    found = []
    chosen = contrasts.loc[(contrasts["set"] == "validation") & (contrasts["metric"] == "mae")]
    for (question, name, expected), every in chosen.groupby(["question", "contrast", "expected"], sort=False):
        rows = every.loc[every["seed"] == 1]
        judge = {"lower": _lower, "equal": _equal, "none": _none, "open": _open}[str(expected)]
        verdict, sentence = judge(rows)
        if any(judge(other)[0] != verdict for _, other in every.groupby("seed")):
            verdict = "undecided"
        found.append(Finding(str(question), verdict, f"{_capital(str(name))}: {sentence}{_seeds(every)}"))
    return found


def _counts(rows: pd.DataFrame) -> tuple[int, int, int, int]:
    """Measures; those with a lower error; those lower, and higher, beyond chance."""
    lower, upper = rows["upper"] < 0, rows["lower"] > 0
    return len(rows), int((rows["difference"] < 0).sum()), int(lower.sum()), int(upper.sum())


def _lower(rows: pd.DataFrame) -> tuple[Verdict, str]:
    k, better, sure, worse = _counts(rows)
    told = f"the MAE is lower in {better} of {k} measures ({_change(rows)}), beyond chance in {sure}"
    told += f", and higher beyond chance in {worse}" if worse else ""
    if sure and not worse and better > k / 2:
        return "as in the paper", told
    if better <= k / 2 and not sure:
        allowed = int((rows["lower"] <= 0).sum())
        return "not as in the paper", f"{told}; the intervals allow the paper's direction in {allowed}"
    return "undecided", told


def _equal(rows: pd.DataFrame) -> tuple[Verdict, str]:
    different = int((rows["p_holm"] < SIGNIFICANT).sum())
    shown = int((rows["equivalent_p_holm"] < SIGNIFICANT).sum())
    told = f"a difference is significant in {different} of {len(rows)} measures ({_change(rows)}), and equivalence "
    told += f"within the margin is shown in {shown}"
    return ("not as in the paper" if different else "as in the paper"), told


def _none(rows: pd.DataFrame) -> tuple[Verdict, str]:
    k, better, sure, worse = _counts(rows)
    told = f"the MAE is lower in {better} of {k} measures ({_change(rows)}), beyond chance in {sure}; none was expected"
    return ("not asked by the paper", told) if not sure and not worse else ("undecided", told)


def _open(rows: pd.DataFrame) -> tuple[Verdict, str]:
    k, better, sure, worse = _counts(rows)
    told = f"the MAE is lower in {better} of {k} measures ({_change(rows)}), lower beyond chance in {sure}, higher in "
    return "not asked by the paper", f"{told}{worse}"


def _change(rows: pd.DataFrame) -> str:
    change = 100 * rows["difference"] / rows["against_value"]
    cells = (f"{m} {'+' if c > 0 else ''}{number(float(c), 0)} %" for m, c in zip(rows["measure"], change, strict=True))
    return ", ".join(cells)


def _seeds(every: pd.DataFrame) -> str:
    seeds = every["seed"].nunique()
    if seeds < 2:
        return ""
    mean = every.assign(share=100 * every["difference"] / every["against_value"]).groupby("seed")["share"].mean()
    cells = ", ".join(f"{'+' if v > 0 else ''}{number(float(v), 1)} %" for v in mean)
    return f"; mean change over the measures by seed: {cells}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


PAPER_CORRELATIONS = (("V_lung", "absolute"), ("V_lung", "%"), ("Perc85", "%"), ("beta", "absolute"))
"""Section III of Jia 2023, on Figure 4 C: biomarkers that go with every absolute PFT, or with every %predicted."""


def biomarker_finding(correlations: pd.DataFrame) -> Finding:
    """Say which of the paper's correlations between biomarkers and lung function are there (Figure 4 C)."""
    cells = []
    held = total = 0
    for biomarker, quantity in PAPER_CORRELATIONS:
        percent = correlations["column"].str.endswith("%pred")
        rows = correlations.loc[(correlations["row"] == biomarker) & (percent == (quantity != "absolute"))]
        known = rows.loc[rows["r"].notna()]
        if known.empty:
            nowhere = correlations.loc[correlations["row"] == biomarker, "r"].isna().all()
            cells += [f"{biomarker} could not be measured"] if nowhere else []
            continue
        sure = int((known["p"] < SIGNIFICANT).sum())
        what = "PFTs" if quantity == "absolute" else "%predicted"
        span = f" (R {number(known['r'].min())} to {number(known['r'].max())})"
        cells.append(f"{biomarker} with {sure} of {len(known)} {what}{span}")
        held, total = held + (sure == len(known)), total + 1
    measured = len(PAPER_CORRELATIONS) == total
    verdict: Verdict = "as in the paper" if held == total and measured else "undecided"
    verdict = verdict if held else "not as in the paper"
    return Finding("Q1", verdict, f"Manual biomarkers go with lung function at p < 0.05: {'; '.join(cells)}")


def repeatability_finding(metrics: pd.DataFrame, limits: Mapping[str, float]) -> Finding:
    """Say whether errors exceed what repeated tests may differ by, as the paper found in every measure (Table 5)."""
    rows = metrics.loc[(metrics["metric"] == "mape") & metrics["headline"] & (metrics["set"] == "test")]
    rows = rows.loc[rows["quantity"] == "absolute"]
    cells, above = [], 0
    for row in rows.itertuples():
        limit = limits[row.measure]
        above += bool(row.value > limit)
        cells.append(f"{row.measure} {number(row.value, 0)} % against {number(limit, 0)} %")
    verdict: Verdict = "as in the paper" if above == len(rows) else "not as in the paper"
    told = f"the MAPE of the test exceeds the repeatability of the measurement in {above} of {len(rows)} measures"
    return Finding("Q6", verdict, f"{_capital(told)} ({', '.join(cells)})")


def regression_finding(found: TableSix) -> Finding:
    """Say whether biomarkers add to the network: by the paper's stepwise regression, and out of fold."""
    entered = [
        str(measure)
        for measure, steps in found.steps.groupby("measure", sort=False)
        if any(name not in (f"Net{measure}", "") for step in steps["predictors"] for name in str(step).split(", "))
    ]
    honest = found.honest.loc[found.honest["method"] == "stepwise"]
    gains = [f"{row.measure} {'+' if row.gain > 0 else ''}{number(row.gain, 3)}" for row in honest.itertuples()]
    k = len(honest)
    gained = int((honest["gain"] > 0).sum())
    told = (
        f"stepwise regression adds biomarkers to the network's estimate in {len(entered)} of {k} measures; "
        f"out of fold R rises in {gained} ({', '.join(gains)})"
    )
    if entered and gained == k:
        verdict: Verdict = "as in the paper"
    elif len(entered) == k or gained:
        verdict = "undecided"
    else:
        verdict = "not as in the paper"
    return Finding("Q7", verdict, _capital(told))


def permuted_finding(metrics: pd.DataFrame) -> Finding:
    """Say whether a network learned anything where there was nothing to learn.

    Folds are not pooled: each fold's network estimates about the mean of the other folds, which is the lower, the
    higher its own fold is, and so estimates of nothing correlate negatively over pooled folds.
    """
    r = metrics.loc[metrics["metric"] == "r"]
    folds = r.loc[(r["set"] == "validation") & r["fold"].str.isdecimal()].groupby("measure", sort=False)["value"].mean()
    test = r.loc[(r["set"] == "test") & r["headline"]]
    inside = int(((test["lower"] <= 0) & (test["upper"] >= 0)).sum())
    cells = ", ".join(f"{measure} {number(value)}" for measure, value in folds.items())
    told = (
        f"with permuted lung function the mean R within folds is {cells}, and the interval of the test's R holds 0 in "
    )
    return Finding("controls", "not asked by the paper", _capital(f"{told}{inside} of {len(test)} measures"))


def discrepancies(contrasts: pd.DataFrame) -> pd.DataFrame:
    """List the differences of MAE whose direction is not the paper's, and whether the interval allows it.

    Returns
    -------
    DataFrame
        ``question, contrast, measure, ours, lower, upper, paper, allowed``; pooled validation, first seed.
    """
    rows = contrasts.loc[
        (contrasts["metric"] == "mae") & (contrasts["set"] == "validation") & (contrasts["seed"] == 1)
    ].dropna(subset=["published", "published_against"])
    paper = rows["published"] - rows["published_against"]
    apart = rows.loc[np.sign(paper) * np.sign(rows["difference"]) < 0].copy()
    apart["paper"] = paper.loc[apart.index]
    reaches = np.where(apart["paper"] < 0, apart["lower"] < 0, apart["upper"] > 0)
    apart["allowed"] = reaches
    return apart.rename(columns={"difference": "ours"})[
        ["question", "contrast", "measure", "ours", "lower", "upper", "paper", "allowed"]
    ].reset_index(drop=True)
