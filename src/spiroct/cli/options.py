"""Options and endings that several verbs share, with one wording each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from spiroct.batch.scans import BatchSummary, ScanTask

Scan = Annotated[Path, typer.Argument(help="DICOM folder or zip, NIfTI, MHA, MHD or NRRD file.", show_default=False)]
ScanOrCohort = Annotated[
    Path, typer.Argument(help="DICOM folder or zip, NIfTI, MHA, MHD or NRRD file; or cohort.csv.", show_default=False)
]
Out = Annotated[Path, typer.Option("--out", help="Output folder; new, empty, or of the same run.", show_default=False)]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the files of an earlier run in --out.")]
Force = Annotated[bool, typer.Option("--force", help="Go on where a judgement on the scan would refuse it.")]
Series = Annotated[str | None, typer.Option("--series", help="SeriesInstanceUID to read.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")]
SexOption = Annotated[str | None, typer.Option("--sex", help="F or M.", show_default=False)]
AgeOption = Annotated[float | None, typer.Option("--age", help="Age in years, as 53.4.", show_default=False)]
HeightOption = Annotated[float | None, typer.Option("--height", help="Height in cm, as 168.", show_default=False)]
EthnicityOption = Annotated[
    str | None,
    typer.Option(
        "--ethnicity",
        help="For gli-2012: caucasian, african_american, ne_asian, se_asian, other_mixed.",
        show_default=False,
    ),
]
EquationsOption = Annotated[str, typer.Option("--equations", help="Reference equations: gli-global-2022 or gli-2012.")]
DlcoOption = Annotated[float | None, typer.Option("--dlco", help="Measured DLCO in --dlco-unit.", show_default=False)]
Fev1Option = Annotated[float | None, typer.Option("--fev1", help="Measured FEV1 in L.", show_default=False)]
FvcOption = Annotated[float | None, typer.Option("--fvc", help="Measured FVC in L.", show_default=False)]
TlcOption = Annotated[float | None, typer.Option("--tlc", help="Measured TLC in L.", show_default=False)]
DlcoUnit = Annotated[str, typer.Option("--dlco-unit", help="mmol/min/kPa or mL/min/mmHg.")]


def refuse_with_cohort(names: Sequence[str], columns: str) -> None:
    """Refuse options that are of one scan where a cohort is given; ``columns`` is what the table has for them.

    Raises
    ------
    UsageError
        If there is one.
    """
    from spiroct.errors import UsageError

    if names:
        raise UsageError(
            f"{', '.join(names)} with a cohort", "what is known of many scans stands in the table", f"fill in {columns}"
        )


def json_lines(document: str) -> Callable[[ScanTask, Path], None]:
    """Print the document of each scan of a batch on one line as it finishes (JSON Lines)."""
    import json

    def print_line(_: ScanTask, folder: Path) -> None:
        found = json.loads((folder / document).read_text(encoding="utf-8"))
        typer.echo(json.dumps(found, sort_keys=True, ensure_ascii=False))

    return print_line


def end_of_batch(summary: BatchSummary, out: Path, table: str, done: str, *, quiet: bool) -> None:
    """Say how a batch ended, and end with exit code 3 where some scans failed."""
    from spiroct.errors import ExitCode

    if not quiet:
        typer.echo(f"scans {done}: {len(summary.done)}; {done} before: {len(summary.resumed)}")
        typer.echo(f"table: {out / table}")
        if summary.failures:
            typer.echo(f"failed: {len(summary.failures)}, with reasons in {out / 'failures.csv'}")
    if summary.failures:
        raise typer.Exit(int(ExitCode.SOME_FAILED))
