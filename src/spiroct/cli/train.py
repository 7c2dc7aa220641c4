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
    recipe: Annotated[str, typer.Option("--recipe", help="Name of a recipe or a TOML file.")] = "demonstration",
    seed: Annotated[int, typer.Option("--seed", help="Seed of the training.")] = 0,
    overwrite: options.Overwrite = False,
) -> None:
    """Train a network on a cohort and save a checkpoint that predict takes."""
    from spiroct.workflows.train import train as run

    run(cohort, out=out, recipe=recipe, seed=seed, overwrite=overwrite)
    typer.echo(f"checkpoint: {out / 'checkpoint'}")
