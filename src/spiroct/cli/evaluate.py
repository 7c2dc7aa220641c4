"""``spiroct evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spiroct.cli import options

Other = Annotated[
    Path | None, typer.Option("--against", help="Predictions of another model, same scans.", show_default=False)
]
CohortTable = Annotated[
    Path | None,
    typer.Option("--cohort", help="cohort.csv, for %predicted, limits of normal and subgroups.", show_default=False),
]
BiomarkerTable = Annotated[
    Path | None, typer.Option("--biomarkers", help="biomarkers.csv, for the regression.", show_default=False)
]


def evaluate(
    *,
    predictions: Annotated[Path, typer.Argument(help="predictions.csv.", show_default=False)],
    out: options.Out,
    against: Other = None,
    cohort: CohortTable = None,
    biomarkers: BiomarkerTable = None,
    equations: options.EquationsOption = "gli-global-2022",
    margin: Annotated[
        float, typer.Option("--margin", help="Margin of equivalence of the MAE, in % of the mean measured value.")
    ] = 2.0,
    resamples: Annotated[int, typer.Option("--resamples", help="Bootstrap resamples.")] = 2000,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the bootstrap.")] = 0,
    overwrite: options.Overwrite = False,
) -> None:
    """Set estimates against measurements: metrics with intervals, tests, the paper's tables, figures and a page."""
    from spiroct.reporting.evaluation_tables import short_text
    from spiroct.workflows.evaluate import evaluate as run

    metrics = run(
        predictions,
        out=out,
        against=against,
        cohort=cohort,
        biomarkers=biomarkers,
        equations=equations,
        margin=margin,
        resamples=resamples,
        seed=seed,
        overwrite=overwrite,
    )
    typer.echo(short_text(metrics))
    typer.echo(f"page: {out / 'evaluation.html'}")
