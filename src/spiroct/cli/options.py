"""Options and endings that several verbs share, with one wording each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from spiroct.batch.execution import Execution
    from spiroct.batch.scan_task import ScanTask
    from spiroct.batch.scans import BatchSummary
    from spiroct.batch.shards import Shard

Scan = Annotated[Path, typer.Argument(help="DICOM folder or zip, NIfTI, MHA, MHD or NRRD file.", show_default=False)]
Scans = Annotated[
    list[Path],
    typer.Argument(
        help="DICOM folder or zip, NIfTI, MHA, MHD or NRRD file; several of these; or cohort.csv.",
        show_default=False,
    ),
]
Out = Annotated[Path, typer.Option("--out", help="Output folder; new, empty, or of the same run.", show_default=False)]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the files of an earlier run in --out.")]
Force = Annotated[bool, typer.Option("--force", help="Go on where a judgement on the scan would refuse it.")]
Series = Annotated[str | None, typer.Option("--series", help="SeriesInstanceUID to read.", show_default=False)]
ModelOption = Annotated[str | None, typer.Option("--model", help="Checkpoint: a name of 'spiroct models' or a folder.")]
EngineOption = Annotated[
    str,
    typer.Option("--engine", help="What runs the network: auto, openvino, openvino-bf16, torch, torch-fused, cuda."),
]
_LOBE_METHODS = "lungmask, totalsegmentator"
LobesOption = Annotated[str | None, typer.Option("--lobes", help=f"Lobes, too: {_LOBE_METHODS}.", show_default=False)]
LobesOrMapOption = Annotated[
    str | None, typer.Option("--lobes", help=f"Lobes, too: {_LOBE_METHODS} or a label map.", show_default=False)
]
WeightsOption = Annotated[
    Path | None, typer.Option("--weights", help=f"Folder of the weights of {_LOBE_METHODS}.", show_default=False)
]
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

SchedulerOption = Annotated[
    str | None,
    typer.Option("--scheduler", help="Many scans: address of a running Dask scheduler to work on.", show_default=False),
]
ClusterOption = Annotated[
    Path | None,
    typer.Option("--cluster", help="Many scans: TOML file that describes a cluster, as Slurm.", show_default=False),
]
WorkersOption = Annotated[
    int | None,
    typer.Option("--workers", help="Many scans: processes on this machine; by cores and memory if left out."),
]
ShardOption = Annotated[
    str | None,
    typer.Option("--shard", help="Many scans: only part K of N, as 3/20, for job arrays.", show_default=False),
]
TimeLimitOption = Annotated[
    float, typer.Option("--time-limit", help="Many scans: seconds for one scan, then it counts as failed.")
]


def place_of_work(
    scheduler: str | None, cluster: Path | None, workers: int | None, time_limit: float, shard: str | None
) -> tuple[Execution | None, Shard | None]:
    """Where a batch runs and which part of it; no place, one scan after the other here, where Dask is not installed."""
    from importlib.util import find_spec

    from spiroct.batch.execution import Execution
    from spiroct.batch.shards import Shard

    part = None if shard is None else Shard.parse(shard)
    execution = Execution(scheduler=scheduler, cluster=cluster, workers=workers, time_limit_s=time_limit)
    wanted = scheduler is not None or cluster is not None or workers is not None
    return (execution if wanted or find_spec("distributed") is not None else None), part


def many(scans: Sequence[Path]) -> Path | Sequence[Path] | None:
    """Tell what a batch works on: a cohort's table, known by its ending ``.csv``, or several scans; None for one scan.

    Raises
    ------
    UsageError
        If there is a table among several.
    """
    tables = [path for path in scans if path.suffix.lower() == ".csv"]
    if tables and len(scans) > 1:
        from spiroct.errors import UsageError

        raise UsageError(
            f"{tables[0]} among {len(scans)} scans", "a command takes one cohort.csv or scans", "give the table alone"
        )
    return tables[0] if tables else scans if len(scans) > 1 else None


def refuse_with_many(given: Path | Sequence[Path], single: Mapping[str, object], columns: str) -> None:
    """Refuse options that are of one scan where many are given; ``columns`` is what a cohort's table has for them.

    Raises
    ------
    UsageError
        If there is one.
    """
    from spiroct.errors import UsageError

    names = [name for name, value in single.items() if value is not None and value is not False]
    if not names:
        return
    there = "a cohort" if isinstance(given, Path) else f"{len(given)} scans"
    if names == ["--series"]:
        raise UsageError(
            f"--series with {there}",
            "it chooses from the folder of one scan",
            "give that folder alone, or leave it out: of every folder the series best suited is read",
        )
    if isinstance(given, Path):
        rule, remedy = "what is known of many scans stands in the table", f"fill in {columns}"
    else:
        rule = f"what is said of one scan would be said of all {len(given)}"
        remedy = f"list the scans in a cohort.csv and fill in {columns} there, or give them one at a time"
    raise UsageError(f"{', '.join(names)} with {there}", rule, remedy)


def refuse_with_one(scheduler: str | None, cluster: Path | None, workers: int | None, shard: str | None) -> None:
    """Refuse options of many scans where one is given.

    Raises
    ------
    UsageError
        If there is one.
    """
    from spiroct.errors import UsageError

    named = {"--scheduler": scheduler, "--cluster": cluster, "--workers": workers, "--shard": shard}
    if names := [name for name, value in named.items() if value is not None]:
        raise UsageError(
            f"{', '.join(names)} with one scan", "it shares out many", "give several, or a cohort.csv, or leave it out"
        )


def json_lines(document: str) -> Callable[[ScanTask, Path], None]:
    """Print the document of each scan of a batch on one line as it finishes (JSON Lines)."""
    import json

    def print_line(_: ScanTask, folder: Path) -> None:
        found = json.loads((folder / document).read_text(encoding="utf-8"))
        typer.echo(json.dumps(found, sort_keys=True, ensure_ascii=False))

    return print_line


def end_of_batch(
    summary: BatchSummary, out: Path, table: str, done: str, *, shard: Shard | None = None, quiet: bool
) -> None:
    """Say how a batch ended, and end with exit code 3 where some scans failed."""
    from spiroct.errors import ExitCode

    table, failures = (n if shard is None else shard.name_of(n) for n in (table, "failures.csv"))

    if not quiet:
        typer.echo(f"scans {done}: {len(summary.done)}; {done} before: {len(summary.resumed)}")
        typer.echo(f"table: {out / table}")
        if summary.failures:
            typer.echo(f"failed: {len(summary.failures)}, with reasons in {out / failures}")
    if summary.failures:
        raise typer.Exit(int(ExitCode.SOME_FAILED))
