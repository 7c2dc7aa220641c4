"""``spiroct calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spiroct.cli import options


def calibrate(
    *,
    cohort: Annotated[Path, typer.Argument(help="cohort.csv of patients that no network saw.", show_default=False)],
    out: options.Out,
    model: options.ModelOption = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the errors it has beside the new ones: patients of one population.")
    ] = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Give a checkpoint intervals that hold for the patients of a cohort; its networks stay as they are."""
    from spiroct.checkpoints.catalogue import DEFAULT_CHECKPOINT
    from spiroct.workflows.calibrate import calibrate as run

    found = run(cohort, out=out, model=model or DEFAULT_CHECKPOINT, keep=keep, overwrite=overwrite)
    typer.echo(f"checkpoint: {out / 'checkpoint'}")
    for quantity, covered in found.provenance["calibration"]["interval_coverage_before"].items():
        if quantity != "level" and covered["n"]:
            typer.echo(f"{quantity}: the intervals it had hold {100 * covered['share']:.1f} % of {covered['n']}")
