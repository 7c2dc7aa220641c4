"""``spiroct segment``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spiroct.cli import options


def segment(
    *,
    scan: options.Scan,
    out: options.Out,
    lungs: Annotated[
        str,
        typer.Option("--lungs", help="Lung segmentation method: threshold, multi-atlas, lungmask, totalsegmentator."),
    ] = "threshold",
    atlases: Annotated[
        Path | None,
        typer.Option(
            "--atlases",
            help="For multi-atlas: folder of images and lung label maps, or cohort.csv.",
            show_default=False,
        ),
    ] = None,
    fusion: Annotated[str, typer.Option("--fusion", help="For multi-atlas: local, majority or staple.")] = "local",
    weights: Annotated[
        Path | None,
        typer.Option(
            "--weights", help="For lungmask and totalsegmentator: folder of their weights.", show_default=False
        ),
    ] = None,
    lobes: Annotated[
        str | None,
        typer.Option("--lobes", help="Segment lobes too: lungmask, totalsegmentator.", show_default=False),
    ] = None,
    vessels: Annotated[
        str | None,
        typer.Option(
            "--vessels", help="Segment vessels and airways too: graph-cut, graph-cut-frangi.", show_default=False
        ),
    ] = None,
    series: options.Series = None,
    force: options.Force = False,
    overwrite: options.Overwrite = False,
    as_json: options.AsJson = False,
) -> None:
    """Write the lung mask of one chest CT (1 = right, 2 = left), and of lobes, vessels and airways where asked."""
    from spiroct.documents import to_json
    from spiroct.segmentation.lungs import LOBE_NAMES
    from spiroct.workflows.segment import segment as run

    result = run(
        scan,
        out=out,
        lungs=lungs,
        atlases=atlases,
        fusion=fusion,
        weights=weights,
        lobes=lobes,
        vessels=vessels,
        series=series,
        force=force,
        overwrite=overwrite,
    )
    volumes = {"lungs": None, "right lung": 1, "left lung": 2}
    litres = {name: result.lungs.volume_l(label) for name, label in volumes.items()}
    if result.lobes is not None:
        litres |= {f"{name} lobe": result.lobes.volume_l(label) for label, name in enumerate(LOBE_NAMES, start=1)}
    for name, mask in (("vessels", result.vessels), ("airways", result.airways)):
        if mask is not None:
            litres[name] = mask.volume_l()
    if as_json:
        regions = {name.replace(" ", "_"): {"volume": {"value": v, "unit": "L"}} for name, v in litres.items()}
        document = {
            "schema": "spiroct.segment",
            "schema_version": 1,
            "scan_id": result.scan_id,
            "biomarkers": regions,
        }
        typer.echo(to_json(document), nl=False)
    else:
        for name, value in litres.items():
            typer.echo(f"{name:<18}{value:6.2f} L")
        typer.echo(f"mask: {out / 'lungs.nii.gz'}")
        if result.lobes is not None:
            typer.echo(f"mask: {out / 'lobes.nii.gz'}")
        if result.vessels is not None:
            typer.echo(f"masks: {out / 'vessels.nii.gz'}, {out / 'airways.nii.gz'}")
