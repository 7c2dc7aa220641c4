"""``spiroct simulate``: patients with known lung function."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spiroct.cli import options

app = typer.Typer(help="Make simulated patients with known lung function.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(help="Output folder.", show_default=False)]
Site = Annotated[str, typer.Option("--site", help="A or B: another scanner, kernel and population.")]
Preset = Annotated[str, typer.Option("--preset", help="ssc or healthy.")]
Without = Annotated[
    list[str] | None,
    typer.Option("--without", help="Cause (or the start of its name) without effect on function; repeatable."),
]
Variant = Annotated[int, typer.Option("--variant", help="1, or 2: vessel and texture generators no training saw.")]


@app.command("patient")
def patient(
    *,
    out: Folder,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the patient's cohort.")] = 0,
    index: Annotated[int, typer.Option("--index", help="Number of the patient in that cohort.")] = 0,
    site: Site = "A",
    preset: Preset = "ssc",
    variant: Variant = 1,
    source: Annotated[
        Path | None, typer.Option("--from", help="A patient.json or its folder to start from.", show_default=False)
    ] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="CAUSE=VALUE, such as ild_extent=0.3; repeatable.")
    ] = None,
    file_format: Annotated[str, typer.Option("--format", help="dicom or nifti.")] = "dicom",
    spacing: Annotated[
        float | None, typer.Option("--spacing", help="Isotropic grid in mm; 1.5 x 1 x 1 mm when left out.")
    ] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Make one simulated patient: the CT, the record it follows from, and the truth."""
    from spiroct.workflows.simulate import simulate_patient

    simulate_patient(
        out,
        seed=seed,
        index=index,
        site=site,
        preset=preset,
        variant=variant,
        from_record=source,
        changes=tuple(changes or ()),
        file_format=file_format,
        spacing=spacing,
        overwrite=overwrite,
    )
    typer.echo(f"simulated patient: {out}")


@app.command("cohort")
def cohort(
    *,
    out: Folder,
    n: Annotated[int, typer.Option("--n", help="Number of patients.")] = 316,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the cohort.")] = 0,
    site: Site = "A",
    preset: Preset = "ssc",
    without: Without = None,
    permute: Annotated[bool, typer.Option("--permute", help="Permute the PFTs: nothing to learn.")] = False,
    variant: Variant = 1,
    spacing: Annotated[float, typer.Option("--spacing", help="Isotropic grid in mm.")] = 1.5,
    images: Annotated[bool, typer.Option("--images/--no-images", help="Render the CTs.")] = True,
    workers: Annotated[int, typer.Option("--workers", help="Processes.")] = 1,
    overwrite: options.Overwrite = False,
) -> None:
    """Make a simulated cohort: cohort.csv, images, masks and the truth."""
    from spiroct.workflows.simulate import simulate_cohort

    simulate_cohort(
        out,
        n=n,
        seed=seed,
        site=site,
        preset=preset,
        without=tuple(without or ()),
        permute=permute,
        variant=variant,
        spacing=spacing,
        images=images,
        workers=workers,
        overwrite=overwrite,
    )
    typer.echo(f"simulated cohort: {out / 'cohort.csv'}")
