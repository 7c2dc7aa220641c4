"""``spiroct study``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spiroct.cli import options


def study(
    *,
    cohort: Annotated[Path, typer.Argument(help="cohort.csv.", show_default=False)],
    out: options.Out,
    scale: Annotated[str, typer.Option("--scale", help="tiny, small or paper.")] = "small",
    questions: Annotated[
        str | None,
        typer.Option("--questions", help="As Q2,Q5,external or 'Table 7'; all if left out.", show_default=False),
    ] = None,
    healthy: Annotated[
        Path | None, typer.Option("--healthy", help="cohort.csv of healthy people; simulated if left out.")
    ] = None,
    external: Annotated[
        Path | None, typer.Option("--external", help="cohort.csv of another site; simulated if left out.")
    ] = None,
    pretraining: Annotated[
        Path | None,
        typer.Option("--pretraining", help="cohort.csv that transfer learns from first; simulated if left out."),
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Print the trainings and their time, and end.")] = False,
    finished_only: Annotated[
        bool, typer.Option("--finished-only", help="Train nothing: tables of what is finished.")
    ] = False,
    shard: Annotated[
        str | None,
        typer.Option(
            "--shard", help="K/N: every N-th training and no tables; 0/N what these need.", show_default=False
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of everything drawn.")] = 0,
    accelerator: Annotated[str, typer.Option("--accelerator", help="auto, cpu or gpu.")] = "auto",
    devices: Annotated[int, typer.Option("--devices", help="Devices that train in step.")] = 1,
    nodes: Annotated[int, typer.Option("--nodes", help="Nodes of a cluster, each with --devices.")] = 1,
    workers: Annotated[int, typer.Option("--workers", help="Processes that render simulated patients.")] = 1,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Write tables and page anew; finished trainings are kept.")
    ] = False,
) -> None:
    """Answer the seven questions of Jia 2023 on a cohort, with every table and figure."""
    from spiroct.studies.recipe import QUESTIONS
    from spiroct.studies.study import plan as planned
    from spiroct.studies.study import study as run

    asked = QUESTIONS if questions is None else tuple(questions.split(","))
    if plan:
        table = planned(cohort, out=out, scale=scale, questions=asked, seed=seed)
        typer.echo(table.to_string(index=False, float_format=lambda value: f"{value:.1f}"))
        left = table.loc[table["state"] != "done", "minutes"].sum()
        typer.echo(f"trainings: {len(table)}; in all {table['minutes'].sum():.0f} min, still to do {left:.0f} min")
        return
    found = run(
        cohort,
        out=out,
        scale=scale,
        questions=asked,
        healthy=healthy,
        external=external,
        pretraining=pretraining,
        finished_only=finished_only,
        shard=shard,
        seed=seed,
        accelerator=accelerator,
        devices=devices,
        nodes=nodes,
        workers=workers,
        overwrite=overwrite,
    )
    for one in found:
        typer.echo(f"{one.question}: {one.verdict}: {one.sentence}.")
    typer.echo(f"study: {out / ('report.html' if shard is None else 'steps')}")
