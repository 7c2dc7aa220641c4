"""``spiroct train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spiroct.cli import options


def train(
    *,
    cohort: Annotated[Path, typer.Argument(help="cohort.csv.", show_default=False)],
    out: options.Out,
    recipe: Annotated[str, typer.Option("--recipe", help="Name of a recipe or a TOML file.")] = "default",
    init: Annotated[
        str, typer.Option("--init", help="Where weights begin: scratch, kinetics, ct, or a checkpoint's folder.")
    ] = "scratch",
    weights: Annotated[
        Path | None, typer.Option("--weights", help="File of the pretrained weights.", show_default=False)
    ] = None,
    region: Annotated[
        str | None, typer.Option("--region", help="Input region instead of the recipe's.", show_default=False)
    ] = None,
    measures: Annotated[
        str | None, typer.Option("--measures", help="Measures to learn, as DLCO or FEV1,FVC.", show_default=False)
    ] = None,
    aux: Annotated[
        str | None,
        typer.Option(
            "--aux", help="What the network takes beside the image: demographics, biomarkers, both.", show_default=False
        ),
    ] = None,
    folds: Annotated[int, typer.Option("--folds", help="Folds, where the table has none.")] = 4,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the training.")] = 0,
    accelerator: Annotated[str, typer.Option("--accelerator", help="auto, cpu or gpu.")] = "auto",
    devices: Annotated[int, typer.Option("--devices", help="Devices that train in step.")] = 1,
    nodes: Annotated[int, typer.Option("--nodes", help="Nodes of a cluster, each with --devices.")] = 1,
    mlflow: Annotated[
        str | None,
        typer.Option("--mlflow", help="Record the training at this MLflow address too.", show_default=False),
    ] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Cross-validate a network on a cohort and save a checkpoint that predict takes."""
    from spiroct.workflows.train import train as run

    finished = run(
        cohort,
        out=out,
        recipe=recipe,
        init=init,
        weights=weights,
        region=region,
        measures=measures,
        aux=aux,
        folds=folds,
        seed=seed,
        accelerator=accelerator,
        devices=devices,
        nodes=nodes,
        mlflow=mlflow,
        overwrite=overwrite,
    )
    if finished is None:  # a process that follows another one
        return
    typer.echo(f"checkpoint: {out / 'checkpoint'}")
    typer.echo(f"predictions: {out / 'predictions.csv'}")
