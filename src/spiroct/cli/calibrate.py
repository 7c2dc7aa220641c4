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
    bfloat16: Annotated[
        bool, typer.Option("--bfloat16", help="Also record what bfloat16 changes: the default if next to nothing.")
    ] = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Give a checkpoint intervals that hold for the patients of a cohort; its networks stay as they are."""
    from spiroct.checkpoints.catalogue import DEFAULT_CHECKPOINT
    from spiroct.inference.engines.precision import RECORD, Deviation
    from spiroct.workflows.calibrate import calibrate as run

    found = run(cohort, out=out, model=model or DEFAULT_CHECKPOINT, keep=keep, bfloat16=bfloat16, overwrite=overwrite)
    typer.echo(f"checkpoint: {out / 'checkpoint'}")
    for quantity, covered in found.provenance["calibration"]["interval_coverage_before"].items():
        if quantity != "level" and covered["n"]:
            typer.echo(f"{quantity}: the intervals it had hold {100 * covered['share']:.1f} % of {covered['n']}")
    if bfloat16:
        change = Deviation(**found.provenance[RECORD])
        then = "the default from now on" if change.negligible else "to be chosen only"
        typer.echo(
            f"bfloat16: {100 * change.rms:.2f} % of an SD off (rms), {100 * change.maximum:.2f} % at most, "
            f"{change.scans} scans; {then}"
        )
