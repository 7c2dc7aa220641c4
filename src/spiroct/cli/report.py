"""``spiroct report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spiroct.cli import options


def report(
    *,
    result: Annotated[
        Path, typer.Argument(help="Folder that 'spiroct predict' wrote for one scan.", show_default=False)
    ],
    out: options.Out,
    scan: Annotated[
        Path | None, typer.Option("--scan", help="The scan of that result, to show it.", show_default=False)
    ] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Write the report of a result as PDF."""
    from spiroct.workflows.report import report as run

    typer.echo(f"report: {run(result, out=out, scan=scan, overwrite=overwrite)}")
