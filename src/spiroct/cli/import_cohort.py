"""``spiroct import``: another group's folder as a cohort.csv."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spiroct.cli import options
from spiroct.errors import ExitCode

if TYPE_CHECKING:
    from spiroct.workflows.import_cohort import ImportSummary

app = typer.Typer(help="Make a cohort.csv of a public data set's folder.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(help="Folder of the data set.", show_default=False)]
MaxGap = Annotated[
    float | None,
    typer.Option("--max-gap", help="Days between CT and lung function at most; no limit when left out."),
]
Check = Annotated[bool, typer.Option("--check/--no-check", help="Read every scan and leave out the broken ones.")]


@app.command("lumc")
def lumc(
    *,
    folder: Folder,
    out: options.Out,
    labels: Annotated[
        Path | None, typer.Option("--labels", help="Table of lung function, CSV or Excel.", show_default=False)
    ] = None,
    scans: Annotated[
        Path | None, typer.Option("--scans", help="Folder of the scans of one resolution.", show_default=False)
    ] = None,
    max_gap: MaxGap = None,
    check: Check = True,
    overwrite: options.Overwrite = False,
) -> None:
    """Import the systemic sclerosis data of the LUMC (Zenodo 12120376): NIfTI scans, masks and one table."""
    from spiroct.workflows.import_cohort import import_lumc_cohort

    _tell(
        import_lumc_cohort(
            folder, out=out, labels=labels, scans=scans, max_gap_days=max_gap, check=check, overwrite=overwrite
        ),
        out,
    )


@app.command("osic")
def osic(
    *,
    folder: Folder,
    out: options.Out,
    max_gap: MaxGap = None,
    check: Check = True,
    overwrite: options.Overwrite = False,
) -> None:
    """Import the OSIC pulmonary fibrosis data (Kaggle): train.csv and train/PATIENT/*.dcm; FVC only."""
    from spiroct.workflows.import_cohort import import_osic_cohort

    _tell(import_osic_cohort(folder, out=out, max_gap_days=max_gap, check=check, overwrite=overwrite), out)


def _tell(summary: ImportSummary, out: Path) -> None:
    counts = ", ".join(f"{measure} {count}" for measure, count in summary.counts.items())
    typer.echo(f"{len(summary.cohort)} scans: {counts}")
    kinds: dict[str, int] = {}
    for failure in summary.left_out:
        kinds[failure.kind] = kinds.get(failure.kind, 0) + 1
    if kinds:
        words = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        typer.echo(f"left out: {words} ({out / 'failures.csv'})")
    typer.echo(f"cohort: {out / 'cohort.csv'}")
    if summary.failed:
        raise typer.Exit(ExitCode.SOME_FAILED)
