"""The paper's Table 6: measured lung function explained by the network's estimate and biomarkers, and what to trust."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from spiroct.errors import InputError, UsageError
from spiroct.evaluation.nested import CrossValidated, cross_validated
from spiroct.evaluation.stepwise import stepwise

# Jia 2023, section III.H, and where biomarkers.csv has them: region and name.
PAPER_BIOMARKERS: Mapping[str, tuple[str, str]] = {
    "Perc85": ("lungs", "perc85"),
    "alpha": ("lungs", "alpha"),
    "beta": ("lungs", "beta"),
    "V_lung": ("lungs", "volume"),
    "V_vessel": ("lungs", "vessel_volume"),
}


@dataclass(frozen=True, eq=False)
class TableSix:
    """Multiple regression of several measures.

    Parameters
    ----------
    steps : DataFrame
        ``measure`` and the columns of :class:`spiroct.evaluation.stepwise.Stepwise`.
    coefficients : DataFrame
        ``measure`` and the columns of its coefficients.
    honest : DataFrame
        One row a measure and ``method`` (stepwise, lasso): ``n``, ``r_apparent``, ``adjusted_r2_apparent``,
        ``r_out_of_fold``, ``r2_out_of_fold``, ``r_network`` and ``r2_network`` (the network alone, out of fold),
        ``gain`` in R over the network, ``optimism`` and the optimism in one ``sentence``.
    frequency : DataFrame
        ``measure, method, predictor, chosen``: share of the folds that chose a predictor.
    reasons : dict of str to str
        Measures left out, and why.
    """

    steps: pd.DataFrame
    coefficients: pd.DataFrame
    honest: pd.DataFrame
    frequency: pd.DataFrame
    reasons: dict[str, str]


def table_six(
    predictions: pd.DataFrame,
    biomarkers: pd.DataFrame,
    *,
    names: Mapping[str, tuple[str, str]] = PAPER_BIOMARKERS,
    grid: str | None = None,
    folds: int = 10,
    repeats: int = 20,
    seed: int = 0,
) -> TableSix:
    """Regress every measure stepwise on the network's estimate and biomarkers, as printed and nested in folds.

    Parameters
    ----------
    predictions : DataFrame
        Columns as in ``predictions.csv``, of one model and set: a scan has one absolute estimate a measure.
    biomarkers : DataFrame
        Columns as in ``biomarkers.csv``.
    names : mapping of str to (str, str)
        Candidates by the name to print: region and biomarker.
    grid : str, optional
        Grid of the biomarkers, where the table has several.
    folds, repeats, seed : int
        Of the honest version; patients stay whole.

    Returns
    -------
    TableSix
        A measure that cannot be regressed is left out with its reason.

    Raises
    ------
    UsageError, InputError
        If the tables lack columns or have several values for one scan.
    """
    parts: dict[str, list[pd.DataFrame]] = {"steps": [], "coefficients": [], "frequency": []}
    honest, reasons = [], {}
    for measure in dict.fromkeys(_absolute(predictions)["measure"]):
        table = regression_table(predictions, biomarkers, measure, names=names, grid=grid)
        network = f"Net{measure}"
        candidates = [network, *names]
        try:
            printed = stepwise(table, "measured", candidates)
            judged = [
                cross_validated(
                    table, "measured", candidates, method=method, baseline=(network,), folds=folds,
                    repeats=repeats, seed=seed, groups="patient_id",
                )
                for method in ("stepwise", "lasso")
            ]  # fmt: skip
        except (InputError, UsageError) as refusal:
            reasons[measure] = str(refusal)
            continue
        parts["steps"].append(printed.steps.assign(measure=measure))
        parts["coefficients"].append(printed.coefficients.assign(measure=measure))
        for one in judged:
            honest.append({"measure": measure, **_honest(one)})
            parts["frequency"].append(one.frequency.assign(measure=measure, method=one.method))
    first = ("measure", "method")
    tables = {name: _joined(found, first) for name, found in parts.items()}
    return TableSix(honest=pd.DataFrame(honest), reasons=reasons, **tables)


def regression_table(
    predictions: pd.DataFrame,
    biomarkers: pd.DataFrame,
    measure: str,
    *,
    names: Mapping[str, tuple[str, str]] = PAPER_BIOMARKERS,
    grid: str | None = None,
) -> pd.DataFrame:
    """Lay the network's estimates of one measure and biomarkers side by side, one row a scan.

    Returns
    -------
    DataFrame
        ``patient_id, scan_id, measured, Net<measure>`` and one column a biomarker, NaN where a scan has none.

    Raises
    ------
    UsageError, InputError
        As :func:`table_six`.
    """
    rows = _absolute(predictions)
    rows = rows.loc[rows["measure"] == measure]
    if rows["scan_id"].duplicated().any():
        twice = rows.loc[rows["scan_id"].duplicated(), "scan_id"].iloc[0]
        raise UsageError(
            f"scan {twice} has several estimates of {measure}",
            "a regression takes one estimate a scan",
            "choose one model, set and fold first",
        )
    table = rows[["patient_id", "scan_id", "measured"]].assign(**{f"Net{measure}": rows["estimated"]})
    _require(biomarkers, "biomarkers", ("scan_id", "region", "biomarker", "value", "grid"))
    chosen = biomarkers if grid is None else biomarkers.loc[biomarkers["grid"] == grid]
    for name, (region, biomarker) in names.items():
        values = chosen.loc[(chosen["region"] == region) & (chosen["biomarker"] == biomarker), ["scan_id", "value"]]
        if values.empty:
            raise InputError(
                f"no biomarker {biomarker} of {region} in the table",
                f"the regression needs it as {name}",
                "measure it, or leave it out of the candidates",
            )
        if values["scan_id"].duplicated().any():
            twice = values.loc[values["scan_id"].duplicated(), "scan_id"].iloc[0]
            raise InputError(
                f"scan {twice} has several values of {biomarker} of {region}",
                "a scan has one value of each biomarker on one grid",
                "name the grid",
            )
        table[name] = table["scan_id"].map(values.set_index("scan_id")["value"]).astype("float64")
    return table.reset_index(drop=True)


def _absolute(predictions: pd.DataFrame) -> pd.DataFrame:
    columns = ("patient_id", "scan_id", "measure", "quantity", "measured", "estimated")
    _require(predictions, "predictions", columns)
    return predictions.loc[predictions["quantity"] == "absolute"]


def _require(table: pd.DataFrame, what: str, columns: tuple[str, ...]) -> None:
    if missing := [name for name in columns if name not in table]:
        raise InputError(
            f"{what} without column {', '.join(missing)}",
            f"they need {', '.join(columns)}",
            "give the table as spiroct writes it",
        )


def _honest(one: CrossValidated) -> dict[str, object]:
    return {
        "method": one.method,
        "n": one.n,
        "r_apparent": one.apparent_r,
        "adjusted_r2_apparent": one.apparent_adjusted_r2,
        "r_out_of_fold": one.r,
        "r2_out_of_fold": one.r2,
        "r_network": one.baseline_r,
        "r2_network": one.baseline_r2,
        "gain": one.r - one.baseline_r,
        "optimism": one.optimism,
        "sentence": one.sentence,
    }


def _joined(found: list[pd.DataFrame], first: tuple[str, ...]) -> pd.DataFrame:
    if not found:
        return pd.DataFrame()
    table = pd.concat(found, ignore_index=True)
    return table[[*(c for c in first if c in table), *(c for c in table.columns if c not in first)]]
